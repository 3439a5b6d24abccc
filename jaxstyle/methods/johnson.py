"""Fast style transfer by a trained network (Johnson, Alahi & Fei-Fei 2016): one style, one forward pass.

    image = clip(net(content))

Training is this method's `prepare`: see `training/johnson.py`. What differs from the paper is said in
`networks/johnson.py`.
"""

from typing import ClassVar

import jax.numpy as jnp

from jaxstyle.core import Image, Method, pytree
from jaxstyle.networks.johnson import TransformNet


@pytree
class Johnson(Method):
    """Apply a network trained for one style (Johnson et al. 2016)."""

    WEIGHTS: ClassVar[str | None] = None

    network: TransformNet

    def prepare(self, style: Image | None = None) -> TransformNet:
        """Return the network, which knows its style: the picture is not looked at."""
        return self.network

    def apply(self, content: Image, target: TransformNet) -> Image:
        return jnp.clip(target(content), 0, 1)
