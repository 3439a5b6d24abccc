"""Whitening and colouring transforms (Li et al. 2017): any style, level by level.

    x <- D_l(a WCT(F_l(x), F_l(style)) + (1 - a) F_l(x))        for l in levels

F_l = relu{l}_1, D_l its decoder. Differs from the paper: roots by eigenvalues of the covariance with a
relative floor (`transforms/covariance.py`); the content is padded to whole feature pixels at each level.
The paper begins at level 5, here it is 4: relu5_1 of the bundled encoder tells too little of the image
for a decoder to give it back (`weights/README.md`). `alpha` is 0.6 as in the authors' Lua code.
"""

from functools import partial
from typing import ClassVar

from jax import Array

from jaxstyle.core import Encoder, Feature, Image, Method, pytree
from jaxstyle.networks.decoders import Decoders, recode
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
    alpha: Array | float = 0.6
    levels: tuple[int, ...] = (4, 3, 2, 1)

    def prepare(self, style: Image) -> dict[str, Covariance]:
        features = self.encoder(style, [f"relu{level}_1" for level in self.levels])
        return {name: Covariance.of(feature) for name, feature in features.items() if name != "image"}

    def apply(self, content: Image, target: dict[str, Covariance]) -> Image:
        image = content
        for level in self.levels:
            change = partial(self._change, target[f"relu{level}_1"])
            image = recode(self.encoder, self.network[level], level, image, change)
        return image

    def _change(self, target: Covariance, feature: Feature) -> Feature:
        return self.alpha * match_covariance(feature, target) + (1 - self.alpha) * feature
