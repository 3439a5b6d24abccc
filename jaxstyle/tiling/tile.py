"""Where tiles lie: along an axis, and as a rectangle in maps of any resolution.

All tiles of an image have one shape, halo included, so that they share one compiled program.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


class TileAxis(NamedTuple):
    """The tiles along an axis of `length` pixels: `number` of them, `tile` long, with their halo `size`."""

    length: int
    size: int
    tile: int
    halo: int
    number: int

    @classmethod
    def of(cls, length: int, tile: int, halo: int, unit: int) -> "TileAxis":
        """Return tiles of up to `tile` pixels that begin at multiples of `unit` and have one size."""
        tile, halo = max(tile // unit, 1) * unit, -(-halo // unit) * unit
        if length <= tile + 2 * halo:
            return cls(length, length, length, 0, 1)
        number = -(-length // tile)
        tile = -(-length // (number * unit)) * unit  # the last tile is not much smaller than the others
        last = (length - tile - 2 * halo) // unit * unit
        return cls(length, length - last, tile, halo, -(-length // tile))

    def start(self, index):
        """Return where a tile begins, its halo included."""
        return jnp.clip(index * self.tile - self.halo, 0, self.length - self.size)


class Tile(NamedTuple):
    """A part of an image and its halo; `cell` is its row and column among the tiles."""

    axes: list[TileAxis]
    cell: tuple

    @property
    def starts(self) -> list[Array]:
        """Where the tile begins, its halo included, in pixels of the image."""
        return [axis.start(i) for axis, i in zip(self.axes, self.cell, strict=True)]

    def crop(self, x: Array, reduction: int = 0) -> Array:
        """Return the part of a map that shows the tile and its halo.

        `reduction` pixels of the image are one of the map, whose odd last ones were dropped; by default the
        map spans the whole image.
        """
        spans = [n * reduction or axis.length for n, axis in zip(x.shape, self.axes, strict=False)]
        scaled = lambda lengths: [a * n // span for a, n, span in zip(lengths, x.shape, spans, strict=False)]
        return crop_at(x, scaled(self.starts), scaled([axis.size for axis in self.axes]))

    def mask(self, reduction: int) -> Float[Array, "h w"]:
        """Return 1 where a pixel of a map of this reduction is of the tile, 0 where it is of the halo."""

        def side(axis: TileAxis, i: Array | int) -> Array:
            place = axis.start(i) // reduction + jnp.arange(axis.size // reduction)
            first, end = i * axis.tile // reduction, (i + 1) * axis.tile // reduction
            return (place >= first) & ((place < end) | (i == axis.number - 1))

        rows, columns = (side(*each) for each in zip(self.axes, self.cell, strict=True))
        return jnp.outer(rows, columns).astype(jnp.float32)


def crop_at(x: Array, starts: list, sizes: list[int]) -> Array:
    """Return a rectangle of a map; further axes are kept."""
    further = x.shape[len(sizes) :]
    return lax.dynamic_slice(x, [*starts, *(0 for _ in further)], [*sizes, *further])
