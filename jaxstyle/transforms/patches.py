"""Style-swap: replace every patch by the style's most like it (Chen & Schmidt 2016).

y = the mean, where they overlap, of S_n(p), or, of a temperature, of A(p)        see `statistics/patches.py`

The border of the feature is repeated first, unlike in the paper: every pixel is then the mean of as many
patches, so a constant feature stays constant.
"""

import jax.numpy as jnp

from jaxstyle.core import Feature, Mask
from jaxstyle.statistics.patches import Patches, assemble, patches


def swap_patches(
    feature: Feature, target: Patches, weight: Mask | None = None, temperature: float = 0.0
) -> Feature:
    """Return the feature made of the patches of `target` at stride 1: the nearest, or means of the like."""
    del weight  # what a patch becomes does not depend on the others
    border = target.side - 1
    wide = jnp.pad(feature, ((border, border), (border, border), (0, 0)), mode="edge")
    squares = patches(wide, target.side)
    rows = squares.reshape(-1, squares.shape[-1])
    chosen = target.attended(rows, temperature) if temperature else target.values[target.nearest(rows)]
    swapped = assemble(chosen.reshape(squares.shape), target.side, wide.shape)
    return swapped[border : border + feature.shape[0], border : border + feature.shape[1]]
