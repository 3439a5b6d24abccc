"""Linear style transfer (Li, Liu, Kautz & Yang 2019): a learned matrix for every pair, one forward pass.

    image = D(a t + (1 - a) f),    t = U M_s M_c K (f - m) + m_s        see `networks/linear.py`

f is relu{level}_1 of the content, of the level that the network was trained for.
"""

from typing import NamedTuple

from jaxstyle.core import Encoder, Feature, Mask, pytree
from jaxstyle.methods.transfer import Composed, Level, Transfer
from jaxstyle.networks.linear import LinearTransfer
from jaxstyle.options import Share


class Style(NamedTuple):
    """The features of a style, and the mask of those that count."""

    feature: Feature
    weight: Mask | None = None


@pytree
class Linear(Composed):
    """Transform the features by a matrix that two networks make of the pair (Li et al. 2019).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
    """

    encoder: Encoder
    network: LinearTransfer
    alpha: Share = 1.0

    @property
    def method(self) -> Transfer:
        def match(feature: Feature, target: Style, weight: Mask | None) -> Feature:
            return self.network(feature, target.feature, weight, target.weight)

        features = Level(self.encoder, self.network.decoder, self.network.level)
        return Transfer(features, Style, match, self.alpha)
