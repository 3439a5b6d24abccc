"""DeepDream's loss: excite layers more than the content does (Mordvintsev, Olah & Tyka 2015).

    L = sum_l w_l mean(P_l^2) / mean(F_l^2)        P of the content, F of the image

1 at the content, towards 0 as the layer lights up; they climb mean(F^2) / 2 itself. Bounded below, free
of the encoder's scale, and an optimiser can minimise it.
"""

from collections.abc import Mapping
from math import prod

import jax.numpy as jnp

from jaxstyle.core import Features, Loss, Scalar, Window, pytree

TINY = 1e-12


@pytree
class Activation(Loss):
    """The content's energy over the image's, weighted by layer."""

    target: dict[str, Scalar]
    weight: dict[str, Scalar]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.target)

    def __call__(self, features: Features) -> Scalar:
        return self.of_sums({name: jnp.mean(features[name] ** 2) for name in self.target})

    def sums(self, features: Features, window: Window) -> dict[str, Scalar]:
        def share(name: str) -> Scalar:
            energy = jnp.mean(features[name] ** 2, -1) * window.owned(name)
            return jnp.sum(energy) / prod(window.whole(name))

        return {name: share(name) for name in self.target}

    def of_sums(self, sums: dict[str, Scalar]) -> Scalar:
        ratios = {name: self.target[name] / (sums[name] + TINY) for name in self.target}
        return sum(self.weight[name] * ratio for name, ratio in ratios.items())

    @classmethod
    def relative(cls, features: Features, weight: Mapping[str, Scalar]) -> "Activation":
        """Weigh the ratio to these features' energy."""
        return cls({name: jnp.mean(features[name] ** 2) for name in weight}, dict(weight))
