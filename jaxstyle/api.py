"""The door in Python: pictures of any kind in, a picture out, by any method.

image = stylize(Gatys(encoder), "photo.jpg", "painting.jpg")
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from jaxstyle.core import Image, InputError, Method, Snapshot, styled, summarise
from jaxstyle.image.arrays import as_image, as_masks
from jaxstyle.methods.descent import DivergedError


def stylize(
    method: Method,
    content: Any,
    style: Any = None,
    content_mask: Any = None,
    style_mask: Any = None,
    initial: Any = None,
    callback: Callable[[Snapshot], None] | None = None,
) -> Image:
    """Return `content` in the style of `style`, compiled; the result has the content's size.

    A picture is a float array (h, w, 3) of sRGB in [0, 1], one of uint8, an image of Pillow, or a path;
    `style` is one or several. `content_mask` (k, h, w) tells where each of several styles goes, or of one
    style each region of `style_mask`: see `core.Regions`. A descent starts at `initial`, and `callback` gets
    each `Snapshot` of the run. `vmap` it over contents, styles, or fields: then there are no snapshots.

    Raises `InputError` for a picture that is none, and `DivergedError` where a descent leaves no image.
    """
    content = as_image(content, "content")
    several = isinstance(style, list | tuple)
    styles = [content] if style is None else list(style) if several else [style]
    styles = [as_image(each, "style") for each in styles]
    if not styles:
        raise InputError("style is an empty list: give one style at least")
    masks = None if content_mask is None else as_masks(content_mask, content, "content_mask")
    style_regions = None if style_mask is None else as_masks(style_mask, styles[0], "style_mask")
    arguments = styles if several else styles[0], masks, style_regions
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((method, content, arguments))):
        return styled(method, content, *arguments)
    first = None if initial is None else as_image(initial, "initial")
    last: Any = None
    for last in method.run(content, summarise(method, *arguments), initial=first):
        if callback:
            callback(last)
    if not jnp.all(jnp.isfinite(last.image)):
        raise DivergedError("the result is not finite: try a smaller learning rate or weight, or Adam")
    return last.image
