"""Adaptive instance normalisation (Huang & Belongie 2017): any style, one forward pass.

    t = s(style) (F(content) - m(content)) / s(content) + m(style)         F = relu4_1
    image = D(a t + (1 - a) F(content))

`a` (alpha) goes from the photograph's own features, 0, to the style's, 1. Differs from the paper: the
content is padded at its right and lower edges to whole feature pixels, so that the size is kept.
"""

from typing import ClassVar

from jax import Array

from jaxstyle.core import Encoder, Image, Method, pytree
from jaxstyle.networks.decoders import Decoder, recode
from jaxstyle.statistics.moments import Moments
from jaxstyle.transforms import match_moments


@pytree
class AdaIN(Method):
    """Match mean and deviation of the features, then decode (Huang & Belongie 2017).

    `alpha`: 0 keeps the photograph, 1 is all style
    """

    WEIGHTS: ClassVar[str | None] = "adain"

    encoder: Encoder
    network: Decoder
    alpha: Array | float = 1.0

    def prepare(self, style: Image) -> Moments:
        return Moments.of(self.encoder(style, ("relu4_1",))["relu4_1"])

    def apply(self, content: Image, target: Moments) -> Image:
        def change(feature):
            return self.alpha * match_moments(feature, target) + (1 - self.alpha) * feature

        return recode(self.encoder, self.network, 4, content, change)
