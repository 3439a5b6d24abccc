"""The MRF loss: every patch of the image like its nearest in the style (Li & Wand 2016).

    L = sum_l w_l mean_p |P_p - S_n(p)|^2        n: greatest normalised correlation

The choice n is made anew at every evaluation and is not differentiated. Mean over patches and entries,
where the paper sums; the paper's code takes every second patch (stride 2), here as the paper writes, all.
"""

import jax
import jax.numpy as jnp

from jaxstyle.core import Feature, Mask, Scalar, pytree
from jaxstyle.losses.statistical import Compared
from jaxstyle.statistics.patches import Patches


@pytree
class MRF(Compared):
    """Mean squared distance of 3 x 3 patches to the style's nearest, weighted by layer."""

    @classmethod
    def summary(cls, feature: Feature, weight: Mask | None) -> Patches:
        return Patches.of(feature, weight=weight)

    @classmethod
    def distance(cls, feature: Feature, target: Patches, weight: Mask | None) -> Scalar:
        source = Patches.of(feature, target.side, weight)
        chosen = target.values[target.nearest(jax.lax.stop_gradient(source.values))]
        errors = jnp.mean((source.values - chosen) ** 2, axis=1)
        return jnp.sum(source.weights * errors) / jnp.maximum(
            jnp.sum(source.weights), jnp.finfo(errors.dtype).tiny
        )

    @staticmethod
    def size(target: Patches) -> Scalar:
        return jnp.mean(target.values**2)
