"""The ratio of the greatest possible signal to the error, in decibels.

PSNR = -10 log10 mean (x - y)^2         x, y in [0, 1]; infinite for the same picture, 20 at a tenth
"""

import jax.numpy as jnp

from jaxstyle.core import Image, Scalar


def psnr(image: Image, other: Image) -> Scalar:
    """Return the peak signal-to-noise ratio of two images of one size, in dB."""
    return -10 * jnp.log10(jnp.mean((image - other) ** 2))
