"""Masks: a weight for every pixel of a picture, at the resolution of its features.

A mask has the resolution of its picture, and is cropped or continued as the picture is: where the picture is
padded to whole feature pixels so is the mask (`networks.decoders.pad_to_multiple`), where pools drop an odd
last row it loses its own. So an edge of the mask is where it is in the picture, whatever the size.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Mask

Masks = Float[Array, "k _ _"]


def pool_mask(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return the mask at the resolution of a feature of a shape `(h, w, ...)`.

    Halved by means of 2 x 2 as pools halve the picture, an odd last row or column dropped; where no number of
    halvings gives the feature's size, resized by a linear filter.
    """
    halved, (height, width) = mask, shape[:2]
    while halved.shape[0] >= 2 * height and halved.shape[1] >= 2 * width:
        rows, columns = (side // 2 for side in halved.shape)
        halved = jnp.mean(halved[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2), (1, 3))
    if halved.shape == (height, width):
        return halved
    return jax.image.resize(mask, (height, width), "linear", antialias=True)


def resize_mask(mask: Mask, height: int, width: int) -> Mask:
    """Return a mask at the size of a picture; masks that add up to one still do. One of 1 x 1 stays."""
    if mask.shape in ((height, width), (1, 1)):
        return mask
    return jax.image.resize(mask, (height, width), "linear", antialias=True)
