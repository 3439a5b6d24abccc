"""Histogram matching of features: WCT's rival in the taxonomy of seed 000 ("HM"), level by level.

    x <- D_l(a HM(F_l(x), F_l(style)) + (1 - a) F_l(x))        HM: every channel's quantiles are the style's

It has all moments of every channel, where WCT has the second of all channels together. Exact, not by bins.
"""

from jaxstyle.core import Chain, Encoder, pytree, static
from jaxstyle.methods.transfer import Composed, Level, Transfer
from jaxstyle.networks.decoders import Decoders
from jaxstyle.options import Levels, Share
from jaxstyle.statistics.quantiles import Quantiles
from jaxstyle.transforms import match_quantiles


@pytree
class Histogram(Composed):
    """Match the histogram of every channel of the features, level by level.

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
        levels: of the encoder, in order
    """

    encoder: Encoder
    network: Decoders
    alpha: Share = 0.6
    levels: Levels = static(default=(4, 3, 2, 1))

    @property
    def method(self) -> Chain:
        level = lambda n: Level(self.encoder, self.network[n], n)
        return Chain([Transfer(level(n), Quantiles.of, match_quantiles, self.alpha) for n in self.levels])
