"""Masks: a weight for every pixel, from pictures that people paint.

Two pictures are understood. Of labels: every region has one of the nine colours of Luan et al. 2017
(`LABELS`), and a pixel goes to the nearest of them, whatever JPEG or a soft brush made of it. Of grey
levels: a soft mask, whose white is the first region and whose black the second.

Regions come in the order of `LABELS`. A label must cover `SMALLEST` of a picture to count there; the
pixels of one that does not go to the nearest label that does.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Image, InputError, Mask

LABELS = {
    "white": (1, 1, 1),
    "black": (0, 0, 0),
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "yellow": (1, 1, 0),
    "cyan": (0, 1, 1),
    "magenta": (1, 0, 1),
    "grey": (0.5, 0.5, 0.5),
}
SMALLEST = 1e-3
COLOURED = 0.2  # the spread of red, green and blue from which a pixel is coloured
Masks = Float[Array, "k h w"]


class Labelled(NamedTuple):
    """Regions of content and style by the same names, and the labels that only one of the pictures has."""

    content: Masks
    style: Masks
    names: list[str]
    lonely: list[str]


def at(mask: Mask, feature: Feature | jax.ShapeDtypeStruct) -> Mask:
    """Return the mask at the resolution of a feature: means of its pixels."""
    shape = feature.shape[:2]
    return mask if mask.shape == shape else jax.image.resize(mask, shape, "linear", antialias=True)


def is_soft(picture: Image) -> bool:
    """Tell whether a mask's picture has grey levels and no colours."""
    pixels = np.asarray(picture)
    return bool(np.mean(np.ptp(pixels, axis=-1) > COLOURED) < SMALLEST)


def nearest(picture: Image) -> np.ndarray:
    """Return for every pixel the index of the nearest of the labels that the picture has."""
    pixels, palette = np.asarray(picture), np.asarray(list(LABELS.values()), np.float32)
    distances = np.sum((pixels[:, :, None] - palette) ** 2, axis=-1)
    shares = np.bincount(distances.argmin(-1).ravel(), minlength=len(palette)) / pixels[..., 0].size
    return np.where(shares < SMALLEST, np.inf, distances).argmin(-1)


def soft(picture: Image) -> Masks:
    """Return the white and the black of a picture of grey levels: two masks that add up to 1."""
    white = jnp.mean(jnp.asarray(picture), axis=-1)
    return jnp.stack([white, 1 - white])


def labelled(content: Image, style: Image) -> Labelled:
    """Return the regions of a pair of masks' pictures.

    A label that only the content has keeps its pixels as they are. Raises `InputError` where the two
    have no label in common.
    """
    if is_soft(content) and is_soft(style):
        return Labelled(soft(content), soft(style), ["white", "black"], [])
    found = [nearest(picture) for picture in (content, style)]
    has = [set(np.unique(labels)) for labels in found]
    both, names = sorted(has[0] & has[1]), list(LABELS)
    if not both:
        shown = (", ".join(names[index] for index in sorted(labels)) for labels in has)
        raise InputError("the masks have no label in common: {} and {}".format(*shown))
    content_masks, style_masks = (jnp.asarray([labels == i for i in both], jnp.float32) for labels in found)
    lonely = [names[index] for index in sorted(has[0] ^ has[1])]
    return Labelled(content_masks, style_masks, [names[index] for index in both], lonely)


def of_content(content: Image, count: int) -> Masks:
    """Return the regions of the content alone, for as many styles; raises `InputError` for another number."""
    if count == 2 and is_soft(content):
        return soft(content)
    labels = nearest(content)
    present = np.unique(labels)
    if len(present) != count:
        names = ", ".join(list(LABELS)[index] for index in present)
        raise InputError(f"the content's mask has the regions {names}: give as many styles, not {count}")
    return jnp.asarray([labels == index for index in present], jnp.float32)
