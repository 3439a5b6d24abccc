"""The target of a method, from one style or several, with their masks."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxstyle.core.errors import InputError
from jaxstyle.core.features import Image
from jaxstyle.core.method import Method
from jaxstyle.core.regions import Regions


def styled(method: Method, content: Image, style, *masks) -> Image:
    """Return the content in the style, or styles; `masks` are those of `prepared`. Pure, to be compiled."""
    return method.apply(content, prepared(method, style, *masks))


def padded(method: Method, style, content_mask=None, style_mask=None, content_weight=None) -> tuple:
    """Return the arguments of `prepared`, styles padded so that nearby sizes share a program."""
    pad = lambda picture: None if picture is None else method.pad_for_cache(picture)
    style = [pad(each) for each in style] if isinstance(style, list) else pad(style)
    return style, content_mask, None if style_mask is None else [*map(pad, style_mask)], content_weight


def summarise(method: Method, *arguments: Any) -> Any:
    """Return the target of what `prepared` takes, compiled."""
    return prepare_compiled(method, *padded(method, *arguments))


def prepared(method: Method, style, content_mask=None, style_mask=None, content_weight=None) -> Any:
    """Return the target of one style, or of several and of regions.

    `content_mask` tells where each of several styles goes, or of one style each region of `style_mask`, which
    for several styles holds one each; `content_weight` is that of `Regions`. Masks have their picture's size.
    """
    masks: Any = [None] if style_mask is None else list(style_mask)
    if content_mask is None and content_weight is None and not isinstance(style, list) and len(masks) == 1:
        return method.prepare(style, masks[0])
    styles = style if isinstance(style, list) else [style] * len(masks)
    masks = masks if len(masks) == len(styles) else masks * len(styles)
    where = jnp.full((len(styles), 1, 1), 1 / len(styles)) if content_mask is None else content_mask
    if not len(styles) == len(masks) == len(where):
        raise InputError(f"{len(where)} regions of the content, {len(styles)} of styles: give as many")
    return Regions([method.prepare(*pair) for pair in zip(styles, masks, strict=True)], where, content_weight)


prepare_compiled = jax.jit(prepared)
