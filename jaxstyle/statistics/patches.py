"""Patches: the neighbourhoods of the pixels, all of them, as rows (Efros & Leung 1999).

    P_p = (f_q : q in a square around p)        (n, side * side * c)

Only whole squares are taken, so a feature of h x w has (h - side + 1)(w - side + 1) of them at stride 1.
A patch of side 1 is a pixel: `Patches.of(feature, 1)` are the samples that sliced transport works on.
The weight of a patch is that of its middle.

    n(p) = argmax_j  P_p . S_j / |S_j|        the nearest, by normalised cross-correlation

The norm of P does not change the choice; patches of no weight are never chosen. Attention is its soft form:

    A(p) = sum_j a_pj S_j,    a_p = softmax_j (P_p . S_j / (|P_p| |S_j|) / temperature)
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from jaxstyle.core import Feature, InputError, Mask, pytree, static
from jaxstyle.statistics.moments import nonzero

ROWS = 1024  # of the table of all pairs, that are in memory at once


def patches(feature: Feature, side: int, stride: int = 1) -> Float[Array, "rows columns n"]:
    """Return the squares of a feature where they stand, flattened row by row with the channels last."""
    if side == 1:
        return feature[::stride, ::stride]
    if min(feature.shape[:2]) < side:
        shape = "x".join(map(str, feature.shape[1::-1]))
        raise InputError(f"a feature of {shape} has no patch of {side}x{side}: take a larger size")
    rows, columns = ((edge - side) // stride + 1 for edge in feature.shape[:2])
    corners = [(i, j) for i in range(side) for j in range(side)]
    limits = stride * (rows - 1) + 1, stride * (columns - 1) + 1
    shifts = [feature[i : i + limits[0] : stride, j : j + limits[1] : stride] for i, j in corners]
    return jnp.concatenate(shifts, axis=-1)


def middles(mask: Mask, side: int) -> Float[Array, "rows columns"]:
    """Return what a mask is at the middle of every square at stride 1."""
    half = side // 2
    return lax.slice(mask, (half, half), [edge - (side - 1 - half) for edge in mask.shape])


def assemble(squares: Float[Array, "rows columns n"], side: int, shape: tuple[int, ...]) -> Feature:
    """Return the feature of which these are the squares at stride 1: the mean where they overlap."""
    rows, columns = squares.shape[:2]
    total, count = jnp.zeros(shape, squares.dtype), jnp.zeros((*shape[:2], 1), squares.dtype)
    for index, square in enumerate(jnp.split(squares, side**2, axis=-1)):
        i, j = divmod(index, side)
        total = total.at[i : i + rows, j : j + columns].add(square)
        count = count.at[i : i + rows, j : j + columns].add(1)
    return total / jnp.maximum(count, 1)


def _unit(rows: Float[Array, "*n k"]) -> Float[Array, "*n k"]:
    """Return rows of length one; zeros stay."""
    norms = jnp.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / jnp.maximum(norms, jnp.finfo(norms.dtype).tiny ** 0.5)


@pytree
class Patches:
    """The squares of a feature as rows, and their weights."""

    values: Float[Array, "n k"]
    weights: Float[Array, " n"]
    side: int = static(default=3)

    @classmethod
    def of(cls, feature: Feature, side: int = 3, weight: Mask | None = None, stride: int = 1) -> "Patches":
        """Summarise a feature by its squares."""
        squares = patches(feature, side, stride)
        weights = middles(jnp.ones(feature.shape[:2], feature.dtype) if weight is None else weight, side)
        values = squares.reshape(-1, squares.shape[-1])
        return cls(values, weights[::stride, ::stride].reshape(-1), side)

    def nearest(self, rows: Float[Array, "m k"]) -> Int[Array, " m"]:
        """Return for every row the index of the patch here that is most like it."""
        likeness = self._likeness()
        return lax.map(lambda row: jnp.argmax(likeness(row)), rows, batch_size=ROWS)

    def mutual(self, other: "Patches") -> tuple[Int[Array, " m"], Int[Array, " n"]]:
        """Return for each of m others the index of the patch here that points most its way, and the reverse.

        Patches of no weight are chosen by none. The table of all pairs is computed once, some rows at a time.
        """
        unit, count = _unit(self.values), len(other.values)
        barred = lambda weights: jnp.where(weights > 0, 0.0, -jnp.inf).astype(unit.dtype)

        def visit(carry: tuple, block: tuple) -> tuple[tuple, Array]:
            (best, back), (rows, bars, numbers) = carry, block
            likeness = rows @ unit.T
            found = jnp.argmax(likeness + bars[:, None], axis=0)
            most = jnp.take_along_axis(likeness + bars[:, None], found[None], 0)[0]
            carry = jnp.maximum(best, most), jnp.where(most > best, numbers[found], back)
            return carry, jnp.argmax(likeness + barred(self.weights), axis=1)

        def blocks(x: Array, fill: float) -> Array:
            rest = [(0, -count % ROWS), *[(0, 0)] * (x.ndim - 1)]
            return jnp.pad(x, rest, constant_values=fill).reshape(-1, ROWS, *x.shape[1:])

        parts = blocks(_unit(other.values), 0), blocks(barred(other.weights), -jnp.inf)
        nothing = jnp.full(len(unit), -jnp.inf, unit.dtype), jnp.zeros(len(unit), int)
        (_, back), there = lax.scan(visit, nothing, (*parts, blocks(jnp.arange(count), 0)))
        return there.reshape(-1)[:count], back

    def attended(self, rows: Float[Array, "m k"], temperature: float) -> Float[Array, "m k"]:
        """Return for every row the mean of the patches here, each as heavy as it is like the row."""
        likeness = self._likeness()
        mean = lambda row: jax.nn.softmax(likeness(_unit(row)) / temperature) @ self.values
        return lax.map(mean, rows, batch_size=ROWS)

    def _likeness(self) -> Callable[[Float[Array, " k"]], Float[Array, " n"]]:
        """Return what correlates a row with every patch, over its norm; the least where no weight is."""
        unit, least = _unit(self.values), jnp.finfo(self.values.dtype).min / 2
        barred = jnp.where(self.weights > 0, 0.0, least).astype(self.values.dtype)
        return lambda row: unit @ row + barred

    def centered(self) -> "Patches":
        """Return the squares less their weighted mean."""
        share = self.weights / nonzero(jnp.sum(self.weights))
        return Patches(self.values - share @ self.values, self.weights, self.side)

    def thinned(self, count: int) -> "Patches":
        """Return every k-th patch, k such that at most `count` remain."""
        every = -(-len(self.values) // count)
        return Patches(self.values[::every], self.weights[::every], self.side)

    def merge(self, other: "Patches") -> "Patches":
        """Return the squares of both."""
        values = jnp.concatenate([self.values, other.values])
        return Patches(values, jnp.concatenate([self.weights, other.weights]), self.side)
