"""PhotoWCT: whitening and colouring that keeps a photograph one (Li, Liu, Li, Yang & Kautz, ECCV 2018).

    x <- D(WCT(F_l(x), F_l(style)), the maxima of x)        for l in levels,    then smoothing by the content

D puts every value back where the maximum was that pooling kept (`networks/unpooling.py`); the smoothing
follows the content's matting affinities (`smoothing/`). Levels 4 to 1, as the authors' code. Differs from it:
roots by eigenvalues with a relative floor, where it adds 1 to the content's covariance; one decoder.
"""

from typing import Annotated, Any

import jax.numpy as jnp

from jaxstyle.core import Chain, Encoder, Feature, Image, Mask, Smoother, pytree, static
from jaxstyle.methods.transfer import Composed, Features, Transfer
from jaxstyle.networks.decoders import pad_to_multiple
from jaxstyle.networks.unpooling import Skip, Unpooling
from jaxstyle.options import Levels, Share, one_of
from jaxstyle.smoothing import SMOOTHERS, ClosedForm
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.transforms import match_covariance


@pytree
class Unpooled(Features):
    """The features at relu{level}_1, decoded with what pooling threw away: whole images, not tiles."""

    encoder: Encoder
    network: Unpooling
    level: int = static()

    def pad(self, image: Image | Mask) -> Image | Mask:
        return pad_to_multiple(image, self.level)

    def encode(self, image: Image) -> tuple[Feature, dict[int, Skip]]:
        return self.network.encoded(self.encoder, image, self.level)

    def decode(self, feature: Feature, context: dict[int, Skip]) -> Image:
        return jnp.clip(self.network(feature, context), 0, 1)


@pytree
class PhotoWCT(Composed):
    """Match mean and covariance of features level by level, pooling undone; then smooth (Li et al. 2018).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
        levels: of the encoder, in order
        smooth: what makes the result smooth where the content is
    """

    KEEPS_SIZE = True

    encoder: Encoder
    network: Unpooling
    alpha: Share = 1.0
    levels: Levels = static(default=(4, 3, 2, 1))
    smooth: Annotated[Smoother, one_of(SMOOTHERS)] = ClosedForm()

    @property
    def method(self) -> Chain:
        level = lambda n: Unpooled(self.encoder, self.network, n)
        return Chain([Transfer(level(n), Covariance.of, match_covariance, self.alpha) for n in self.levels])

    def apply(self, content: Image, target: Any) -> Image:
        return self.smooth(super().apply(content, target), content)
