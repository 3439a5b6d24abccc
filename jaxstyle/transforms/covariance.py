"""WCT's transform: whiten, then colour with the style's covariance (Li et al. 2017).

    y = C_t^(1/2) C^(-1/2) (x - m) + m_t        symmetric roots, by eigenvalues (ZCA)

Directions whose variance is below `FLOOR` of the largest carry nothing but rounding: whitening leaves
them out instead of blowing them up. The published codes cut at an absolute 1e-5.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature
from jaxstyle.statistics.covariance import EXACT, Covariance

FLOOR = 1e-5


def root(matrix: Float[Array, "c c"], power: float) -> Float[Array, "c c"]:
    """Return a symmetric power of a covariance on the directions above the floor."""
    values, axes = jnp.linalg.eigh(matrix)
    kept = values > FLOOR * values[-1]
    powers = jnp.where(kept, jnp.where(kept, values, 1.0) ** power, 0.0)
    return jnp.matmul(axes * powers, axes.T, precision=EXACT)


def match_covariance(feature: Feature, target: Covariance) -> Feature:
    """Return the feature with the mean and the covariance of `target`."""
    own = Covariance.of(feature)
    matrix = jnp.matmul(root(target.matrix, 0.5), root(own.matrix, -0.5), precision=EXACT)
    return jnp.matmul(feature - own.mean, matrix.T, precision=EXACT) + target.mean
