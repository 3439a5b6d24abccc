"""PhotoWCT: whitening and colouring that keeps a photograph one (Li, Liu, Li, Yang & Kautz, ECCV 2018).

    x <- D(WCT(F_l(x), F_l(style)), the maxima of x)        for l in levels,    then smoothing by the content

D puts every value back where the maximum was that pooling kept (`networks/unpooling.py`); the smoothing
follows the content's matting affinities (`smoothing/`). Levels 4 to 1, as the authors' code. Differs from it:
roots by eigenvalues with a relative floor, where it adds 1 to the content's covariance; one decoder.
"""

from typing import Any, ClassVar

from jax import Array

from jaxstyle.core import Encoder, Feature, Image, Mask, Smoother, pytree
from jaxstyle.methods.transfer import Multilevel, Transfer
from jaxstyle.networks.decoders import decoded, whole
from jaxstyle.networks.unpooling import Unpooling
from jaxstyle.smoothing import ClosedForm
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.transforms import match_covariance


@pytree
class PhotoWhitening(Transfer):
    """PhotoWCT at a single level, without the smoothing."""

    merges: ClassVar[bool] = True

    encoder: Encoder
    network: Unpooling
    alpha: Array | float
    level: int

    def padded(self, mask: Mask) -> Mask:
        return whole(mask, self.level)

    def encode(self, image: Image) -> Feature:
        return self.network.encoded(self.encoder, image, self.level)[0]

    def decode(self, feature: Feature, content: Image) -> Image:
        _, skips = self.network.encoded(self.encoder, content, self.level)
        return decoded(lambda x: self.network(x, skips), feature, content)

    def summary(self, feature: Feature, weight: Mask | None) -> Covariance:
        return Covariance.of(feature, weight)

    def match(self, feature: Feature, target: Covariance, weight: Mask | None, own: None = None) -> Feature:
        return match_covariance(feature, target, weight)


@pytree
class PhotoWCT(Multilevel):
    """Match mean and covariance of features level by level, pooling undone; then smooth (Li et al. 2018).

    `alpha`: 0 keeps the photograph, 1 is all style
    `levels`: of the encoder, in order
    `smooth`: what makes the result smooth where the content is
    """

    WEIGHTS: ClassVar[str | None] = "photo-wct"
    KEEPS_SIZE = True

    encoder: Encoder
    network: Unpooling
    alpha: Array | float = 1.0
    levels: tuple[int, ...] = (4, 3, 2, 1)
    smooth: Smoother = ClosedForm()

    def at(self, level: int) -> PhotoWhitening:
        return PhotoWhitening(self.encoder, self.network, self.alpha, level)

    def apply(self, content: Image, target: Any) -> Image:
        return self.smooth(super().apply(content, target), content)
