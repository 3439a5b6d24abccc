"""Slices: the quantiles of a feature along the axes of several rotations (Pitie, Kokaram & Dahyot 2005).

    Q_k,d(u) = the value below which lies the share u of r_k,d . f_p        r_k,d: column d of R_k

Conventions: the shares are u = (1 - cos t) / 2 at `KNOTS` even t from 0 to pi, closest at both ends, where
features have their rare and large values; 0 and 1 are the least and the largest value. They are counted on at
most `POINTS` pixels. The mean and the covariance, which all slices share, are kept beside, of all pixels.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Mask, pytree
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.statistics.quantiles import Quantiles

KNOTS = 129
POINTS = 2**11
GOLDEN = (5**0.5 - 1) / 2


def knots(values: Float[Array, "n c"], weights: Float[Array, " n"] | None = None) -> Float[Array, "b c"]:
    """Return the values of every column at the shares of `KNOTS`."""
    rows = _spread(len(values))
    sample = Quantiles.of(values[None, rows], None if weights is None else weights[None, rows])
    shares = (1 - jnp.cos(jnp.linspace(0, jnp.pi, KNOTS)))[:, None] / 2
    weighty = jnp.where(sample.weights > 0, sample.positions, sample.positions[0])
    first, last = weighty[0], jnp.max(weighty, axis=0)
    return sample.at(first + shares * (last - first))


def _spread(count: int) -> np.ndarray:
    """Return at most `POINTS` of the indices below `count`, out of step with the rows of a picture."""
    every = np.arange(min(count, POINTS))
    return every if count <= POINTS else np.sort((count * (every * GOLDEN % 1)).astype(int))


@pytree
class Slices:
    """The quantiles of a feature along the columns of some rotations, its mean and its covariance."""

    covariance: Covariance
    rotations: Float[Array, "k c c"]
    quantiles: Float[Array, "k b c"]

    @classmethod
    def of(cls, feature: Feature, rotations: Float[Array, "k c c"], weight: Mask | None = None) -> "Slices":
        """Summarise a feature over its pixels."""
        feature = feature.astype(jnp.promote_types(feature.dtype, jnp.float32))
        flat, rotations = feature.reshape(-1, feature.shape[-1]), rotations.astype(feature.dtype)
        weights = None if weight is None else weight.reshape(-1)
        quantiles = jax.lax.map(lambda rotation: knots(flat @ rotation, weights), rotations)
        return cls(Covariance.of(feature, weight), rotations, quantiles)
