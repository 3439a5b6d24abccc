"""What lies beyond the border of an image: its own pixels, mirrored, or zeros."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax

from jaxstyle.core import Feature

Border = Literal["reflect", "constant"]  # as `jnp.pad` calls them; the constant is zero


def _strips(x: Feature, axis: int, pad: int, skip: int) -> list[Feature]:
    """Return what stands mirrored before and behind an axis."""
    places = (skip, x.shape[axis] - skip - pad)
    return [jnp.flip(lax.slice_in_dim(x, place, place + pad, axis=axis), axis) for place in places]


def _folded(parts: Sequence[Feature], axis: int, skip: int) -> Feature:
    """Return the middle one of three parts plus the two around it, mirrored, where their pixels came from."""
    before, x, after = parts
    pad, size = before.shape[axis], x.shape[axis]
    for part, place in ((before, skip), (after, size - skip - pad)):
        around = [(place, size - place - pad, 0) if i == axis else (0, 0, 0) for i in range(x.ndim)]
        x = x + lax.pad(jnp.flip(part, axis), jnp.zeros((), x.dtype), around)
    return x


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def reflect(x: Feature, pad: int = 1, skip: int = 1) -> Feature:
    """Pad all around by reflection, without the `skip` pixels at the border (more than `pad + skip` a side).

    A CPU joins the rows in one pass with what made `x`, and then writes the columns into their place.
    """

    def rows(x):
        before, after = _strips(x, 0, pad, skip)
        return jnp.concatenate([before, x, after])[None]  # XLA copies if a convolution has to add this axis

    left, right = _strips(x, 1, pad, skip)
    wide = jnp.pad(rows(x), ((0, 0), (0, 0), (pad, pad), (0, 0)))
    wide = lax.dynamic_update_slice(wide, rows(left), (0, 0, 0, 0))
    return lax.dynamic_update_slice(wide, rows(right), (0, 0, pad + x.shape[1], 0))[0]


def _unreflect(pad, skip, _, cotangent):
    h, w = (size - pad for size in cotangent.shape[:2])
    columns = lambda x: _folded([x[:, :pad], x[:, pad:w], x[:, w:]], 1, skip)
    rows = [columns(part) for part in (cotangent[:pad], cotangent[pad:h], cotangent[h:])]
    return (_folded(rows, 0, skip),)


reflect.defvjp(lambda x, pad, skip: (reflect(x, pad, skip), None), _unreflect)


def bordered(x: Feature, pad: int, border: Border, skip: int = 1) -> Feature:
    """Pad all around; a reflection goes without the `skip` pixels at the border."""
    return reflect(x, pad, skip) if border == "reflect" else jnp.pad(x, [(pad, pad)] * 2 + [(0, 0)])
