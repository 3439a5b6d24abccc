"""The noise of an image, and how steep a map of its colours may be without showing it.

    N = m^2 mean over flat neighbourhoods of cov(r) + FLOOR^2 I    r: a 3x3 neighbourhood less its plane
    slope along v <= max(1, VISIBLE / sqrt(v^T N v))

A colour map of slope s makes noise s times as large, so blocks and ringing of a JPEG that nobody sees become
halos. A neighbourhood is flat to rounding (no noise to see), an edge (deviation above `EDGE`), or between.
In a photograph hardly any are flat to rounding, and the smoothest of those between are noise, the others
texture: the estimate of Liu, Freeman, Szeliski & Kang 2008, a lower envelope. In a graphic most are flat to
rounding, and then what lies between is no texture but ringing: all of it counts. Noise is seen sooner on
flat ground, where nothing masks it: m goes from 1 in a photograph to `MASKING` in a graphic.

`FLOOR` stands for the steps of 8-bit values, which show as bands if they are spread.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Image, Mask

LEVEL = 1 / 255
VISIBLE = 12 * LEVEL  # in a photograph
FLOOR = 2 * LEVEL
ROUNDING = 12**-0.5 * LEVEL  # the deviation of uniform rounding to 8 bits
EDGE = 16 * LEVEL
MASKING = 3.0
SMOOTHEST = 0.1  # share of a photograph's neighbourhoods
GRAPHIC = (
    0.25,
    0.5,
)  # share of neighbourhoods flat to rounding, from which and to which an image turns graphic
BLOCKS = 2**15  # neighbourhoods looked at, about

Matrix = Float[Array, "3 3"]


def noise_of(image: Image, weight: Mask | None = None) -> Matrix:
    """Return the covariance of an image's noise, sRGB in [0, 1]; pixels of weight 0 have no influence."""
    image = jax.lax.stop_gradient(image)
    matrices, shares = _residuals(image, weight)
    deviation = jnp.sqrt(jnp.trace(matrices, axis1=-2, axis2=-1) / 3)
    total = jnp.maximum(jnp.sum(shares), jnp.finfo(shares.dtype).tiny)
    flat = jnp.sum(shares * (deviation < ROUNDING)) / total
    graphic = jnp.clip((flat - GRAPHIC[0]) / (GRAPHIC[1] - GRAPHIC[0]), 0, 1)
    part, masking = (low + (high - low) * graphic for low, high in ((SMOOTHEST, 1.0), (1.0, MASKING)))
    order = jnp.argsort(deviation)
    between = (shares * (deviation >= ROUNDING) * (deviation < EDGE))[order]
    before = jnp.cumsum(between)
    chosen = between * (before - between < part * before[-1])
    sums = jnp.einsum("n,nij->ij", chosen, matrices[order], precision="highest")
    noise = masking**2 * sums / jnp.maximum(jnp.sum(chosen), jnp.finfo(shares.dtype).tiny)
    return noise + FLOOR**2 * jnp.eye(3, dtype=noise.dtype)


def _residuals(image: Image, weight: Mask | None) -> tuple[Float[Array, "n 3 3"], Float[Array, " n"]]:
    """Return the covariance of neighbourhoods less their planes, and their weights."""
    h, w = image.shape[:2]
    step = 3 * max(1, round((h * w / 9 / BLOCKS) ** 0.5))
    ends = h - 2, w - 2
    cut = lambda x, i, j: x[i : i + ends[0] : step, j : j + ends[1] : step]
    if min(h, w) < 3:
        return jnp.zeros((1, 3, 3), image.dtype), jnp.zeros(1, image.dtype)
    pixels = jnp.stack([cut(image, i, j) for i in range(3) for j in range(3)])
    places = [-1] * 3 + [0] * 3 + [1] * 3, [-1, 0, 1] * 3
    down, across = (jnp.asarray(axis, image.dtype)[:, None, None, None] for axis in places)
    slope = lambda axis: axis * jnp.sum(axis * pixels, 0) / 6
    residual = pixels - jnp.mean(pixels, 0) - slope(down) - slope(across)
    matrices = jnp.sum(residual[..., :, None] * residual[..., None, :], 0) / 6
    weights = jnp.ones(matrices.shape[:2], image.dtype)
    if weight is not None:
        weights = jnp.min(jnp.stack([cut(weight, i, j) for i in range(3) for j in range(3)]), 0)
    return matrices.reshape(-1, 3, 3), weights.reshape(-1)


def steepest(noise: Matrix, axes: Float[Array, "3 k"]) -> Float[Array, " k"]:
    """Return the largest slope along each axis, a column, that keeps the noise invisible; at least 1."""
    return steepest_of(jnp.sum(axes * (noise @ axes), 0))


def steepest_of(variance: Array) -> Array:
    """Return the largest slope that keeps noise of a variance invisible; at least 1."""
    return jnp.maximum(1.0, VISIBLE / jnp.sqrt(variance))
