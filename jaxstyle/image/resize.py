"""Resizing by a separable, antialiased Lanczos-3 filter (`jax.image.resize`), on sRGB values.

Sizes follow the field's convention: `size` is the long edge in pixels.
"""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp

from jaxstyle.core import Image, InputError

SMALLEST = 32  # pixels of the short edge, below which `octaves` shrinks none


def resize(image: Image, height: int, width: int) -> Image:
    """Return the image at another size, clipped to [0, 1] (the filter overshoots at edges)."""
    return jnp.clip(_filtered(image, (height, width)), 0, 1)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _filtered(image: Image, size: tuple[int, int]) -> Image:
    """Filter in float64 and round once, so that what is equal all around a pixel stays equal."""
    with jax.enable_x64(True):
        return _filter(image.astype(jnp.float64), size).astype(image.dtype)


def _filter(image: Image, size: tuple[int, int]) -> Image:
    return jax.image.resize(image, (*size, image.shape[2]), "lanczos3", antialias=True)


def _backward(size: tuple[int, int], image: Image, cotangent: Image) -> tuple[Image]:
    transposed = jax.linear_transpose(partial(_filter, size=size), image)
    return transposed(cotangent)


_filtered.defvjp(lambda image, size: (_filtered(image, size), image), _backward)


def octaves(image: Image, count: int) -> Iterator[Image]:
    """Yield an image at so many sizes, each twice the one before, the last its own."""
    edges = image.shape[:2]
    for octave in reversed(range(1, count)):
        shrinking = max(1, min(2**octave, min(edges) / SMALLEST))
        yield resize(image, *(round(edge / shrinking) for edge in edges))
    yield image


def fit(image: Image, size: int) -> Image:
    """Return the image with a long edge of `size` pixels, enlarged if it is smaller."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    short = round(min(height, width) * scale)
    if short < 1:
        raise InputError(f"an image of {width}x{height} px has no pixel left across at size {size}")
    return resize(image, *((size, short) if height >= width else (short, size)))


def shrink(image: Image, size: int) -> Image:
    """Return the image with a long edge of at most `size` pixels."""
    return fit(image, size) if max(image.shape[:2]) > size else image
