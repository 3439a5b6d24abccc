"""Whitening and colouring transforms (Li et al. 2017): any style, level by level, no training of styles.

    x <- D_l(a WCT(F_l(x), F_l(style)) + (1 - a) F_l(x))        for l = 5, 4, 3, 2, 1

F_l = relu{l}_1, D_l its decoder. Differs from the paper: roots by eigenvalues of the covariance with a
relative floor (`transforms/covariance.py`); the content is padded to whole feature pixels at each level.
"""

from typing import ClassVar

import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Encoder, Image, Method, pytree
from jaxstyle.networks.decoders import Decoders, whole
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.transforms import match_covariance


@pytree
class WCT(Method):
    """Match mean and covariance of the features, level by level (Li et al. 2017).

    `alpha`: 0 keeps the photograph, 1 is all style
    """

    WEIGHTS: ClassVar[str | None] = "wct-decoders"

    encoder: Encoder
    network: Decoders
    alpha: Array | float = 1.0
    levels: tuple[int, ...] = (5, 4, 3, 2, 1)

    def prepare(self, style: Image) -> dict[str, Covariance]:
        features = self.encoder(style, [f"relu{level}_1" for level in self.levels])
        return {name: Covariance.of(feature) for name, feature in features.items() if name != "image"}

    def apply(self, content: Image, target: dict[str, Covariance]) -> Image:
        image = content
        for level in self.levels:
            name = f"relu{level}_1"
            feature = self.encoder(whole(image, level), (name,))[name]
            matched = match_covariance(feature, target[name])
            styled = self.alpha * matched + (1 - self.alpha) * feature
            image = self.network[level](styled)[: content.shape[0], : content.shape[1]]
            image = jnp.clip(image, 0, 1)
        return image
