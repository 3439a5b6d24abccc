"""DeepDream's loss: excite layers more than the content does (Mordvintsev, Olah & Tyka 2015).

    L = sum_l w_l mean(P_l^2) / mean(F_l^2)        P of the content, F of the image

1 at the content, towards 0 as the layer lights up; they climb mean(F^2) / 2 itself. Bounded below, free
of the encoder's scale, and an optimiser can minimise it.
"""

from collections.abc import Mapping

import jax.numpy as jnp

from jaxstyle.core import Features, Loss, Scalar, Weights, pytree
from jaxstyle.statistics.moments import nonzero, square_sum

TINY = 1e-12


@pytree
class Activation(Loss):
    """The content's energy over the image's, weighted by layer."""

    target: dict[str, Scalar]
    weight: dict[str, Scalar]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.target)

    def sums(self, features: Features, weight: Weights | None = None) -> dict[str, tuple]:
        mask = weight or dict.fromkeys(self.target)
        return {name: square_sum(features[name], mask[name]) for name in self.target}

    def finish(self, sums: dict[str, tuple]) -> Scalar:
        energy = {name: total / nonzero(count) for name, (total, count) in sums.items()}
        ratios = {name: self.target[name] / (energy[name] + TINY) for name in self.target}
        return sum(self.weight[name] * ratio for name, ratio in ratios.items())

    @classmethod
    def relative(cls, features: Features, weight: Mapping[str, Scalar]) -> "Activation":
        """Weigh the ratio to these features' energy."""
        return cls({name: jnp.mean(features[name] ** 2) for name in weight}, dict(weight))
