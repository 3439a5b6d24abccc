"""Style-swap (Chen & Schmidt 2016): the content rebuilt of the style's patches, then decoded.

    image = D(a swap(f) + (1 - a) f),    f = relu3_1(content)        3 x 3 patches, stride 1

Differs from the paper: the decoder is the one of WCT; theirs was trained on swapped features too. Of more
`levels` the swap is done one after another.
"""

from typing import ClassVar

from jax import Array

from jaxstyle.core import Encoder, Feature, Mask, pytree
from jaxstyle.methods.transfer import Multilevel, Recoded
from jaxstyle.networks.decoders import Decoder, Decoders
from jaxstyle.statistics.patches import Patches
from jaxstyle.transforms import swap_patches


@pytree
class Swap(Recoded):
    """Style-swap at a single level."""

    local: ClassVar[bool] = True

    encoder: Encoder
    network: Decoder
    alpha: Array | float
    level: int
    patch: int = 3

    def summary(self, feature: Feature, weight: Mask | None) -> Patches:
        return Patches.of(feature, self.patch, weight)

    def match(self, feature: Feature, target: Patches, weight: Mask | None, own: None = None) -> Feature:
        return swap_patches(feature, target, weight)

    @property
    def reach(self) -> int:
        return self.network.reach + self.patch - 1


@pytree
class StyleSwap(Multilevel):
    """Replace the patches of the features by the style's most like them (Chen & Schmidt 2016).

    `alpha`: 0 keeps the photograph, 1 is all style
    `levels`: of the encoder, in order
    `patch`: side of a patch in feature pixels
    """

    WEIGHTS: ClassVar[str | None] = "wct-decoders"

    encoder: Encoder
    network: Decoders
    alpha: Array | float = 1.0
    levels: tuple[int, ...] = (3,)
    patch: int = 3

    def at(self, level: int) -> Swap:
        return Swap(self.encoder, self.network[level], self.alpha, level, self.patch)
