"""What Python code may give for a picture or a mask: arrays, Pillow's images, files.

| given | becomes |
|---|---|
| float array `(h, w, 3)` in [0, 1] | as it is |
| uint8 array `(h, w, 3)` | divided by 255 |
| a path, or an image of Pillow | read as a file is: transparency laid on white |

Anything else is an `InputError` that says what to do. Of what is traced only shape and type are known.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from PIL import Image as Pillow

from jaxstyle.core import Image, InputError
from jaxstyle.image import io
from jaxstyle.image.masks import Masks, resize_mask

BEYOND = 0.1  # how far a filter's overshoot may go beyond [0, 1]


def as_image(source: Any, name: str) -> Image:
    """Return a picture as an `Image`; `name` is what errors call it."""
    if isinstance(source, str | Path):
        return io.read(source)
    if isinstance(source, Pillow.Image):
        return io.from_pillow(source, name)
    pixels = _array(source, name)
    _check_shape(pixels.shape, name)
    return _in_range(pixels, name, "an image")


def _check_shape(shape: tuple[int, ...], name: str) -> None:
    found = "x".join(map(str, shape))
    if len(shape) == 4:
        raise InputError(f"{name} is a batch ({found}): give one image (h, w, 3), or use jax.vmap")
    if len(shape) == 2 or (len(shape) == 3 and shape[-1] == 1):
        raise InputError(f"{name} is grey ({found}): repeat it to three channels, (h, w, 3)")
    if len(shape) == 3 and shape[-1] == 4:
        raise InputError(f"{name} has four channels ({found}): lay it on a colour, and give (h, w, 3)")
    if len(shape) == 3 and shape[0] == 3 and shape[-1] != 3:
        raise InputError(f"{name} has its channels first ({found}): transpose it to (h, w, 3)")
    if len(shape) != 3 or shape[-1] != 3 or not all(shape):
        raise InputError(f"{name} has the shape ({', '.join(map(str, shape))}): an image is (h, w, 3)")


def as_masks(source: Any, image: Image, name: str) -> Masks:
    """Return masks `(k, h, w)` in [0, 1] at the size of their picture; booleans and uint8 are scaled."""
    masks = _array(source, name)
    if masks.ndim != 3 or not all(masks.shape):
        raise InputError(f"{name} has the shape {masks.shape}: masks are (k, h, w), one for each region")
    masks = masks.astype(np.float32) if masks.dtype == bool else masks
    masks = _in_range(masks, name, "a mask")
    return jax.vmap(lambda mask: resize_mask(mask, *image.shape[:2]))(masks)


def _array(source: Any, name: str) -> Any:
    """Return an array of numbers, of NumPy or of JAX."""
    pixels = source if isinstance(source, jax.Array | np.ndarray) else np.asarray(source)
    if pixels.dtype != bool and not jnp.issubdtype(pixels.dtype, jnp.number):
        raise InputError(f"{name} is {type(source).__name__}: give an array, an image of Pillow, or a path")
    return pixels


def _in_range(values: Any, name: str, what: str) -> jax.Array:
    """Return numbers as floats in [0, 1], or a little beyond."""
    if values.dtype == np.uint8:
        return jnp.asarray(values, jnp.float32) / 255
    if not jnp.issubdtype(values.dtype, jnp.floating):
        cure = "divide by 65535" if values.dtype == np.uint16 else "convert it"
        raise InputError(f"{name} is {values.dtype}: {cure}; {what} is float in [0, 1], or uint8 in 0..255")
    if isinstance(values, Tracer):
        return values
    with jax.ensure_compile_time_eval():
        low, high, finite = float(jnp.min(values)), float(jnp.max(values)), jnp.all(jnp.isfinite(values))
    if not finite:
        raise InputError(f"{name} has numbers that are not finite")
    if low < -BEYOND or high > 1 + BEYOND:
        cure = "divide by 255" if low >= 0 and 2 < high <= 255 else "scale it to [0, 1]"
        raise InputError(f"{name} goes from {low:.4g} to {high:.4g}: {cure}; {what} is float in [0, 1]")
    return jnp.asarray(values)
