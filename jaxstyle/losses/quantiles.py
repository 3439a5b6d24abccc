"""Sliced Wasserstein: match the distribution of the style's features along many lines (Heitz et al. 2021).

    L = sum_l w_l mean_v mean_u (Q_F.v(u) - Q_S.v(u))^2        v: `LINES` orthonormal directions

Q are the quantiles of the features projected on v. Differs from the paper: the directions stay the same
for all steps, so that an optimiser sees one function, and are fewer than the channels; the style is
interpolated, so the images may have different sizes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Mask, Scalar, pytree
from jaxstyle.linalg import rotations
from jaxstyle.losses.statistical import Compared
from jaxstyle.statistics.quantiles import Quantiles

LINES = 32


class Sliced(NamedTuple):
    """The quantiles of features along some directions."""

    directions: Float[Array, "c d"]
    quantiles: Quantiles


@pytree
class SlicedWasserstein(Compared):
    """Mean squared distance of quantiles along fixed random directions, weighted by layer."""

    @classmethod
    def summary(cls, feature: Feature, weight: Mask | None) -> Sliced:
        channels = feature.shape[-1]
        directions = rotations(jax.random.key(0), 1, channels)[0][:, :LINES].astype(feature.dtype)
        return Sliced(directions, Quantiles.of(feature @ directions, weight))

    @classmethod
    def distance(cls, feature: Feature, target: Sliced, weight: Mask | None) -> Scalar:
        own = Quantiles.of(feature @ target.directions, weight)
        return _mean((own.values - target.quantiles.at(own.positions)) ** 2, own.weights)

    @staticmethod
    def size(target: Sliced) -> Scalar:
        return _mean(target.quantiles.values**2, target.quantiles.weights)


def _mean(errors: Float[Array, "n d"], weights: Float[Array, "n _"]) -> Scalar:
    """Return the mean over directions of the weighted mean; zero where nothing has weight."""
    sums = jnp.maximum(jnp.sum(weights, axis=0), jnp.finfo(weights.dtype).tiny)
    return jnp.mean(jnp.sum(errors * weights, axis=0) / sums)
