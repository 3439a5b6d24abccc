"""Passes, and sums, over one tile after another in one compiled program: `lax.scan` over the tiles.

A map of more than `KEEP` numbers for each pixel of the image is not kept: the pass that reads it computes it
again, tile by tile, as it would take more memory than all else together. The last tiles lie over those
before them, so that all have one shape; statistics count an overlapped pixel once.
"""

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from jaxstyle.tiling.passes import Maps, Pass, Size
from jaxstyle.tiling.tile import Tile, TileAxis, crop_at

KEEP = 32


def _once(always: Array, function: Callable[[], Maps]) -> Maps:
    """Return `function()` out of a branch that is always taken: XLA would fuse it into, and repeat it for,
    every reader otherwise."""
    never = lambda: tuple(jnp.zeros(x.shape, x.dtype) for x in jax.eval_shape(function))
    return lax.cond(always, function, never)


def _put(x: Array, part: Array, begins: list) -> Array:
    """Return a map with a part written into it; as rows of numbers, which takes half the time."""
    rows = lambda x: x.reshape(x.shape[0], -1)
    place = (begins[0], begins[1] * prod(x.shape[2:]))
    return lax.dynamic_update_slice(rows(x), rows(part), place).reshape(x.shape)


def _merged(statistics: list, others: list) -> list:
    return [one.merge(other) for one, other in zip(statistics, others, strict=True)]


