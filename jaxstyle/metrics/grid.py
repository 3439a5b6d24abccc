"""Grid: the peaks of an image's spectrum at periods of exactly 2 and 4 pixels.

    g = max sqrt((P_f + q) / (median_{f'} P_f' + q))        f = 1/2, 1/4; along rows, along columns

P: power spectrum of the luminance's lines, a mean over the lines; f': `NEIGHBOURS` frequencies on each side,
less the nearest; q: the power of rounding to 8 bits, so that a picture of one colour has no peaks. Networks
that pool and upsample by 2 leave such patterns (Odena, Dumoulin & Olah 2016). About 1 for none, as of
photographs and paintings; the blocks of a strongly compressed JPEG, 8 pixels wide, show at 4 and 2 too.
Threads of other periods, as of 2.4 pixels: `weave.py`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Image, InputError, Scalar
from jaxstyle.metrics.ssim import luminance

PERIODS = (2, 4)
NEIGHBOURS = range(2, 13)  # bins away from the peak
LEAST = 64  # pixels a side
ROUNDING = 1 / 12 / 255**2


def _peak(power: Float[Array, " f"], at: int) -> Scalar:
    """Return the amplitude at a frequency over the median of those around."""
    around = [at + sign * k for k in NEIGHBOURS for sign in (-1, 1) if at + sign * k < len(power)]
    return jnp.sqrt((power[at] + ROUNDING) / (jnp.median(power[jnp.array(around)]) + ROUNDING))


def _peaks(lines: Float[Array, "n m"]) -> list[Scalar]:
    size = lines.shape[1] // 4 * 4  # whole periods
    power = jnp.mean(jnp.abs(jnp.fft.rfft(lines[:, :size], norm="ortho")) ** 2, 0)
    return [_peak(power, size // period) for period in PERIODS]


def grid(image: Image) -> Scalar:
    """Return the largest peak; raises `InputError` for an image of less than 64 pixels a side."""
    grey = luminance(image)
    if min(grey.shape) < LEAST:
        raise InputError(f"a grid is looked for in images of {LEAST} pixels a side at least")
    return jnp.max(jnp.stack([*_peaks(grey), *_peaks(grey.T)]))
