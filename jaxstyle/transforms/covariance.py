"""WCT's transform: give the feature the mean and the covariance of the style's (Li et al. 2017).

    y = A (x - m) + m_t        with A C A^T = C_t

Many matrices A do; a rotation is free. The field uses four ways:

| A | | |
|---|---|---|
| `zca` | C_t^(1/2) C^(-1/2) | whitening and colouring of Li et al. 2017 |
| `cholesky` | L_t L^(-1), C = L L^T | the cheapest; depends on the order of the channels |
| `monge` | C^(-1/2) (C^(1/2) C_t C^(1/2))^(1/2) C^(-1/2) | the least movement (Pitie & Kokaram 2007) |
| `newton_schulz` | as `zca`, by products alone | for a GPU, and to differentiate |

Directions with (almost) no variance are left out or lifted: see `linalg.py`. The published codes cut
eigenvalues at an absolute 1e-5, or add 1 to the content's. If the content feature is numerically constant,
its covariance is rounding error: it becomes the mean of the style's.

`monge_within` is `monge` with eigenvalues no larger than the noise of colours allows (`image/noise.py`).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxstyle import linalg
from jaxstyle.core import Feature, Mask
from jaxstyle.image.noise import steepest
from jaxstyle.linalg import Matrix, modulus, power, product
from jaxstyle.statistics.covariance import Covariance

CONSTANT = 1e-5  # a deviation, in sizes of the features, that float32's rounding makes
Whitening = Callable[[Matrix, Matrix], Matrix]


def zca(source: Matrix, target: Matrix) -> Matrix:
    """Whiten and colour by symmetric roots."""
    return product(power(target, 0.5), power(source, -0.5))


def cholesky(source: Matrix, target: Matrix) -> Matrix:
    """Whiten and colour by triangular factors."""
    factor, goal = linalg.cholesky(source), linalg.cholesky(target)
    return jax.scipy.linalg.solve_triangular(factor, goal.T, lower=True, trans="T").T


def monge(source: Matrix, target: Matrix) -> Matrix:
    """Move by the symmetric matrix, the optimal transport between two normal distributions."""
    inverse = power(source, -0.5)
    return product(inverse, modulus(product(power(target, 0.5), power(source, 0.5))), inverse)


def newton_schulz(source: Matrix, target: Matrix) -> Matrix:
    """Whiten and colour by symmetric roots, without eigenvalues."""
    return product(linalg.newton_schulz(target)[0], linalg.newton_schulz(source)[1])


WHITENINGS: dict[str, Whitening] = {w.__name__: w for w in (zca, cholesky, monge, newton_schulz)}


def monge_within(noise: Matrix) -> Whitening:
    """Return `monge`, no steeper in any of its own directions than `noise`, a covariance, allows.

    Differentiated, the limit is held fixed.
    """

    def whiten(source: Matrix, target: Matrix) -> Matrix:
        matrix = monge(source, target)
        slopes, axes = linalg.eigh(jax.lax.stop_gradient(matrix))
        excess = jnp.clip(1 - steepest(noise, axes) / jnp.where(slopes > 0, slopes, 1), 0, 1)
        return matrix - product(axes * jnp.where(slopes > 0, excess, 0), axes.T, matrix)

    return whiten


def match_covariance(
    feature: Feature,
    target: Covariance,
    weight: Mask | None = None,
    whitening: Whitening = zca,
    stats: Covariance | None = None,
) -> Feature:
    """Return the feature with the mean and the covariance of `target`; never in less than float32 within.

    `stats`: those of the full-size feature, if this is a part of one.
    """
    source = stats or Covariance.of(feature, weight)
    matrix = whitening(source.matrix, target.matrix)
    moved = jnp.matmul(feature - source.mean, matrix.T, precision="highest") + target.mean
    size = jnp.dot(source.mean, source.mean) + jnp.dot(target.mean, target.mean) + jnp.trace(target.matrix)
    return jnp.where(jnp.trace(source.matrix) <= CONSTANT**2 * size, target.mean, moved).astype(feature.dtype)
