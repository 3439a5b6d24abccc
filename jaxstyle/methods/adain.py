"""Adaptive instance normalisation (Huang & Belongie 2017): any style, one forward pass.

image = D(a t + (1 - a) f),    t = s(style) (f - m(f)) / s(f) + m(style),    f = relu4_1(content)
"""

from typing import ClassVar

from jax import Array

from jaxstyle.core import Encoder, Feature, Mask, pytree
from jaxstyle.methods.transfer import Recoded
from jaxstyle.networks.decoders import Decoder
from jaxstyle.statistics.moments import Moments
from jaxstyle.transforms import match_moments


@pytree
class AdaIN(Recoded):
    """Match mean and deviation of the features, then decode (Huang & Belongie 2017).

    `alpha`: 0 keeps the photograph, 1 is all style
    """

    WEIGHTS: ClassVar[str | None] = "adain"
    merges: ClassVar[bool] = True

    encoder: Encoder
    network: Decoder
    alpha: Array | float = 1.0
    level: int = 4

    def summary(self, feature: Feature, weight: Mask | None) -> Moments:
        return Moments.of(feature, weight)

    def match(
        self, feature: Feature, target: Moments, weight: Mask | None, own: Moments | None = None
    ) -> Feature:
        return match_moments(feature, target, weight, own)
