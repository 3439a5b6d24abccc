"""Resizing by a separable, antialiased Lanczos-3 filter (`jax.image.resize`), on sRGB values.

Sizes follow the field's convention: `size` is the long edge in pixels.
"""

import jax
import jax.numpy as jnp

from jaxstyle.core import Image, InputError


def resize(image: Image, height: int, width: int) -> Image:
    """Return the image at another size, clipped to [0, 1] (the filter overshoots at edges)."""
    return jnp.clip(jax.image.resize(image, (height, width, 3), "lanczos3", antialias=True), 0, 1)


def fit(image: Image, size: int) -> Image:
    """Return the image with a long edge of `size` pixels, enlarged if it is smaller."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    short = round(min(height, width) * scale)
    if short < 1:
        raise InputError(f"an image of {width}x{height} px has no pixel left across at size {size}")
    return resize(image, *((size, short) if height >= width else (short, size)))
