"""An encoder that sees an image tile by tile, and gives the features and the losses of the whole.

    encoder = TiledEncoder(encoder, 1024)
    features = encoder(image, layers)       each layer put together of tiles
    terms = encoder.terms(loss, image)      no layer kept: the loss is a function of sums over pixels

Loss and gradient take a forward pass each over the tiles, the second with the network's own gradient: 4 units
of work where the whole takes 3.
"""

from collections.abc import Callable, Iterable

from jax import Array

from jaxstyle.core import (
    Encoder,
    Feature,
    FeatureHook,
    Features,
    Image,
    Loss,
    Scalar,
    identity_hook,
    pytree,
    static,
)
from jaxstyle.tiling.method import needs_whole
from jaxstyle.tiling.passes import Pass
from jaxstyle.tiling.scan import run_in_tiles, sum_over_tiles
from jaxstyle.tiling.tile import Tile


@pytree
class TiledEncoder:
    """An encoder, which says that it is `tileable`, on tiles of `tile` pixels a side."""

    encoder: Encoder
    tile: int = static(default=1024)

    @property
    def tileable(self) -> bool:
        return False

    @property
    def content_layers(self) -> dict[str, float]:
        return self.encoder.content_layers

    @property
    def style_layers(self) -> dict[str, float]:
        return self.encoder.style_layers

    @property
    def layers(self) -> tuple[str, ...]:
        return self.encoder.layers

    def with_pool(self, pool: Callable[[Feature], Feature]) -> "TiledEncoder":
        return TiledEncoder(self.encoder.with_pool(pool), self.tile)

    def halo(self, layer: str) -> int:
        return self.encoder.halo(layer)

    def reduction(self, layer: str) -> int:
        return self.encoder.reduction(layer)

    def __call__(self, image: Image, layers: Iterable[str], hook: FeatureHook = identity_hook) -> Features:
        """Return the asked layers, each computed by itself; `hook` has to be local."""

        def layer(name: str) -> Feature:
            unit, size = self.reduction(name), image.shape[:2]
            encode = lambda maps, stats: (self.encoder(maps[0], (name,), hook)[name],)
            out_size = size[0] // unit, size[1] // unit
            return run_in_tiles([Pass(encode, size, out_size, self.halo(name), unit)], self.tile, image)[0]

        return {"image": image} | {name: layer(name) for name in set(layers) - {"image"}}

    def terms(self, loss: Loss, image: Image) -> dict[str, Scalar]:
        """Return the terms of a loss of an image; raises `InputError` for a loss that is not tileable."""
        if not loss.tileable:
            raise needs_whole(loss)
        layers = set(loss.layers) - {"image"}
        reductions = {"image": 1} | {layer: self.reduction(layer) for layer in layers}
        halo = max((self.halo(layer) for layer in layers), default=1)  # neighbours, for total variation

        def sums(constants, pixels: Image, tile: Tile):
            encoder, loss = constants
            crop: Callable[[str, Array], Array] = lambda layer, x: tile.crop(x, reductions[layer])
            weight = {layer: tile.mask(reductions[layer]) for layer in loss.layers}
            return loss.crop(crop).sums(encoder(pixels, loss.layers), weight)

        unit = max(reductions.values())
        return loss.finish_terms(sum_over_tiles(sums, image, self.tile, halo, unit, (self.encoder, loss)))
