"""An encoder that sees an image window by window, and tells what it would of the whole.

    encoder = Windowed(encoder, 1024)
    features = encoder(image, layers)          each layer put together of windows
    energy, terms = encoder.energy(loss, image)     no layer kept: the loss is a function of sums over pixels

Energy and gradient take a pass each over the windows, the second with the network's own gradient: 4 units of
work where the whole takes 3.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from jaxstyle.core import Change, Encoder, Feature, Features, Image, Loss, Mask, Scalar, keep, pytree
from jaxstyle.windows import Axis, Pass, by_windows, summed


class Place(NamedTuple):
    """A window of an image (see `core.Window`)."""

    axes: list[Axis]
    number: tuple
    reductions: dict[str, int]  # pixels of the image a side of one of a layer

    def _sides(self, layer: str) -> list[tuple[Axis, Array, int]]:
        reduction = self.reductions[layer]
        return [(axis, i, reduction) for axis, i in zip(self.axes, self.number, strict=True)]

    def whole(self, layer: str) -> tuple[int, int]:
        """Return the height and width of a layer of the whole image."""
        height, width = (axis.given // reduction for axis, _, reduction in self._sides(layer))
        return height, width

    def owned(self, layer: str) -> Mask:
        """Return 1 where a pixel of the layer belongs to this window, 0 where to another."""

        def side(axis: Axis, i: Array, reduction: int) -> Array:
            at = axis.start(i) // reduction + jnp.arange(axis.size // reduction)
            first, end = i * axis.tile // reduction, (i + 1) * axis.tile // reduction
            return (at >= first) & ((at < end) | (i == axis.number - 1))

        rows, columns = (side(*each) for each in self._sides(layer))
        return jnp.outer(rows, columns).astype(jnp.float32)

    def cut(self, layer: str, whole: Array) -> Array:
        """Return the window of a map of the layer."""
        sides = self._sides(layer)
        starts = [axis.start(i) // reduction for axis, i, reduction in sides]
        sizes = [axis.size // reduction for axis, _, reduction in sides]
        more = whole.shape[2:]
        return lax.dynamic_slice(whole, [*starts, *(0 for _ in more)], [*sizes, *more])


@pytree
class Windowed:
    """An encoder on windows of `tile` pixels a side and what it sees around them."""

    encoder: Encoder
    tile: int = 1024

    @property
    def content_layers(self) -> dict[str, float]:
        return self.encoder.content_layers

    @property
    def style_layers(self) -> dict[str, float]:
        return self.encoder.style_layers

    @property
    def layers(self) -> tuple[str, ...]:
        return self.encoder.layers

    def with_pool(self, pool: Callable[[Feature], Feature]) -> "Windowed":
        return Windowed(self.encoder.with_pool(pool), self.tile)

    def reach(self, layer: str) -> int:
        return self.encoder.reach(layer)

    def reduction(self, layer: str) -> int:
        return self.encoder.reduction(layer)

    def __call__(self, image: Image, layers: Iterable[str], change: Change = keep) -> Features:
        """Return the asked layers, each computed by itself; `change` has to be local."""

        def layer(name: str) -> Feature:
            unit, size = self.reduction(name), image.shape[:2]
            encode = lambda maps, own: (self.encoder(maps[0], (name,), change)[name],)
            made = size[0] // unit, size[1] // unit
            return by_windows([Pass(encode, size, made, self.reach(name), unit)], self.tile, image)[0]

        return {"image": image} | {name: layer(name) for name in set(layers) - {"image"}}

    def energy(self, loss: Loss, image: Image) -> tuple[Scalar, dict[str, Scalar]]:
        """Return the loss of an image and its terms; raises `InputError` where they are no sums."""
        wanted = set(loss.layers) - {"image"}
        reductions = {"image": 1} | {layer: self.reduction(layer) for layer in wanted}
        reach = max((self.reach(layer) for layer in wanted), default=1)

        def sums(given, window: Image, axes: list[Axis], index: tuple):
            encoder, loss = given
            return loss.sums(encoder(window, loss.layers), Place(axes, index, reductions))

        unit = max(reductions.values())
        terms = loss.terms_of_sums(summed(sums, image, self.tile, reach, unit, (self.encoder, loss)))
        return sum(terms.values()), terms
