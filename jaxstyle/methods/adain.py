"""Adaptive instance normalisation (Huang & Belongie 2017): any style, one forward pass.

image = D(a t + (1 - a) f),    t = s(style) (f - m(f)) / s(f) + m(style),    f = relu4_1(content)
"""

from jaxstyle.core import Encoder, pytree, static
from jaxstyle.methods.transfer import Composed, Level, Transfer
from jaxstyle.networks.decoders import Decoder
from jaxstyle.options import Share
from jaxstyle.statistics.moments import Moments
from jaxstyle.transforms import match_moments


@pytree
class AdaIN(Composed):
    """Match mean and deviation of the features, then decode (Huang & Belongie 2017).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
    """

    encoder: Encoder
    network: Decoder
    alpha: Share = 1.0
    level: int = static(default=4)

    @property
    def method(self) -> Transfer:
        features = Level(self.encoder, self.network, self.level)
        return Transfer(features, Moments.of, match_moments, self.alpha, merges=True)
