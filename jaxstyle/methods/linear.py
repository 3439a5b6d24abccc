"""Linear style transfer (Li, Liu, Kautz & Yang 2019): a learned matrix for every pair, one forward pass.

    image = D(U M_s M_c K (f - m) + m_s)        f = relu{level}_1; see `networks/linear.py`

Differs from the paper: the content is padded to whole feature pixels, so that the size is kept.
"""

from typing import ClassVar

from jaxstyle.core import Encoder, Feature, Image, Method, pytree
from jaxstyle.networks.decoders import recode
from jaxstyle.networks.linear import LinearTransfer


@pytree
class Linear(Method):
    """Transform the features by a matrix that two networks make of the pair (Li et al. 2019)."""

    WEIGHTS: ClassVar[str | None] = "linear"

    encoder: Encoder
    network: LinearTransfer

    def prepare(self, style: Image) -> Feature:
        name = f"relu{self.network.level}_1"
        return self.encoder(style, (name,))[name]

    def apply(self, content: Image, target: Feature) -> Image:
        network = self.network
        change = lambda feature: network(feature, target)
        return recode(self.encoder, network.decoder, network.level, content, change)
