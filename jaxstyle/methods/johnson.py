"""Fast style transfer by a trained network (Johnson, Alahi & Fei-Fei 2016): one style, one forward pass.

    image = clip(a net(content) + (1 - a) content)

Training is this method's `prepare`: see `training/johnson.py`. What differs from the paper is said in
`networks/johnson.py`; `alpha` is an addition.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp

from jaxstyle.core import Image, Mask, Method, pytree, static
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.options import Share
from jaxstyle.tiling import run_in_tiles
from jaxstyle.transforms import match_regions, pooled


@pytree
class Johnson(Method):
    """Apply a network trained for one style (Johnson et al. 2016).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
    """

    network: TransformNet
    alpha: Share = 1.0
    tile: int = static(default=0)  # side of the tiles; 0 for the whole image

    def prepare(self, style: Image | None = None, mask: Mask | None = None) -> TransformNet:
        """Return the network, which knows its style: the picture is not looked at."""
        return self.network

    @property
    def tileable(self) -> bool:
        return True

    def in_tiles(self, tile: int) -> "Johnson":
        return dataclasses.replace(self, tile=tile)

    def apply(self, content: Image, target: Any) -> Image:
        def draw(image: Image, network: TransformNet, weight: Mask | None) -> Image:
            if not self.tile:
                return network(image)
            return run_in_tiles(network.passes(image.shape[:2]), self.tile, image)[0]

        styled = match_regions(draw, content, pooled(target, content.shape))
        return jnp.clip(self.alpha * styled + (1 - self.alpha) * content, 0, 1)
