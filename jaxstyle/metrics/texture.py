"""Texture: how much of an image is left without any, by its style's measure.

    e = mean |grad y|^2        over a window of 32 x 32 pixels; y: the luminance, a mean of 2 x 2 pixels
    u = share of windows with e < median of e over the style's windows / 10

Chessboards are lost in the means of 2 x 2 pixels, so such grain on a blank wall is no texture; a sky that
slopes has next to none. Zero for an even style with itself; one with blank places, as ink on paper, has its
own share.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Image, InputError, Scalar
from jaxstyle.metrics.ssim import luminance

WINDOW = 32
SHARE = 0.1


def _blocks(x: Float[Array, "h w"], side: int) -> Float[Array, "rows columns"]:
    """Return the means of squares, less what is left over at the end."""
    rows, columns = (size // side for size in x.shape)
    return jnp.mean(x[: rows * side, : columns * side].reshape(rows, side, columns, side), (1, 3))


def texture_energy(image: Image) -> Float[Array, "rows columns"]:
    """Return the energy of every window; raises `InputError` for an image smaller than one."""
    if min(image.shape[:2]) < WINDOW:
        raise InputError(f"texture is looked for in images of {WINDOW} pixels a side at least")
    grey = _blocks(luminance(image), 2)
    down = jnp.diff(grey, axis=0, append=grey[-1:])
    right = jnp.diff(grey, axis=1, append=grey[:, -1:])
    return _blocks(down**2 + right**2, WINDOW // 2)


def unpainted(image: Image, style: Image) -> Scalar:
    """Return the share of windows with less than a tenth of the texture of the style's median window."""
    return jnp.mean(texture_energy(image) < SHARE * jnp.median(texture_energy(style)))
