"""Transfer in closed form: the frame of every method that matches a statistic without descent.

    image = decode(a T(f, t) + (1 - a) f),    f = encode(content),    t = the statistic of encode(style)

| `Transfer(features, statistic, match)` | f | t | T |
|---|---|---|---|
| AdaIN | `Level(encoder, network, 4)` | `Moments.of` | `match_moments` |
| WCT, at each level | `Level(...)` | `Covariance.of` | `match_covariance` |
| histogram matching, at each level | `Level(...)` | `Quantiles.of` | `match_quantiles` |
| style-swap, at each level | `Level(...)` | `Patches.of` | `swap_patches` |
| linear | `Level(...)` | the feature itself | a learned matrix |
| PhotoWCT, at each level | `Unpooled(...)` | `Covariance.of` | `match_covariance` |
| Reinhard | `Pixels(to_lab, from_lab)` | `Moments.of` | `match_moments` |
| Monge, Pitie, color-histogram | `Pixels()` | see `colors.py` | |

`alpha`, a, goes from the content's own f, 0, to the style's, 1. A public method is `Composed`: its fields are
its options, its `method` is such a row, or a `Chain` of rows, one for each level.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Encoder, Feature, Image, Mask, Method, Region, pytree, static, unchanged
from jaxstyle.image.masks import pool_mask
from jaxstyle.networks.decoders import Decoder, encoded, pad_to_multiple
from jaxstyle.tiling import Pass, Size, crop_or_pad, measure_in_tiles, run_in_tiles
from jaxstyle.transforms import match_regions, pooled


class Features:
    """What of an image is matched, and the image of what became of it."""

    @property
    def tileable(self) -> bool:
        """Whether it can be encoded and decoded in tiles: `encoding` is a pass, decoding needs no context."""
        return False

    @property
    def halo(self) -> int:
        """How many feature pixels beyond its own decoding sees."""
        return 0

    def pad(self, image: Image | Mask) -> Image | Mask:
        """Return an image, or its mask, padded as `encode` pads it."""
        return image

    def encode(self, image: Image) -> tuple[Feature, Any]:
        """Return the feature, and the context that `decode` needs besides."""
        raise NotImplementedError

    def decode(self, feature: Feature, context: Any) -> Image:
        """Return an image in [0, 1] of the size of the padded content."""
        raise NotImplementedError

    def encoding(self, size: Size) -> Pass:
        """Return `encode` as a pass over images of a size."""
        raise NotImplementedError


@pytree
class Pixels(Features):
    """The colours of an image in a space of three numbers, by default in sRGB itself."""

    to: Callable[[Image], Feature] = static(default=unchanged)
    back: Callable[[Feature], Image] = static(default=unchanged)

    @property
    def tileable(self) -> bool:
        return True

    def encode(self, image: Image) -> tuple[Feature, None]:
        return self.to(image), None

    def decode(self, feature: Feature, context: None) -> Image:
        return jnp.clip(self.back(feature), 0, 1)

    def encoding(self, size: Size) -> Pass:
        return Pass(lambda maps, stats: (self.to(maps[0]),), size, size)


@pytree
class Level(Features):
    """The features at relu{level}_1, of an image padded to whole feature pixels; a network decodes them."""

    encoder: Encoder
    network: Decoder
    level: int = static()

    @property
    def tileable(self) -> bool:
        return self.encoder.tileable

    @property
    def halo(self) -> int:
        return self.network.halo

    def pad(self, image: Image | Mask) -> Image | Mask:
        return pad_to_multiple(image, self.level)

    def encode(self, image: Image) -> tuple[Feature, None]:
        return encoded(self.encoder, self.level, image), None

    def decode(self, feature: Feature, context: None) -> Image:
        return jnp.clip(self.network(feature), 0, 1)

    def encoding(self, size: Size) -> Pass:
        unit = 2 ** (self.level - 1)
        out_size = tuple(-(-n // unit) for n in size)
        in_size = tuple(unit * n for n in out_size)
        encode = lambda maps, stats: self.encode(maps[0])[:1]
        return Pass(encode, in_size, out_size, self.encoder.halo(f"relu{self.level}_1"), unit)


@pytree
class Transfer(Method):
    """Match one statistic in closed form.

    `statistic(feature, weight)` summarises a style, `match(feature, target, weight)` gives a content's
    feature that statistic. It `merges` if the statistic of an image is that of its tiles, merged: `match`
    takes the content's own as `stats` then. It is `local` if a pixel is matched by those up to `halo` around
    it alone. Either makes it tileable; `tile` is the side of the tiles, 0 for the whole image.
    """

    features: Features
    statistic: Callable[..., Any] = static()
    match: Callable[..., Feature] = static()
    alpha: Array | float = 1.0
    merges: bool = static(default=False)
    local: bool = static(default=False)
    halo: int = static(default=0)
    tile: int = static(default=0)

    @property
    def tileable(self) -> bool:
        return self.features.tileable and (self.merges or self.local)

    def in_tiles(self, tile: int) -> "Transfer":
        return dataclasses.replace(self, tile=tile)

    def pad_for_cache(self, image: Image | Mask) -> Image | Mask:
        return self.features.pad(image)

    def prepare(self, style: Image, mask: Mask | None = None) -> Any:
        pool = lambda size: () if mask is None else (pool_mask(self.features.pad(mask), size),)
        if self.tile and self.merges:
            step = self.features.encoding(style.shape[:2])
            measure = lambda maps: [self.statistic(*maps)]
            return measure_in_tiles(step, measure, pool(step.out_size), self.tile, style)[0]
        feature, _ = self.features.encode(style)
        return self.statistic(feature, *pool(feature.shape))

    def complete(self, content: Image, target: Any) -> Any:
        """Return the target with what else `match` has to know of the whole content."""
        return target

    def apply(self, content: Image, target: Any) -> Image:
        return self.transfer(content, self.complete(content, target))

    def transfer(self, content: Image, target: Any) -> Image:
        """Return what `apply` does, with a target that is `complete`."""
        size = content.shape[:2]
        if self.tile:
            encoding = self.features.encoding(size)
            parts = pooled(target, encoding.out_size, self.features.pad)
            (image,) = run_in_tiles([encoding, self._decoding(encoding, parts)], self.tile, content)
        else:
            feature, context = self.features.encode(content)
            parts = pooled(target, feature.shape, self.features.pad)
            image = self.features.decode(self._matched(feature, parts), context)
        return crop_or_pad(image, size)

    def _matched(self, feature: Feature, parts: list[Region], stats: list | None = None) -> Feature:
        """Return the feature matched region by region; `stats` are the content's in each, if it is a part."""
        match = self.match
        if stats:
            match = lambda feature, pair, weight: self.match(feature, pair[0], weight, stats=pair[1])
            pairs = zip(parts, stats, strict=True)
            parts = [part._replace(target=(part.target, statistic)) for part, statistic in pairs]
        return self.alpha * match_regions(match, feature, parts) + (1 - self.alpha) * feature

    def _decoding(self, encoding: Pass, parts: list[Region]) -> Pass:
        """Return what follows `encoding` as a pass over features: match, blend, decode."""
        masks, structure = jax.tree.flatten([(part.mask, part.weight) for part in parts])

        def here(masks: tuple) -> list[Region]:
            """Return the regions in a tile, whose masks these are."""
            pairs = zip(parts, jax.tree.unflatten(structure, masks), strict=True)
            return [Region(part.target, *pair) for part, pair in pairs]

        def statistics(maps: tuple) -> list[Any]:
            every = here(maps[1:]) if self.merges else []
            return [self.statistic(maps[0], part.weight) for part in every]

        def function(maps: tuple, stats: list) -> tuple:
            return (self.features.decode(self._matched(maps[0], here(maps[1:]), stats), None),)

        size = tuple(n * encoding.shrink for n in encoding.out_size)
        halo = self.halo + self.features.halo
        return Pass(function, encoding.out_size, size, halo, 1, encoding.shrink, statistics, tuple(masks))


class Composed(Method):
    """A method that others make up: its fields are its options, `method` is what they amount to."""

    @property
    def method(self) -> Method:
        """A `Transfer`, or a `Chain` of them."""
        raise NotImplementedError

    @property
    def tileable(self) -> bool:
        return self.method.tileable

    def in_tiles(self, tile: int) -> Method:
        return self.method.in_tiles(tile)

    def pad_for_cache(self, image: Image | Mask) -> Image | Mask:
        return self.method.pad_for_cache(image)

    def prepare(self, style: Image, mask: Mask | None = None) -> Any:
        return self.method.prepare(style, mask)

    def apply(self, content: Image, target: Any) -> Image:
        return self.method.apply(content, target)
