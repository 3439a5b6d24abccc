"""Before a run: how much memory and time it will take, and in tiles of which size it fits.

    peak = what the process has now + the largest of the programs' buffers
    time = see `forecast.py`

The programs are those that run afterwards (the cache of programs keeps them). Operations are counted of the
untiled method. On a GPU, memory is the device's.
"""

import math
import sys
from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxstyle import allocator
from jaxstyle.cli.pictures import Pictures
from jaxstyle.core import InputError, Method
from jaxstyle.forecast import buffers, compiled, seconds_of
from jaxstyle.memory import Limit, shown, taken
from jaxstyle.tiling.method import needs_whole

WORTH = 2**19  # pixels from which a plan is made unasked
PIXEL = 36  # bytes that a pixel takes at least: as it is read, as it is made, and on its way to a file
TILES = (2048, 1024, 512, 256, 128)


class Plan(NamedTuple):
    """A method, perhaps in tiles, and the bytes and seconds that it is predicted to take."""

    method: Method
    tile: int | None
    bytes: float
    seconds: float

    def __str__(self) -> str:
        tiles = f" in tiles of {self.tile} px" if self.tile else ""
        seconds = math.ceil(self.seconds)
        time = f"{seconds} s" if seconds < 100 else f"{seconds / 60:.0f} min"
        return f"about {shown(self.bytes)} and {time}{tiles}"


class TooLargeError(InputError):
    """What does not fit: `fact` says so, `share` is that of its memory that there is."""

    def __init__(self, what: str, needed: float, limit: Limit, cure: str):
        self.fact = f"{what}, and {limit}"
        self.share = limit.bytes / needed
        super().__init__(f"{self.fact}: {cure}")


def smaller(method: Method, styles: int) -> str:
    """Return what makes a run of a method with so many styles smaller."""
    sizes = "a smaller --size or --style-size" if styles else "a smaller --size"
    remembers = hasattr(getattr(method, "optimizer", None), "memory")
    return f"try {sizes}" + ", or fewer --pairs" * remembers


def check_least(method: Method, pictures: list, limit: Limit, count: int = 1) -> float:
    """Return the bytes that `count` runs at once take at least; raise `TooLargeError` beyond a limit.

    `pictures` are shapes, the content's first: an optimiser's state is several of it. Nothing is compiled.
    """
    needed = float(sum(count * PIXEL * math.prod(picture.shape[:2]) for picture in pictures))
    if optimizer := getattr(method, "optimizer", None):
        state = jax.eval_shape(optimizer.init, pictures[0])
        needed += count * sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
    if needed > limit.bytes:
        height, width = pictures[0].shape[:2]
        what = f"a run at {width}x{height} px takes {shown(needed)} at least"
        raise TooLargeError(what, needed, limit, smaller(method, len(pictures) - 1))
    return needed


def fitting(
    in_tiles: Callable[[int | None], Method], tile: int | None, pictures: Pictures, limit: Limit
) -> Plan:
    """Return how a method runs within a limit: whole, or in what tiles.

    `in_tiles` gives the method whose tiles have a side, or none; a `tile` is taken as it is. Raises
    `TooLargeError` where nothing fits.
    """
    arguments = pictures.arguments
    whole = compiled(in_tiles(None), *arguments)
    seconds = seconds_of(whole)

    def predict(tile: int | None) -> Plan:
        method = in_tiles(tile)
        programs = compiled(method, *arguments) if tile else whole
        allocator.give_back()
        return Plan(method, tile, taken() + max(buffers(program) for program, _ in programs), seconds)

    first = plan = predict(tile)
    cure = smaller(in_tiles(None), len(pictures.styles))
    for side in TILES:
        if tile or plan.bytes <= limit.bytes:
            break
        if side < max(arguments[0].shape):
            if not first.method.tileable:
                why = f"{needs_whole(first.method)}; {cure}"
                raise TooLargeError(str(first), first.bytes, limit, why)
            plan = predict(side)
    if plan.bytes > limit.bytes:
        raise TooLargeError(str(plan), plan.bytes, limit, cure)
    if plan is not first:
        print(f"{first} as a whole, and {limit}: in tiles", file=sys.stderr)
    print(plan, file=sys.stderr)
    return plan
