"""The quantiles of the style's features: of every channel, or along many lines.

    L = sum_l w_l mean_v mean_u (Q_F.v(u) - Q_S.v(u))^2        Q: the quantiles of the features along v

`Histograms` (Risser, Wilmot & Barnes 2017): v are the channels. The gradient leads, as the paper's, to the
feature matched to the style's histogram and held fixed. Differs from the paper: all values, not 256 bins; a
mean over pixels, not a sum.

`SlicedWasserstein` (Heitz et al. 2021): v are `LINES` orthonormal directions. Differs from the paper: they
stay the same for all steps, so that an optimiser sees one function, and are fewer than the channels.

The style is interpolated, so the images may have different sizes.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Features, Loss, Mask, Scalar, pytree
from jaxstyle.linalg import rotations
from jaxstyle.losses.covariance import Gram
from jaxstyle.losses.statistical import Compared
from jaxstyle.statistics.quantiles import Quantiles

LINES = 32


@pytree
class Histograms(Compared):
    """Mean squared distance of the quantiles of every channel, weighted by layer."""

    @classmethod
    def with_gram(cls, features: Features, weight: Mapping[str, Scalar], mask: Mask | None = None) -> Loss:
        """Return Gram matrices of all layers and histograms of the first and the last: the loss of the paper.

        Gram matrices alone do not tell a channel's mean from its deviation.
        """
        names = [*weight]
        ends = {name: weight[name] for name in (names[0], names[-1])}
        return Gram.relative(features, weight, mask) + cls.relative(features, ends, mask)

    @classmethod
    def summary(cls, feature: Feature, weight: Mask | None) -> Quantiles:
        return Quantiles.of(feature, weight)

    @classmethod
    def distance(cls, feature: Feature, target: Quantiles, weight: Mask | None) -> Scalar:
        source = Quantiles.of(feature, weight)
        return _mean((source.values - target.at(source.positions)) ** 2, source.weights)

    @staticmethod
    def size(target: Quantiles) -> Scalar:
        return _mean(target.values**2, target.weights)


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
        return Histograms.distance(feature @ target.directions, target.quantiles, weight)

    @staticmethod
    def size(target: Sliced) -> Scalar:
        return Histograms.size(target.quantiles)


def _mean(errors: Float[Array, "n d"], weights: Float[Array, "n _"]) -> Scalar:
    """Return the mean over directions of the weighted mean; zero where nothing has weight."""
    sums = jnp.maximum(jnp.sum(weights, axis=0), jnp.finfo(weights.dtype).tiny)
    return jnp.mean(jnp.sum(errors * weights, axis=0) / sums)
