"""Fast style transfer by a trained network (Johnson, Alahi & Fei-Fei 2016): one style, one forward pass.

    image = clip(a net(content) + (1 - a) content)

Training is this method's `prepare`: see `training/johnson.py`. What differs from the paper is said in
`networks/johnson.py`; `alpha` is an addition.
"""

from typing import Any

import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Image, Mask, Method, Regions, pytree
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.transforms import match_regions
from jaxstyle.windows import by_windows


@pytree
class Johnson(Method):
    """Apply a network trained for one style (Johnson et al. 2016).

    `alpha`: 0 keeps the photograph, 1 is all style
    """

    NEEDS_STYLE = False

    network: TransformNet
    alpha: Array | float = 1.0

    def prepare(self, style: Image | None = None, mask: Mask | None = None) -> TransformNet:
        """Return the network, which knows its style: the picture is not looked at."""
        return self.network

    def apply(self, content: Image, target: Any) -> Image:
        styled = match_regions(lambda image, network, _: network(image), content, target)
        return jnp.clip(self.alpha * styled + (1 - self.alpha) * content, 0, 1)

    def by_windows(self, content: Image, target: Any, tile: int) -> Image:
        def drawn(network: TransformNet) -> Any:
            return lambda image: by_windows(network.passes(image.shape[:2]), tile, image)[0]

        return self.apply(content, target.map(drawn) if isinstance(target, Regions) else drawn(target))
