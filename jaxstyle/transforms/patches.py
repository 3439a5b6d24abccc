"""Style-swap: replace every patch by the style's most like it (Chen & Schmidt 2016).

y = the mean, where they overlap, of S_n(p)        n: see `statistics/patches.py`
"""

from jaxstyle.core import Feature, Mask
from jaxstyle.statistics.patches import Patches, assemble, patches


def swap_patches(feature: Feature, target: Patches, weight: Mask | None = None) -> Feature:
    """Return the feature made of the patches of `target` at stride 1; a border of whole patches is copied."""
    del weight  # what a patch becomes does not depend on the others
    squares = patches(feature, target.side)
    chosen = target.values[target.nearest(squares.reshape(-1, squares.shape[-1]))]
    return assemble(chosen.reshape(squares.shape), target.side, feature.shape)