class TileScan(NamedTuple):
    """One pass over all tiles, its outputs cropped to what the pass after it reads."""

    step: Pass
    following: Pass | None
    axes: list[TileAxis]
    size: Size  # of the outputs

    @classmethod
    def of(cls, step: Pass, following: Pass | None, image: Size, tile: int) -> "TileScan":
        """Return the scan whose tiles are `tile` pixels of an image of size `image`.

        Tiles of a coarse map span more of the image: it has more channels, but fewer numbers in all.
        """
        finest = [max(sides) for sides in zip(step.in_size, step.out_size, strict=True)]
        sides = zip(step.in_size, finest, image, strict=True)
        edges = [max(int(tile * (side / fine) * (fine / n) ** 0.5), 1) for side, fine, n in sides]
        pairs = zip(step.in_size, edges, strict=True)
        axes = [TileAxis.of(n, edge, step.halo, step.shrink) for n, edge in pairs]
        read = step.out_size if following is None else tuple(map(min, step.out_size, following.in_size))
        return cls(step, following, axes, read)

    @property
    def tiles(self) -> list[int]:
        """Height and width of a tile of the outputs, without halo."""
        pairs = zip(self.axes, self.size, strict=True)
        return [a.tile * self.step.grow // self.step.shrink if a.number > 1 else n for a, n in pairs]

    @property
    def numbers(self) -> list[int]:
        """The number of tiles down and across."""
        return [-(-n // tile) for n, tile in zip(self.size, self.tiles, strict=True)]

    def outputs(self, index: tuple, maps: Maps, stats: list) -> tuple[Maps, list]:
        """Return the outputs of a tile, and where they begin; the last tiles lie over those before them."""
        tile = Tile(self.axes, index)
        begins = [jnp.minimum(i * t, n - t) for i, t, n in zip(index, self.tiles, self.size, strict=True)]
        starts = [start * self.step.grow // self.step.shrink for start in tile.starts]
        offsets = [begin - start for begin, start in zip(begins, starts, strict=True)]

        def outputs() -> Maps:
            inputs = _once(index[0] >= 0, lambda: tuple(tile.crop(x) for x in maps))
            return tuple(crop_at(x, offsets, self.tiles) for x in self.step.function(inputs, stats))

        return _once(index[0] >= 0, outputs), begins

    def statistics(self, outputs: Maps, begins: list, index: tuple) -> list:
        """Return the following pass's statistics of those pixels that no tile before has counted.

        Only a last tile overlaps, so there are four shapes, each a branch: weighing overlapped pixels by zero
        instead costs a mask and a weighted sum for every tile.
        """
        following = self.following
        if following is None:
            return []
        maps = (*outputs, *(crop_at(x, begins, self.tiles) for x in following.side_inputs))
        overlaps = [i * t - n for i, t, n in zip(self.numbers, self.tiles, self.size, strict=True)]
        last = [i == number - 1 for i, number in zip(index, self.numbers, strict=True)]
        new = lambda rows, columns: lambda: following.statistics(tuple(x[rows:, columns:] for x in maps))
        return lax.switch(
            2 * last[0] + last[1], [new(i, j) for i in (0, overlaps[0]) for j in (0, overlaps[1])]
        )

    def __call__(self, maps: Maps, stats: list, keep: bool, spare: Maps = ()) -> tuple[Maps, list]:
        """Return the outputs of all tiles, if `keep`, and the following pass's statistics of them.

        They are written over `spare` maps of their shape, which nothing reads any more: two sets of maps are
        then in memory at a time, not one for each pass.
        """
        bypass, maps = maps[: self.step.passthrough], maps[self.step.passthrough :]

        def visit_tile(index: tuple) -> tuple[Maps, list, list]:
            outputs, begins = self.outputs(index, maps, stats)
            seen = (*(crop_at(x, begins, self.tiles) for x in bypass), *outputs)
            return outputs, begins, self.statistics(seen, begins, index)

        def visit(carry, place):
            stores, found = carry
            outputs, begins, here = visit_tile(jnp.divmod(place, self.numbers[1]))
            stores = (
                tuple(_put(x, part, begins) for x, part in zip(stores, outputs, strict=True)) if keep else ()
            )
            return (stores, _merged(here, found)), None

        outputs, _, found = jax.eval_shape(visit_tile, (0, 0))
        stores = self._stores(outputs, maps[0], spare) if keep else ()
        nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), found)
        stores, found = lax.scan(visit, (stores, nothing), jnp.arange(prod(self.numbers)))[0]
        return (*bypass, *stores), found

    def _stores(self, outputs: Any, pixels: Array, spare: Maps) -> Maps:
        """Return maps of any content to write the outputs into: spare ones, or new ones."""
        pixel = pixels.ravel()[0]  # of a constant XLA would make all stores at once, and keep them
        free, stores = list(spare), []
        for part in outputs:
            shape = (*self.size, *part.shape[2:])
            like = [i for i, x in enumerate(free) if x.shape == shape and x.dtype == part.dtype]
            stores.append(free.pop(like[0]) if like else jnp.full(shape, pixel, part.dtype))
        return tuple(stores)

    def cost(self, maps: Maps, stats: list) -> float:
        """Return how many numbers all outputs have."""
        outputs, _ = jax.eval_shape(self.outputs, (0, 0), maps[self.step.passthrough :], stats)
        return prod(self.size) * sum(prod(x.shape[2:]) for x in outputs)


def run_in_tiles(passes: list[Pass], tile: int, *maps: Array) -> Maps:
    """Run passes on tiles of `tile` pixels a side of the first map, halo apart.

    The first pass has no statistics.
    """
    image, stats, spare = maps[0].shape[:2], [], ()
    step, *rest = passes
    while True:
        scan = TileScan.of(step, rest[0] if rest else None, image, tile)
        inputs = step.inputs(maps)
        keep = not rest or scan.cost(inputs, stats) <= KEEP * prod(image)
        outputs, found = scan(inputs, stats, keep, spare)
        if not rest:
            return outputs
        if keep:
            maps, step, spare = outputs, rest[0], inputs[step.passthrough :]
        else:
            step = rest[0].after(step, stats)
        stats, rest = found, rest[1:]


def measure_in_tiles(step: Pass, statistics: Callable, side_inputs: Maps, tile: int, *maps: Array) -> list:
    """Return the `statistics` of a pass's outputs, and of further maps of their size."""
    reader = lambda maps, stats: maps
    following = Pass(reader, step.out_size, step.out_size, statistics=statistics, side_inputs=side_inputs)
    scan = TileScan.of(step, following, maps[0].shape[:2], tile)
    return scan(step.inputs(maps), [], keep=False)[1]


def sum_over_tiles(function: Callable, x: Array, tile: int, halo: int, unit: int, constants: Any) -> Any:
    """Return the sum over tiles of `function(constants, pixels, tile)`, differentiable in `x` alone.

    The gradient computes every tile anew, so nothing of the forward pass is kept.
    """
    axes = [TileAxis.of(n, tile, halo, unit) for n in x.shape[:2]]
    indices = jnp.divmod(jnp.arange(axes[0].number * axes[1].number), axes[1].number)
    of_tile = lambda constants, index, pixels: function(constants, pixels, Tile(axes, index))

    @jax.custom_vjp
    def total(constants, x):
        def visit(sums, index):
            return jax.tree.map(jnp.add, sums, of_tile(constants, index, Tile(axes, index).crop(x))), None

        sums = jax.eval_shape(lambda: of_tile(constants, (0, 0), Tile(axes, (0, 0)).crop(x)))
        return lax.scan(visit, jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), sums), indices)[0]

    def backward(residuals, cotangent):
        constants, x = residuals

        def visit(gradient, index):
            here = Tile(axes, index)
            _, pull = jax.vjp(partial(of_tile, constants, index), here.crop(x))
            added = here.crop(gradient) + pull(cotangent)[0]
            return lax.dynamic_update_slice(gradient, added, (*here.starts, 0)), None

        return None, lax.scan(visit, jnp.zeros_like(x), indices)[0]

    total.defvjp(lambda constants, x: (total(constants, x), (constants, x)), backward)
    return total(constants, x)
