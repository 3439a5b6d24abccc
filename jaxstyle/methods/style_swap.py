"""Style-swap (Chen & Schmidt 2016): the content rebuilt of the style's patches, then decoded.

    image = D(a swap(f) + (1 - a) f),    f = relu3_1(content)        3 x 3 patches, stride 1

Differs from the paper: the decoder is the one of WCT; theirs was trained on swapped features too. Of more
`levels` the swap is done one after another.
"""

from jaxstyle.core import Chain, Encoder, Feature, Mask, pytree, static
from jaxstyle.methods.transfer import Composed, Level, Transfer
from jaxstyle.networks.decoders import Decoders
from jaxstyle.options import Count, Levels, Share
from jaxstyle.statistics.patches import Patches
from jaxstyle.transforms import swap_patches


@pytree
class StyleSwap(Composed):
    """Replace the patches of the features by the style's most like them (Chen & Schmidt 2016).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
        levels: of the encoder, in order
        patch: side of a patch in feature pixels
    """

    encoder: Encoder
    network: Decoders
    alpha: Share = 1.0
    levels: Levels = static(default=(3,))
    patch: Count = static(default=3)

    @property
    def method(self) -> Chain:
        def patches(feature: Feature, weight: Mask | None = None) -> Patches:
            return Patches.of(feature, self.patch, weight)

        row = {"alpha": self.alpha, "local": True, "halo": self.patch - 1}
        level = lambda n: Level(self.encoder, self.network[n], n)
        return Chain([Transfer(level(n), patches, swap_patches, **row) for n in self.levels])
