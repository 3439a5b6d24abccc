"""Fast style transfer by a trained network (Johnson, Alahi & Fei-Fei 2016): one style, one forward pass.

    image = clip(a net(content) + (1 - a) content)

Training is this method's `prepare`: see `training/johnson.py`. What differs from the paper is said in
`networks/johnson.py`; `alpha` is an addition.
"""

from typing import Any, ClassVar

import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Image, Mask, Method, pytree
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.tiling import run_in_tiles
from jaxstyle.transforms import match_regions


@pytree
class Johnson(Method):
    """Apply a network trained for one style (Johnson et al. 2016).

    `alpha`: 0 keeps the photograph, 1 is all style
    """

    WEIGHTS: ClassVar[str | None] = None

    network: TransformNet
    alpha: Array | float = 1.0

    def prepare(self, style: Image | None = None, mask: Mask | None = None) -> TransformNet:
        """Return the network, which knows its style: the picture is not looked at."""
        return self.network

    @property
    def tileable(self) -> bool:
        return True

    def in_tiles(self, tile: int) -> "TiledJohnson":
        return TiledJohnson(self.network, self.alpha, tile)

    def draw(self, network: TransformNet, image: Image) -> Image:
        """Return what a network makes of an image."""
        return network(image)

    def apply(self, content: Image, target: Any) -> Image:
        styled = match_regions(lambda image, network, _: self.draw(network, image), content, target)
        return jnp.clip(self.alpha * styled + (1 - self.alpha) * content, 0, 1)


@pytree
class TiledJohnson(Johnson):
    """The same in tiles of `tile` pixels a side."""

    tile: int = 1024

    def draw(self, network: TransformNet, image: Image) -> Image:
        return run_in_tiles(network.passes(image.shape[:2]), self.tile, image)[0]
