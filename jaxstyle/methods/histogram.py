"""Histogram matching of features: WCT's rival in the taxonomy of seed 000 ("HM"), level by level.

    x <- D_l(a HM(F_l(x), F_l(style)) + (1 - a) F_l(x))        HM: every channel's quantiles are the style's

It has all moments of every channel, where WCT has the second of all channels together. Exact, not by bins.
"""

from typing import ClassVar

from jax import Array

from jaxstyle.core import Encoder, Feature, Mask, pytree
from jaxstyle.methods.transfer import Multilevel, Recoded
from jaxstyle.networks.decoders import Decoder, Decoders
from jaxstyle.statistics.quantiles import Quantiles
from jaxstyle.transforms import match_quantiles


@pytree
class Matching(Recoded):
    """Histogram matching at a single level."""

    encoder: Encoder
    network: Decoder
    alpha: Array | float
    level: int

    def summary(self, feature: Feature, weight: Mask | None) -> Quantiles:
        return Quantiles.of(feature, weight)

    def match(self, feature: Feature, target: Quantiles, weight: Mask | None, own: None = None) -> Feature:
        return match_quantiles(feature, target, weight)


@pytree
class Histogram(Multilevel):
    """Match the histogram of every channel of the features, level by level.

    `alpha`: 0 keeps the photograph, 1 is all style
    `levels`: of the encoder, in order
    """

    WEIGHTS: ClassVar[str | None] = "wct-decoders"

    encoder: Encoder
    network: Decoders
    alpha: Array | float = 0.6
    levels: tuple[int, ...] = (4, 3, 2, 1)

    def at(self, level: int) -> Matching:
        return Matching(self.encoder, self.network[level], self.alpha, level)
