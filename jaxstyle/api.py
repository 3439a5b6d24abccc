"""The door in Python: pictures of any kind in, a picture out, by any method.

image = stylize(Gatys(encoder), "photo.jpg", "painting.jpg")
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from jaxstyle.core import Image, InputError, Method, styled
from jaxstyle.image.given import as_image, as_masks
from jaxstyle.methods.descent import DivergedError

_styled = jax.jit(styled)


def stylize(
    method: Method, content: Any, style: Any = None, content_mask: Any = None, style_mask: Any = None
) -> Image:
    """Return `content` in the style of `style`, compiled; the result has the content's size.

    A picture is a float array (h, w, 3) of sRGB in [0, 1], one of uint8, an image of Pillow, or a path;
    `style` is one or several. `content_mask` (k, h, w) tells where each of several styles goes, or of one
    style each region of `style_mask`: see `core.Regions`. `vmap` it over contents, styles, or fields.

    Raises `InputError` for a picture that is none, and `DivergedError` where a descent leaves no image.
    """
    content = as_image(content, "content")
    several = isinstance(style, list | tuple)
    styles = [content] if style is None else list(style) if several else [style]
    styles = [as_image(each, "style") for each in styles]
    if not styles:
        raise InputError("style is an empty list: give one style at least")
    masks = None if content_mask is None else as_masks(content_mask, content, "content_mask")
    own = None if style_mask is None else as_masks(style_mask, styles[0], "style_mask")
    image = _styled(method, content, styles if several else styles[0], masks, own)
    if not isinstance(image, Tracer) and not jnp.all(jnp.isfinite(image)):
        raise DivergedError(
            "the result is not finite: try a smaller learning rate or weight, or solver Adam; "
            "`descend` keeps the image before"
        )
    return image
