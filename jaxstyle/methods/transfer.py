"""Transfer in closed form: the frame of every method that matches a statistic without descent.

    image = decode(a T(f, t) + (1 - a) f),    f = encode(content),    t = the statistic of encode(style)

A method says what f is (features at a layer, colours in some space), which statistic t, which transform
T. `alpha` goes from the content's own f, 0, to the style's, 1. `Recoded` are the methods on features: one
network encodes, another that was trained for it decodes. `Multilevel` are chains of them.
"""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Chain, Encoder, Feature, Image, InputError, Mask, Method, Regions, regions
from jaxstyle.image.masks import at
from jaxstyle.networks.decoders import Decoder, encoded, whole
from jaxstyle.transforms import match_regions
from jaxstyle.windows import Maps, Pass, Size, by_windows, fitted, measured


class Transfer(Method):
    """Match one statistic in closed form: a subclass says which, and of what.

    `merges` tells whether the statistics of windows add up to that of the whole (`merge`), in its size;
    `local` whether a pixel is matched by those around it alone, with no statistic of the content.
    """

    merges: ClassVar[bool] = False
    local: ClassVar[bool] = False

    alpha: Array | float
    reach = 0  # feature pixels beyond its own that matching and decoding see

    def encode(self, image: Image) -> Feature:
        """Return what is matched."""
        raise NotImplementedError

    def decode(self, feature: Feature, content: Image) -> Image:
        """Return the image of the content's size that a feature stands for, in [0, 1]."""
        return fitted(self.render(feature), content.shape[:2])

    def render(self, feature: Feature) -> Image:
        """Return the image that a feature stands for, of whole feature pixels, in [0, 1]."""
        raise NotImplementedError

    def summary(self, feature: Feature, weight: Mask | None) -> Any:
        """Return the statistic of a style's feature."""
        raise NotImplementedError

    def match(self, feature: Feature, target: Any, weight: Mask | None, own: Any = None) -> Feature:
        """Return the feature with the target's statistic; `own` is that of all that it is a part of."""
        raise NotImplementedError

    def padded(self, mask: Mask) -> Mask:
        """Return a mask padded as `encode` pads its picture."""
        return mask

    def prepare(self, style: Image, mask: Mask | None = None) -> Any:
        feature = self.encode(style)
        return self.summary(feature, None if mask is None else at(self.padded(mask), feature))

    def placed(self, target: Any) -> Any:
        """Return a target whose masks are padded as `encode` pads the content."""
        return target.of_masks(self.padded) if isinstance(target, Regions) else target

    def apply(self, content: Image, target: Any) -> Image:
        feature = self.encode(content)
        matched = match_regions(self.match, feature, self.placed(target))
        return self.decode(self.alpha * matched + (1 - self.alpha) * feature, content)

    def measure(self, feature: Feature, weight: Mask | None) -> list:
        """Return a list of what a window of a content's feature adds to the statistics of the whole."""
        return [] if self.local else [self.summary(feature, weight)]

    def encoding(self, image: Size) -> Pass:
        """Return `encode` as a pass over images of a size."""
        raise InputError(f"{type(self).__name__} needs the whole image at once: it cannot be tiled")

    def decoding(self, encoding: Pass, target: Any) -> Pass:
        """Return what follows `encode` as a pass over features: match, blend, decode."""
        feature, goal = jax.ShapeDtypeStruct((*encoding.made, 1), jnp.float32), self.placed(target)
        targets, masks = [part.target for part in regions(goal)], ()
        if isinstance(goal, Regions):
            every = [*goal.masks, *(() if goal.weight is None else (goal.weight,))]
            masks = tuple(at(mask, feature) for mask in every)

        def here(every: list, masks: Maps) -> Any:
            """Return the target of a window, whose masks these are."""
            return Regions(every, jnp.stack(masks[: len(every)]), *masks[len(every) :]) if masks else every[0]

        def measure(maps: Maps) -> list:
            parts = regions(here(targets, maps[1:]))
            return [told for part in parts for told in self.measure(maps[0], part.weight)]

        def function(maps: Maps, own: list) -> Maps:
            feature, pairs = maps[0], list(zip(targets, own or [None] * len(targets), strict=True))
            match = lambda feature, pair, weight: self.match(feature, pair[0], weight, pair[1])
            matched = match_regions(match, feature, here(pairs, maps[1:]))
            return (self.render(self.alpha * matched + (1 - self.alpha) * feature),)

        size = tuple(n * encoding.shrink for n in encoding.made)
        return Pass(function, encoding.made, size, self.reach, 1, encoding.shrink, measure, masks)

    def prepare_by_windows(self, style: Image, mask: Mask | None, tile: int) -> Any:
        if not self.merges:
            return self.prepare(style, mask)
        encoding = self.encoding(style.shape[:2])
        feature = jax.ShapeDtypeStruct((*encoding.made, 1), jnp.float32)
        also = () if mask is None else (at(self.padded(mask), feature),)
        measure = lambda maps: [self.summary(maps[0], maps[1] if also else None)]
        return measured(encoding, measure, also, tile, style)[0]

    def by_windows(self, content: Image, target: Any, tile: int) -> Image:
        encoding = self.encoding(content.shape[:2])
        if not (self.merges or self.local):
            return super().by_windows(content, target, tile)
        (image,) = by_windows([encoding, self.decoding(encoding, target)], tile, content)
        return fitted(image, content.shape[:2])


class Recoded(Transfer):
    """Match the features at relu{level}_1; the content is padded to whole feature pixels, and cropped."""

    encoder: Encoder
    network: Decoder
    level: int

    def rounded(self, image: Image | Mask) -> Image | Mask:
        return whole(image, self.level)

    def padded(self, mask: Mask) -> Mask:
        return whole(mask, self.level)

    def encode(self, image: Image) -> Feature:
        return encoded(self.encoder, self.level, image)

    def render(self, feature: Feature) -> Image:
        return jnp.clip(self.network(feature), 0, 1)

    @property
    def reach(self) -> int:
        return self.network.reach

    def encoding(self, image: Size) -> Pass:
        unit, layer = 2 ** (self.level - 1), f"relu{self.level}_1"
        cells = tuple(-(-n // unit) for n in image)
        given = tuple(unit * n for n in cells)
        encode = lambda maps, own: (self.encode(maps[0]),)
        return Pass(encode, given, cells, self.encoder.reach(layer), unit)


class Multilevel(Method):
    """The same transfer at one level of the encoder after another, from the coarsest to the finest."""

    alpha: Array | float
    levels: tuple[int, ...]

    def at(self, level: int) -> Transfer:
        """Return the transfer at one level."""
        raise NotImplementedError

    def prepare_by_windows(self, style: Image, mask: Mask | None, tile: int) -> list[Any]:
        return self.chain.prepare_by_windows(style, mask, tile)

    def by_windows(self, content: Image, target: Any, tile: int) -> Image:
        return self.chain.by_windows(content, target, tile)

    @property
    def chain(self) -> Chain:
        """The transfers in order."""
        return Chain([self.at(level) for level in self.levels])

    def prepare(self, style: Image, mask: Mask | None = None) -> list[Any]:
        return self.chain.prepare(style, mask)

    def apply(self, content: Image, target: Any) -> Image:
        return self.chain.apply(content, target)
