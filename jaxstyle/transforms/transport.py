"""Monotone maps between two distributions of one variable, and the steepest they may be.

    T = F_t^-1 o F        the optimal transport, for masses on a common grid

    upper(x) = min_(y <= x) T(y) + G(x) - G(y)
    lower(x) = max_(y >= x) T(y) - G(y) + G(x)        G' = g, the largest slope
    T_g = (upper + lower) / 2 + constant

The envelopes (McShane 1934) are the largest and the smallest function of slopes up to g on one side of a
monotone T. Their mean is nowhere further from T than it must be, is monotone, and is T itself where no
slope of T is larger. The constant is the middle of what is missing: its mean keeps that of the variable, its
median keeps most of the mass where T brings it, so a graphic's ground has its very colour. Columns are
variables of their own.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

Columns = Float[Array, "_ _"]
Rows = Float[Array, "c n"]
Column = Float[Array, " c"]
Middle = Callable[[Columns, Columns], Column]
FEW = 2**13


def mean(values: Columns, masses: Columns) -> Column:
    """Return the mean of every column."""
    total = jnp.maximum(jnp.sum(masses, 0), jnp.finfo(masses.dtype).tiny)
    return jnp.sum(masses * values, 0) / total


def median(values: Columns, masses: Columns) -> Column:
    """Return the value of every column on both sides of which lies half of the mass."""
    order = jnp.argsort(values, axis=0)
    values, masses = (
        jnp.take_along_axis(x, order, 0) for x in (values, jnp.broadcast_to(masses, values.shape))
    )
    below = jnp.cumsum(masses, axis=0)
    middle = jnp.argmax(below >= below[-1] / 2, axis=0)
    return jnp.take_along_axis(values, middle[None], 0)[0]


def limit_slopes(values: Columns, rises: Columns, masses: Columns, middle: Middle = mean) -> Columns:
    """Return increasing values that rise by no more than `rises` from one to the next.

    `rises[i]` is what row i may be above the row before it. Rows without mass do not count, and keep their
    values. `middle` is kept.
    """
    heavy = masses > 0
    falling = jnp.concatenate([jnp.zeros_like(rises[:1]), rises[:0:-1]])
    forwards, backwards = jnp.where(heavy, values, jnp.inf), jnp.where(heavy, -values, jnp.inf)[::-1]
    upper = _envelope(forwards, rises)
    lower = -_envelope(backwards, falling)[::-1]
    limited = jnp.where(heavy, jnp.where(heavy, upper, 0) / 2 + jnp.where(heavy, lower, 0) / 2, values)
    return limited + middle(values - limited, masses)


def _envelope(values: Columns, rises: Columns) -> Columns:
    """Return the largest values below these that rise by no more than `rises`; few in a loop, many in a tree.

    A loop compiles in a tenth of the time, a tree of many values runs in less.
    """
    after = lambda low, value, rise: jnp.minimum(value, low + rise)
    if len(values) <= FEW:

        def step(low, row):
            low = after(low, *row)
            return low, low

        return lax.scan(step, values[0], (values, rises))[1]
    merge = lambda a, b: (after(a[0], b[0], b[1]), a[1] + b[1])
    return lax.associative_scan(merge, (values, rises))[0]


def spread(values: Columns, masses: Columns, slope: ArrayLike = 0.0) -> Columns:
    """Return values where there is mass, linear between them and with a slope (per row) beyond them."""
    rows = jnp.arange(len(values))[:, None]
    before = lax.cummax(jnp.where(masses > 0, rows, -1), axis=0)
    after = lax.cummin(jnp.where(masses > 0, rows, len(values)), axis=0, reverse=True)
    first, last = after[0], before[-1]
    left, right = jnp.clip(before, first, None), jnp.clip(after, None, last)
    left, right = (jnp.clip(index, 0, len(values) - 1) for index in (left, right))
    low, high = (jnp.take_along_axis(values, index, 0) for index in (left, right))
    share = (rows - left) / jnp.maximum(right - left, 1)
    beyond = jnp.minimum(rows - first, 0) + jnp.maximum(rows - last, 0)
    return low + jnp.where(right > left, share, 0) * (high - low) + slope * beyond


def transport(
    masses: Columns, goal: Columns, grid: Columns, rises: Columns, middle: Middle = mean
) -> Columns:
    """Return where values of an even grid go: masses become those of `goal`, as far as `rises` allow.

    A mass that the rounding of their sum swallows has no place within it, and does not count: it would go to
    the far end of a gap in the goal, and pull its neighbours after it.
    """
    masses = jnp.where(masses > 4 * jnp.finfo(masses.dtype).eps * jnp.sum(masses, 0), masses, 0)
    columns = jnp.broadcast_to(grid, masses.shape)
    where = [_positions(part) for part in (masses, goal)]
    values = jnp.stack(
        [jnp.interp(*column) for column in zip(where[0].T, where[1].T, columns.T, strict=True)], 1
    )
    return spread(limit_slopes(values, rises, masses, middle), masses, columns[1] - columns[0])


def _positions(masses: Columns) -> Columns:
    """Return the middle of the share of each mass among all, from 0 to 1."""
    sums = jnp.cumsum(masses, axis=0)
    return (sums - masses / 2) / jnp.maximum(sums[-1], jnp.finfo(masses.dtype).tiny)


def lookup(points: Rows, start: Column, step: Column, values: Float[Array, "c m"]) -> Rows:
    """Return values given on an even grid at points, row by row: linearly, also beyond the ends.

    A loop, because XLA would compute the values anew for every point.
    """

    def row(inputs):
        x, start, step, values = inputs
        places = (x - start) / step
        index = jnp.clip(places.astype(jnp.int32), 0, len(values) - 2)
        low, high = (values.at[index + i].get(mode="promise_in_bounds") for i in (0, 1))
        return low + (high - low) * (places - index)

    return lax.map(row, (points, start, step, values))


def count(points: Rows, start: Column, step: Column, masses: Float[Array, " n"], bins: int) -> Columns:
    """Return the masses on an even grid, row by row: each is shared by the two values about its point."""

    def row(inputs):
        x, start, step = inputs
        places = (x - start) / step
        index = jnp.clip(places.astype(jnp.int32), 0, bins - 2)
        share = jnp.clip(places - index, 0, 1)
        sums = jnp.zeros(bins, x.dtype).at[index].add(masses * (1 - share), mode="promise_in_bounds")
        return sums.at[index + 1].add(masses * share, mode="promise_in_bounds")

    return lax.map(row, (points, start, step)).T
