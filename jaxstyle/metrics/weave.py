"""Weave: how much of an image's fine texture is threads along rows and columns, as of cloth.

    w = max over both axes of median over windows of (mean_T P + q) / (mean_F P + q)

P: power of the luminance in a Hann window of 32 x 32 pixels, every 16; F: frequencies of 0.2 to 0.45 cycles a
pixel that are nearer to this axis than to the other; T: those of F less than 1.6 cycles a window beside it;
q: the power of rounding to 8 bits, so that flat windows count as 1. Decoders that repeat pixels leave such
threads, of any period from 2 to 5 pixels, where they are to add texture. About 1 for none, as of noise and of
most photographs and paintings; bricks, shutters and canvas have threads of their own, up to 2.6. The median
knows no fence that is in fewer than half of the windows.
"""

import jax.numpy as jnp
import numpy as np

from jaxstyle.core import Image, InputError, Scalar
from jaxstyle.metrics.ssim import luminance

WINDOW = 32
BAND = 0.2, 0.45  # cycles a pixel
BESIDE = 0.05
ROUNDING = 1 / 12 / 255**2


def weave(image: Image) -> Scalar:
    """Return the share of threads; raises `InputError` for an image of less than a window a side."""
    grey = luminance(image)
    if min(grey.shape) < WINDOW:
        raise InputError(f"a weave is looked for in images of {WINDOW} pixels a side at least")
    hann = np.hanning(WINDOW)[:, None] * np.hanning(WINDOW)
    rows, columns = (
        np.arange(0, size - WINDOW + 1, WINDOW // 2)[:, None] + np.arange(WINDOW) for size in grey.shape
    )
    windows = grey[rows[:, None, :, None], columns[None, :, None, :]]
    windows = (windows - jnp.mean(windows, (2, 3), keepdims=True)) * hann
    power = jnp.abs(jnp.fft.fft2(windows)) ** 2 + ROUNDING * np.sum(hann**2)
    down, right = np.meshgrid(*[np.abs(np.fft.fftfreq(WINDOW))] * 2, indexing="ij")
    radius = np.hypot(down, right)
    shares = []
    for along, across in ((down, right), (right, down)):
        band = (radius >= BAND[0]) & (radius < BAND[1]) & (along > across)
        share = jnp.mean(power[..., band & (across < BESIDE)], -1) / jnp.mean(power[..., band], -1)
        shares.append(jnp.median(share))
    return jnp.max(jnp.stack(shares))
