"""The Gram loss: match the second moments of the style's features.

    S_l = 1 / (h w) sum_p f_p f_p^T,    L = sum_l w_l mean((S_l - A_l)^2)        mean over c x c

after Gatys et al. 2016. Every convention in use is this formula with another layer weight, because
the number of pixels is in S already (c channels, content and style of one size where sums are meant):

| source | term | layer weight here |
|---|---|---|
| Gatys et al. 2016, eq. 4 | 1 / (4 c^2 (hw)^2) sum (G - A)^2 | 1/4 |
| Gatys' PyTorch code | 1e3 / c^2 mean (G/hw - A/hw)^2 | 1e3 / c^2 |
| Stanford report, SqueezeNet paper, fast-neural-style | sum (G/chw - A/chw)^2 | 1 |
| neural-style | mean (G/chw - A/chw)^2 | 1 / c^2 |
| jaxstyle | sum (S - A)^2 / sum A^2 | `Gram.relative`: free of the encoder's scale |
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Mask, Scalar, pytree
from jaxstyle.losses.statistical import Averaged
from jaxstyle.statistics.covariance import outer_sum, second_moment


@pytree
class Gram(Averaged):
    """Squared distance to the second moments `target`; under a mask the guided loss of Gatys et al. 2017."""

    @classmethod
    def summary(cls, feature: Feature, weight: Mask | None) -> Float[Array, "c c"]:
        return second_moment(feature, weight)

    @classmethod
    def pixel_sum(cls, feature: Feature, target: Any, weight: Mask | None) -> Float[Array, "c c"]:
        return outer_sum(feature, weight)

    @staticmethod
    def apart(average: Float[Array, "c c"], target: Float[Array, "c c"]) -> Scalar:
        return jnp.mean((average - target) ** 2)

    @staticmethod
    def size(target: Float[Array, "c c"]) -> Scalar:
        return jnp.mean(target**2)
