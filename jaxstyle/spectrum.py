"""What an image's descent learns of its own curvature, frequency by frequency and colour by colour.

    M_b Y_b M_b = S_b        S_b, Y_b: mean cross spectra of steps s and of gradient differences y in band b

Over the latest pairs of L-BFGS, y = H s. M, a 3 x 3 matrix for each of `BANDS` rings of frequencies, is the
one symmetric positive matrix that turns spectra of y into those of s: the inverse Hessian, were that a
filter. It is the geometric mean of S and the inverse of Y; in another place the same is the map of least
movement between two normal distributions (Pitie & Kokaram 2007). The losses of style transfer are far steeper
in some frequencies and colours than in others, so a recursion that starts from M, not from a number, needs
fewer steps: see `experiments/benchmarks/speed.py`.

No band's M is larger than those of coarser ones. Losses of pooled features are nearly flat in the finest
frequencies, and M would fill them with a chequer of pixels: 50 levels of 255 after 100 steps of `gatys` at
160 px, where L-BFGS has 4. So bounded it has 4 as well, at the same loss.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

BANDS = 24
DECAY = 0.95  # of what older pairs told
FLOOR = 1e-7  # of a band's variance
OPPONENT = np.asarray([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])  # grey, and two hues
MEANS = 12  # steps of the mean of means, which converges quadratically
Matrices = Float[Array, "bands 3 3"]


class Spectrum(NamedTuple):
    """Running cross spectra of steps and differences, and the matrix of every band."""

    steps: Matrices
    differences: Matrices
    matrices: Matrices


def start(dtype) -> Spectrum:
    """Return what is known before the first pair: nothing; all bands alike."""
    nothing = jnp.zeros((BANDS, 3, 3), dtype)
    return Spectrum(nothing, nothing, jnp.broadcast_to(jnp.eye(3, dtype=dtype), nothing.shape))


def learn(spectrum: Spectrum, step: Float[Array, "h w 3"], difference: Float[Array, "h w 3"]) -> Spectrum:
    """Return the spectrum after one more pair."""
    mixed = lambda old, x: DECAY * old + (1 - DECAY) * _cross(x)
    steps, differences = mixed(spectrum.steps, step), mixed(spectrum.differences, difference)
    matrices = geometric_mean(steps, inverse(_lifted(differences)))
    return Spectrum(steps, differences, falling(matrices, _trace(steps) > 0))


def filtered(spectrum: Spectrum, x: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """Multiply by the matrices of the bands: symmetric and positive."""
    waves = jnp.einsum("hwij,jhw->ihw", spectrum.matrices[_bands(*x.shape[:2])], _waves(x))
    return jnp.einsum("ihw,ic->hwc", jnp.fft.irfft2(waves, x.shape[:2]), OPPONENT.astype(x.dtype))


def geometric_mean(a: Matrices, b: Matrices) -> Matrices:
    """Return the symmetric positive X with X b^-1 X = a, as the limit of arithmetic and harmonic means."""

    def closer(_, pair):
        a, b = pair
        return (a + b) / 2, 2 * inverse(inverse(a) + inverse(b))

    return jax.lax.fori_loop(0, MEANS, closer, (_lifted(a), b))[0]


def falling(matrices: Matrices, known: Bool[Array, " bands"]) -> Matrices:
    """Return the matrices made so small that, of the known bands, no trace is larger than one before it."""
    sizes = _trace(matrices)
    least = jax.lax.cummin(jnp.where(known, sizes, jnp.inf))
    return matrices * jnp.minimum(least / sizes, 1)[:, None, None]


def inverse(matrix: Matrices) -> Matrices:
    """Return the inverse by cross products: LAPACK has nothing to gain on 3 x 3."""
    a, b, c = jnp.moveaxis(matrix, -2, 0)
    columns = jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)], -1)
    return columns / jnp.sum(a * jnp.cross(b, c), -1)[..., None, None]


def _trace(matrix: Matrices) -> Float[Array, " bands"]:
    return jnp.trace(matrix, axis1=-2, axis2=-1)


def _lifted(matrix: Matrices) -> Matrices:
    least = FLOOR * _trace(matrix) + jnp.finfo(matrix.dtype).tiny ** 0.25
    return matrix + least[:, None, None] * jnp.eye(3, dtype=matrix.dtype)


def _waves(x: Float[Array, "h w 3"]) -> Array:
    """Return the Fourier transform of the opponent colours, whose matrices are nearly diagonal."""
    return jnp.fft.rfft2(jnp.einsum("hwc,ic->ihw", x, OPPONENT.astype(x.dtype)))


def _bands(height: int, width: int) -> Array:
    """Return the band of every frequency, by the logarithm of its distance from zero."""
    rows, columns = jnp.fft.fftfreq(height)[:, None], jnp.fft.rfftfreq(width)[None]
    lowest, highest = 1 / max(height, width), 0.5**0.5
    distance = jnp.maximum(jnp.hypot(rows, columns), lowest)
    place = jnp.log(distance / lowest) / jnp.log(highest / lowest)
    return jnp.minimum(place * BANDS, BANDS - 1).astype(jnp.int32)


def _cross(x: Float[Array, "h w 3"]) -> Matrices:
    """Return the cross spectra of the channels in every band, of an image brought to length 1."""
    waves = _waves(x)
    products = jnp.real(waves[:, None] * jnp.conj(waves[None])).reshape(9, -1)
    sums = jax.ops.segment_sum(products.T, _bands(*x.shape[:2]).reshape(-1), BANDS).reshape(BANDS, 3, 3)
    return sums / (jnp.sum(_trace(sums)) + jnp.finfo(x.dtype).tiny ** 0.5)
