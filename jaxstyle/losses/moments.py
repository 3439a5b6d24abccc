"""AdaIN's style loss: match mean and deviation of the style's features (Huang & Belongie 2017, eq. 13).

    L = sum_l w_l (mean_c (m - m_t)^2 + mean_c (s - s_t)^2)

| source | term | layer weight here |
|---|---|---|
| the paper's Lua code | sums over c, times 1e-2 | 1e-2 c |
| naoto0804's PyTorch code | means over c, times 10 | 10 |
"""

from collections.abc import Mapping

import jax.numpy as jnp

from jaxstyle.core import Features, Loss, Scalar, pytree
from jaxstyle.statistics import moments


@pytree
class Moments(Loss):
    """Squared distance to the moments `target` of every channel, weighted by layer."""

    target: dict[str, moments.Moments]
    weight: dict[str, Scalar]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.target)

    def __call__(self, features: Features) -> Scalar:
        total = 0.0
        for name, target in self.target.items():
            own = moments.Moments.of(features[name])
            errors = (own.mean - target.mean) ** 2 + (own.deviation - target.deviation) ** 2
            total += self.weight[name] * jnp.mean(errors)
        return total

    @classmethod
    def mean(cls, features: Features, weight: Mapping[str, Scalar]) -> "Moments":
        """Weigh the means of squares."""
        return cls({name: moments.Moments.of(features[name]) for name in weight}, dict(weight))
