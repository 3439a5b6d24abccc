"""Pools with the gradients that XLA runs fast.

The gradients of `reduce_window` and of strided slices are slower on a CPU than a select by where the maximum
was. All functions take one image `(h, w, c)`; `vmap` them over a batch.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int8

from jaxstyle.core import Feature


def quarters(x: Feature) -> list[Feature]:
    """Return the first, second, third and fourth pixels of 2 x 2 blocks, in the order of reading."""
    h, w = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
    return [x[i:h:2, j:w:2] for i in (0, 1) for j in (0, 1)]


def first_maximum(x: Feature) -> Int8[Array, "h w c"]:
    """Return which pixel of 2 x 2 blocks, 0 to 3 in the order of reading, is the first of the largest."""
    a, b, c, d = quarters(x)
    number = partial(jnp.asarray, dtype=jnp.int8)
    above, below = jnp.where(a >= b, number(0), number(1)), jnp.where(c >= d, number(2), number(3))
    return jnp.where(jnp.maximum(a, b) >= jnp.maximum(c, d), above, below)


def unpool_to(place: Int8[Array, "h w c"], x: Feature) -> Feature:
    """Return 2 x 2 blocks with each value at its place, zero elsewhere."""
    h, w, c = x.shape
    row, column = (lax.broadcasted_iota(jnp.int8, (1, 2, 1, 2, 1), axis) for axis in (1, 3))
    blocks = jnp.where(place[:, None, :, None] == 2 * row + column, x[:, None, :, None], 0)
    return blocks.reshape(2 * h, 2 * w, c)


@jax.custom_vjp
def _block_max(x: Feature) -> Feature:
    a, b, c, d = quarters(x)
    return jnp.maximum(jnp.maximum(a, b), jnp.maximum(c, d))


_block_max.defvjp(
    lambda x: (_block_max(x), first_maximum(x)), lambda place, cotangent: (unpool_to(place, cotangent),)
)


def max_pool(x: Feature) -> Feature:
    """Take the maximum of 2 x 2 blocks; an odd last row or column is dropped.

    The first of equal pixels gets the gradient; for it a byte a block is kept instead of the feature.
    """
    return _block_max(x[: x.shape[0] // 2 * 2, : x.shape[1] // 2 * 2])


def average_pool(x: Feature) -> Feature:
    """Take the mean of 2 x 2 blocks; an odd last row or column is dropped."""
    a, b, c, d = quarters(x)
    return (a + b + c + d) / 4
