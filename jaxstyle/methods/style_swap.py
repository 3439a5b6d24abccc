"""Style-swap (Chen & Schmidt 2016): the content rebuilt of the style's patches, then decoded.

    x <- D_l(b swap(F_l(x)) + (1 - b) F_l(x))        l in levels, F_l = relu{l}_1; 3 x 3 patches, stride 1
    x <- D_l(WCT(F_l(x), F_l(style)))                l in wct_levels; an alpha below 1: less of both

b is the `share`.

Differs from the paper: the decoder is the one of WCT; theirs was trained on swapped features too. Means of
overlapping patches are dull and smooth, so contrast, colour and fine texture are brought back by matching
covariance at `wct_levels`; the preset `paper` is without. A temperature makes the swap soft, an
attention over all patches; the pictures are smoother, not better.
"""

from functools import partial
from typing import ClassVar

from jaxstyle.core import Chain, Encoder, Feature, Mask, pytree, static
from jaxstyle.methods.transfer import Composed, Level, Transfer
from jaxstyle.methods.wct import whitened
from jaxstyle.networks.decoders import Decoders
from jaxstyle.options import Count, Levels, Number, Share
from jaxstyle.statistics.patches import Patches
from jaxstyle.transforms import swap_patches


@pytree
class StyleSwap(Composed):
    """Replace the patches of the features by the style's most like them (Chen & Schmidt 2016).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
        levels: of the encoder, in order
        patch: side of a patch in feature pixels
        share: of patches in what is decoded of them, beside the photograph's own
        temperature: of the likeness by which the style's patches are averaged; 0 takes the most like
        wct_levels: levels at which mean and covariance are matched afterwards
    """

    PRESETS: ClassVar[dict[str, str | None]] = {"paper": None}

    encoder: Encoder
    network: Decoders
    alpha: Share = 1.0
    levels: Levels = static(default=(3,))
    patch: Count = static(default=3)
    share: Share = 0.6
    temperature: Number = static(default=0.0)
    wct_levels: Levels = static(default=(2, 1))

    @classmethod
    def paper(cls, encoder: Encoder, network: Decoders) -> "StyleSwap":
        """Patches alone, all of them the style's."""
        return cls(encoder, network, share=1.0, wct_levels=())

    @property
    def method(self) -> Chain:
        def patches(feature: Feature, weight: Mask | None = None) -> Patches:
            return Patches.of(feature, self.patch, weight)

        def swapped(level: int) -> Transfer:
            swap = partial(swap_patches, temperature=self.temperature)
            features = Level(self.encoder, self.network[level], level)
            return Transfer(features, patches, swap, self.alpha * self.share, local=True, halo=self.patch - 1)

        refined = [
            whitened(self.encoder, self.network[level], level, self.alpha) for level in self.wct_levels
        ]
        return Chain([*map(swapped, self.levels), *refined])
