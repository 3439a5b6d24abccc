"""Window by window, and yet the whole: exact results where the image does not fit at once.

    x_k = f_k(x_{k-1}, s_k),    s_k = merge over windows of measure_k(x_{k-1})        a `Pass` each

A pass is local, but for statistics of all of its input, which merge. `whole` runs passes on whole maps,
`by_windows` on one window after another in one compiled program; both give the same to rounding.

A window is a tile of the image and `reach` pixels around it, which is what a network sees beyond. It ends
where the image ends, so borders are padded as those of the whole. All windows have one shape and begin at
multiples of `shrink`, as pooling does. What is computed of the margin is thrown away.

A map of more than `KEEP` numbers for each pixel of the image is not kept: the pass that reads it computes
it again. `summed` does for a loss what passes do for maps: what it adds up over pixels is added up over
windows, and its gradient is that of every window, put where the window is.
"""

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

KEEP = 32
Maps = tuple[Float[Array, "h w ..."], ...]
Size = tuple[int, ...]


class Pass(NamedTuple):
    """A local function of maps, `(maps, own) -> maps`; `own` is what `measure` told of all that went in.

    `given`, `made`: height and width of what goes in (cut, or its end repeated) and of what comes out;
    `shrink` pixels a side become `grow`; `reach` counts pixels of the input; `also` are further maps, of
    any resolution, that go in. The first `past` maps go by: the function neither sees nor makes them, but
    they are before what it made. `measure(maps)` returns a list of statistics that merge.
    """

    function: Callable[[Maps, list], Maps]
    given: Size
    made: Size
    reach: int = 0
    shrink: int = 1
    grow: int = 1
    measure: Callable[[Maps], list] = lambda maps: []
    also: Maps = ()
    past: int = 0

    def __call__(self, maps: Maps, own: list) -> Maps:
        """Return what becomes of all maps."""
        return (*maps[: self.past], *self.function(maps[self.past :], own))

    def inputs(self, maps: Maps) -> Maps:
        """Return what goes in."""
        return (*(fitted(x, self.given) for x in maps), *self.also)

    def after(self, first: "Pass", own: list) -> "Pass":
        """Return `first` and then this one as one pass, which measures nothing any more."""
        spare = [made - given for made, given in zip(first.made, self.given, strict=True)]

        def function(maps: Maps, own_of_this: list) -> Maps:
            count = len(maps) - len(self.also)
            between = (*first(maps[:count], own), *maps[count:])
            return self(
                tuple(x[: x.shape[0] - spare[0], : x.shape[1] - spare[1]] for x in between), own_of_this
            )

        return Pass(
            function,
            first.given,
            self.made,
            first.reach + -(-(self.reach + max(spare)) * first.shrink // first.grow),
            first.shrink * self.shrink,
            first.grow * self.grow,
            also=(*first.also, *(fitted(x, first.made) for x in self.also)),
        )


def fitted(x: Array, size: Size) -> Array:
    """Return a map cut to a size, or with its last row and column repeated up to it."""
    x = x[: size[0], : size[1]]
    pads = [(0, wanted - has) for wanted, has in zip(size, x.shape, strict=False)]
    return jnp.pad(x, pads + [(0, 0)] * (x.ndim - 2), mode="edge") if any(map(any, pads)) else x


def whole(passes: list[Pass], *maps: Array) -> Maps:
    """Run passes on whole maps."""
    for step in passes:
        maps = step.inputs(maps)
        maps = step(maps, step.measure(maps))
    return maps


class Axis(NamedTuple):
    """The windows along an axis of `given` pixels: `number` of `size`, `tile` long without their margin."""

    given: int
    size: int
    tile: int
    reach: int
    number: int

    @classmethod
    def of(cls, given: int, tile: int, reach: int, unit: int) -> "Axis":
        """Return windows of up to `tile` pixels that begin at multiples of `unit` and all end alike."""
        tile, reach = max(tile // unit, 1) * unit, -(-reach // unit) * unit
        if given <= tile + 2 * reach:
            return cls(given, given, given, 0, 1)
        number = -(-given // tile)
        tile = -(-given // (number * unit)) * unit  # as many, and the last not much smaller than the others
        last = (given - tile - 2 * reach) // unit * unit
        return cls(given, given - last, tile, reach, -(-given // tile))

    def start(self, index):
        """Return where a window begins."""
        return jnp.clip(index * self.tile - self.reach, 0, self.given - self.size)


def _part(x: Array, begins: list, sizes: list[int]) -> Array:
    more = x.shape[len(sizes) :]
    return lax.dynamic_slice(x, [*begins, *(0 for _ in more)], [*sizes, *more])


def _cut(x: Array, axes: list[Axis], starts: list) -> Array:
    """Return the window of a map, whose resolution may be another."""
    places = [start * n // axis.given for start, n, axis in zip(starts, x.shape, axes, strict=False)]
    sizes = [axis.size * n // axis.given for n, axis in zip(x.shape, axes, strict=False)]
    return _part(x, places, sizes)


def _once(true: Array, function: Callable[[], Maps]) -> Maps:
    """Return `function()` if `true`, in a branch: else XLA computes it anew wherever it is read."""
    never = lambda: tuple(jnp.zeros(x.shape, x.dtype) for x in jax.eval_shape(function))
    return lax.cond(true, function, never)


def _put(x: Array, part: Array, begins: list) -> Array:
    """Return a map with a part put in, whole rows of numbers at once: so it takes half the time."""
    rows = lambda x: x.reshape(x.shape[0], -1)
    at = (begins[0], begins[1] * prod(x.shape[2:]))
    return lax.dynamic_update_slice(rows(x), rows(part), at).reshape(x.shape)


def _merged(statistics: list, others: list) -> list:
    return [one.merge(other) for one, other in zip(statistics, others, strict=True)]


class Sweep(NamedTuple):
    """One pass over all windows, what it makes cut to what the pass after it wants."""

    step: Pass
    following: Pass | None
    axes: list[Axis]
    size: Size  # of what is made

    @classmethod
    def of(cls, step: Pass, following: Pass | None, image: Size, tile: int) -> "Sweep":
        """Return the sweep whose windows are `tile` pixels of an image of size `image`.

        Those of a coarse map span more of it: it has more channels, but not as many as fewer pixels.
        """
        finest = [max(sides) for sides in zip(step.given, step.made, strict=True)]
        scales = [
            (given / fine) * (fine / n) ** 0.5
            for given, fine, n in zip(step.given, finest, image, strict=True)
        ]
        edges = [max(int(tile * scale), 1) for scale in scales]
        axes = [Axis.of(n, edge, step.reach, step.shrink) for n, edge in zip(step.given, edges, strict=True)]
        wanted = step.made if following is None else tuple(map(min, step.made, following.given))
        return cls(step, following, axes, wanted)

    @property
    def tiles(self) -> list[int]:
        """Height and width of what a window makes, without its margin."""
        pairs = zip(self.axes, self.size, strict=True)
        return [a.tile * self.step.grow // self.step.shrink if a.number > 1 else n for a, n in pairs]

    @property
    def numbers(self) -> list[int]:
        """The number of windows down and across."""
        return [-(-n // tile) for n, tile in zip(self.size, self.tiles, strict=True)]

    def window(self, index: tuple, maps: Maps, own: list) -> tuple[Maps, list]:
        """Return what the window of an index makes, and where that is.

        The last tiles lie over those before them, so that all are alike.
        """
        starts = [axis.start(i) for axis, i in zip(self.axes, index, strict=True)]
        begins = [jnp.minimum(i * t, n - t) for i, t, n in zip(index, self.tiles, self.size, strict=True)]
        offsets = [b - s * self.step.grow // self.step.shrink for b, s in zip(begins, starts, strict=True)]

        def made() -> Maps:
            cut = _once(index[0] >= 0, lambda: tuple(_cut(x, self.axes, starts) for x in maps))
            return tuple(_part(x, offsets, self.tiles) for x in self.step.function(cut, own))

        return _once(index[0] >= 0, made), begins

    def measured(self, made: Maps, begins: list, index: tuple) -> list:
        """Return what the pass after this measures of what no window before this one made."""
        following = self.following
        if following is None:
            return []
        maps = (*made, *(_part(x, begins, self.tiles) for x in following.also))
        laps = [i * t - n for i, t, n in zip(self.numbers, self.tiles, self.size, strict=True)]
        last = [i == number - 1 for i, number in zip(index, self.numbers, strict=True)]
        new = lambda rows, columns: lambda: following.measure(tuple(x[rows:, columns:] for x in maps))
        return lax.switch(2 * last[0] + last[1], [new(i, j) for i in (0, laps[0]) for j in (0, laps[1])])

    def __call__(self, maps: Maps, own: list, keep: bool, spare: Maps = ()) -> tuple[Maps, list]:
        """Return what is made of all windows, if it is to be kept, and what is measured of it.

        It is kept where `spare` maps are, which nobody reads any more.
        """
        past, maps = maps[: self.step.past], maps[self.step.past :]

        def seen(index: tuple) -> tuple[Maps, list, list]:
            made, begins = self.window(index, maps, own)
            here = (*(_part(x, begins, self.tiles) for x in past), *made)
            return made, begins, self.measured(here, begins, index)

        def visit(carry, place):
            kept, told = carry
            made, begins, here = seen(jnp.divmod(place, self.numbers[1]))
            kept = tuple(_put(x, part, begins) for x, part in zip(kept, made, strict=True)) if keep else ()
            return (kept, _merged(here, told)), None

        made, _, told = jax.eval_shape(seen, (0, 0))
        kept = self._room(made, maps[0], spare) if keep else ()
        nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), told)
        kept, told = lax.scan(visit, (kept, nothing), jnp.arange(prod(self.numbers)))[0]
        return (*past, *kept), told

    def _room(self, made: Maps, given: Array, spare: Maps) -> Maps:
        """Return maps of whatever in the size of what is made: those that are spare, or new ones."""
        pixel = given.ravel()[0]  # of zeros XLA would make all stores at once
        free, room = list(spare), []
        for part in made:
            shape = (*self.size, *part.shape[2:])
            like = [i for i, x in enumerate(free) if x.shape == shape and x.dtype == part.dtype]
            room.append(free.pop(like[0]) if like else jnp.full(shape, pixel, part.dtype))
        return tuple(room)

    def cost(self, maps: Maps, own: list) -> float:
        """Return how many numbers there are in all that is made."""
        made, _ = jax.eval_shape(self.window, (0, 0), maps[self.step.past :], own)
        return prod(self.size) * sum(prod(x.shape[2:]) for x in made)


def by_windows(passes: list[Pass], tile: int, *maps: Array) -> Maps:
    """Run passes on windows of `tile` pixels of the first map a side, margins apart.

    The first pass measures nothing.
    """
    image, own, spare = maps[0].shape[:2], [], ()
    step, *rest = passes
    while True:
        sweep = Sweep.of(step, rest[0] if rest else None, image, tile)
        given = step.inputs(maps)
        keep = not rest or sweep.cost(given, own) <= KEEP * prod(image)
        made, told = sweep(given, own, keep, spare)
        if not rest:
            return made
        if keep:
            maps, step, spare = made, rest[0], given[step.past :]
        else:
            step = rest[0].after(step, own)
        own, rest = told, rest[1:]


def measured(step: Pass, measure: Callable, also: Maps, tile: int, *maps: Array) -> list:
    """Return what `measure` tells of all that a pass makes, with further maps of its size."""
    following = Pass(lambda maps, own: maps, step.made, step.made, measure=measure, also=also)
    sweep = Sweep.of(step, following, maps[0].shape[:2], tile)
    return sweep(step.inputs(maps), [], keep=False)[1]


def summed(function: Callable, x: Array, tile: int, reach: int, unit: int, given: Any) -> Any:
    """Return the sum over windows of `function(given, window, axes, index)`, differentiable in `x` alone.

    A window is computed anew for the gradient, so nothing of it is kept.
    """
    axes = [Axis.of(n, tile, reach, unit) for n in x.shape[:2]]
    indices = jnp.divmod(jnp.arange(axes[0].number * axes[1].number), axes[1].number)

    starts = lambda index: [axis.start(i) for axis, i in zip(axes, index, strict=True)]
    part = lambda x, index: _cut(x, axes, starts(index))
    of_window = lambda given, index, window: function(given, window, axes, index)

    @jax.custom_vjp
    def total(given, x):
        def visit(sums, index):
            return jax.tree.map(jnp.add, sums, of_window(given, index, part(x, index))), None

        nothing = jax.eval_shape(lambda: of_window(given, (0, 0), part(x, (0, 0))))
        return lax.scan(visit, jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), nothing), indices)[0]

    def backward(residuals, cotangent):
        given, x = residuals

        def visit(gradient, index):
            _, pull = jax.vjp(partial(of_window, given, index), part(x, index))
            here = part(gradient, index) + pull(cotangent)[0]
            return lax.dynamic_update_slice(gradient, here, (*starts(index), 0)), None

        return None, lax.scan(visit, jnp.zeros_like(x), indices)[0]

    total.defvjp(lambda given, x: (total(given, x), (given, x)), backward)
    return total(given, x)
