"""Grain: how strongly an image flickers from one pixel to the next.

    g = mean |x_00 - x_01 - x_10 + x_11| / 2        over all squares of 2 x 2 pixels of the luminance

The second difference across both axes: zero for any sum of a function of the row and one of the column, so
for slopes and for edges along the axes; 1 for a chessboard of black and white pixels. Noise of a descent, and
the chessboards of strided convolutions, have much of it, brush strokes little.
"""

import jax.numpy as jnp

from jaxstyle.core import Image, Scalar
from jaxstyle.metrics.ssim import luminance


def grain(image: Image) -> Scalar:
    """Return the mean modulus of the chessboard filter on the luminance, in [0, 1]."""
    return jnp.mean(jnp.abs(jnp.diff(jnp.diff(luminance(image), axis=0), axis=1))) / 2
