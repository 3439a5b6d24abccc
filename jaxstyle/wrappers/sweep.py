"""Sweeps: one method at many settings, traced once and run as one batch.

    images = sweep(Gatys(encoder), content, style, style_weight=[1, 10, 100])        (3, h, w, 3)

Any field that is a number or an array can vary: weights, alphas, seeds, rates; so can content and style,
by a leading axis. Fields of one call vary together: `grid` makes the pairs of two. What chooses the
program (layers, steps, levels) cannot be one batch.
"""

import dataclasses
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxstyle.core import InputError, Method, styled, unknown_name

Images = Float[Array, "n h w 3"]


@jax.jit
def _batch(method: Method, content: Array, style: Array, values: dict[str, Array]) -> Images:
    def one(content, style, chosen):
        return styled(dataclasses.replace(method, **chosen), content, style)  # pyright: ignore

    axes = tuple(0 if picture.ndim == 4 else None for picture in (content, style))
    return jax.vmap(one, (*axes, 0))(content, style, values)


def sweep(method: Method, content: Array, style: Array, **values: ArrayLike | list[float]) -> Images:
    """Return the content in the style once for every value of the fields, which vary together.

    `content` and `style` are images, or batches of as many as there are values. Raises `InputError` for
    a field that there is not, that is no number, or for lists of different lengths.
    """
    arrays = {name: check(method, name, np.asarray(value)) for name, value in values.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    pictures = {"content": content, "style": style}
    lengths |= {name: len(picture) for name, picture in pictures.items() if picture.ndim == 4}
    if len(set(lengths.values())) != 1:
        raise InputError(f"fields of a sweep vary together and need as many values each: {lengths}")
    return _batch(method, content, style, arrays)


def check(method: Method, name: str, values: np.ndarray) -> Array:
    """Return the values of a field; raise `InputError` unless it can have them all within a batch."""
    fields = [field.name for field in dataclasses.fields(method)]  # pyright: ignore
    if name not in fields:
        raise unknown_name("field", name, [field for field in fields if can_vary(method, field)])
    if not can_vary(method, name):
        raise InputError(f"{name} chooses the program and cannot vary within one batch: run them one by one")
    if not isinstance(getattr(method, name), int):
        return jnp.asarray(values)
    if np.any(values % 1):
        raise InputError(f"{name} takes whole numbers, not {values[values % 1 > 0][0]:g}")
    return jnp.asarray(values.astype(int))


def can_vary(method: Method, name: str) -> bool:
    """Tell whether a field is a number or an array, and a leaf."""
    probe = np.zeros(())
    changed: Any = dataclasses.replace(method, **{name: probe})  # pyright: ignore
    is_leaf = any(leaf is probe for leaf in jax.tree.leaves(changed))
    return isinstance(getattr(method, name), int | float | Array) and is_leaf


def grid(**values: list[float]) -> dict[str, list[float]]:
    """Return the values of all combinations, the last field varying fastest."""
    rows = product(*values.values())
    return dict(zip(values, map(list, zip(*rows, strict=True)), strict=True))


def draw(count: int, seed: int, **ranges: tuple[float, float]) -> dict[str, list[float]]:
    """Return random values of fields between positive limits, uniform in the logarithm."""
    generator = np.random.default_rng(seed)
    drawn = {name: generator.uniform(np.log(a), np.log(b), count) for name, (a, b) in ranges.items()}
    return {name: np.exp(values).tolist() for name, values in drawn.items()}
