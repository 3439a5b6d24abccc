"""Match mean and deviation of the style's features: AdaIN's loss (Huang & Belongie 2017, eq. 13), and the
BN-statistics of Li et al. 2017.

    L = sum_l w_l (mean_c (m - m_t)^2 + mean_c (s - s_t)^2)

| source | term | layer weight here |
|---|---|---|
| the paper's Lua code | sums over c, times 1e-2 | 1e-2 c |
| naoto0804's PyTorch code | means over c, times 10 | 10 |
"""

import jax.numpy as jnp

from jaxstyle.core import Feature, Mask, Scalar, pytree
from jaxstyle.losses.statistical import Compared
from jaxstyle.statistics import moments


@pytree
class Moments(Compared):
    """Squared distance to the moments `target` of every channel, weighted by layer."""

    @classmethod
    def summary(cls, feature: Feature, weight: Mask | None) -> moments.Moments:
        return moments.Moments.of(feature, weight)

    @classmethod
    def distance(cls, feature: Feature, target: moments.Moments, weight: Mask | None) -> Scalar:
        source = moments.Moments.of(feature, weight)
        return jnp.mean((source.mean - target.mean) ** 2 + (source.deviation - target.deviation) ** 2)

    @staticmethod
    def size(target: moments.Moments) -> Scalar:
        return jnp.mean(target.mean**2 + target.variance)
