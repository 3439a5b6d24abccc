"""A network as passes: local functions of maps, with statistics of all that comes before between them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

Maps = tuple[Float[Array, "_ _ ..."], ...]
Size = tuple[int, ...]


class Pass(NamedTuple):
    """A local function of maps, `function(maps, stats) -> maps`.

    `stats`: statistics that `statistics(maps)`, a list that merges, computed over the full-size inputs.
    `in_size`, `out_size`: height and width of the inputs (cropped, or their last row and column repeated) and
    of the outputs. `shrink` pixels a side of the input become `grow`; the function sees `halo` input pixels
    beyond its own. `side_inputs` are further maps, of any resolution, appended to the inputs. The first
    `passthrough` maps bypass `function` and are prepended unchanged to its outputs (residual connections).
    """

    function: Callable[[Maps, list], Maps]
    in_size: Size
    out_size: Size
    halo: int = 0
    shrink: int = 1
    grow: int = 1
    statistics: Callable[[Maps], list[Any]] = lambda maps: []
    side_inputs: Maps = ()
    passthrough: int = 0

    def __call__(self, maps: Maps, stats: list) -> Maps:
        """Return the outputs, those that bypass the function included."""
        return (*maps[: self.passthrough], *self.function(maps[self.passthrough :], stats))

    def inputs(self, maps: Maps) -> Maps:
        """Return the maps at the size of the input, and the side inputs."""
        return (*(crop_or_pad(x, self.in_size) for x in maps), *self.side_inputs)

    def after(self, first: "Pass", stats: list) -> "Pass":
        """Return `first`, with its statistics known, and then this one as one pass without statistics."""
        spare = [out - into for out, into in zip(first.out_size, self.in_size, strict=True)]

        def function(maps: Maps, next_stats: list) -> Maps:
            count = len(maps) - len(self.side_inputs)
            between = (*first(maps[:count], stats), *maps[count:])
            cropped = (x[: x.shape[0] - spare[0], : x.shape[1] - spare[1]] for x in between)
            return self(tuple(cropped), next_stats)

        return Pass(
            function,
            first.in_size,
            self.out_size,
            first.halo + -(-(self.halo + max(spare)) * first.shrink // first.grow),
            first.shrink * self.shrink,
            first.grow * self.grow,
            side_inputs=(*first.side_inputs, *(crop_or_pad(x, first.out_size) for x in self.side_inputs)),
        )


def crop_or_pad(x: Array, size: Size) -> Array:
    """Return a map cropped to a size, or with its last row and column repeated up to it."""
    x = x[: size[0], : size[1]]
    pads = [(0, wanted - has) for wanted, has in zip(size, x.shape, strict=False)]
    return jnp.pad(x, pads + [(0, 0)] * (x.ndim - 2), mode="edge") if any(map(any, pads)) else x


def run_whole(passes: list[Pass], *maps: Array) -> Maps:
    """Run passes on whole maps."""
    for step in passes:
        maps = step.inputs(maps)
        maps = step(maps, step.statistics(maps))
    return maps
