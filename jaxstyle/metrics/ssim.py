"""Structural similarity (Wang, Bovik, Sheikh & Simoncelli 2004), of greys and of edges.

    SSIM(x, y) = mean (2 m_x m_y + C1) (2 s_xy + C2) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2))

m, s, s_xy: means, deviations and covariance under a normal window of deviation 1.5, 11 x 11, inside the
picture; C1 = 0.01^2, C2 = 0.03^2. `ssim` is that of the luminance (Rec. 601) in [0, 1]. `edge_ssim` is
that of the gradient's modulus by Sobel's filters, over its greatest possible value: the "SSIM" of
photorealistic transfer (Yoo et al. 2019) is of edge maps too, by code that was not released.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxstyle.core import Image, InputError, Scalar
from jaxstyle.image.color import to_yiq

SIDE, DEVIATION = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
Map = Float[Array, "_ _"]


def _along(x: Map, taps: np.ndarray, axis: int) -> Map:
    count = x.shape[axis] - len(taps) + 1
    return sum(tap * jnp.take(x, jnp.arange(i, i + count), axis) for i, tap in enumerate(taps))  # pyright: ignore


def _filtered(x: Map, rows: np.ndarray, columns: np.ndarray) -> Map:
    return _along(_along(x, rows, 0), columns, 1)


def _similarity(x: Map, y: Map) -> Scalar:
    if min(x.shape) < SIDE or x.shape != y.shape:
        raise InputError(f"SSIM takes two images of one size, of {SIDE} pixels a side at least")
    window = np.exp(-0.5 * (np.arange(SIDE) - SIDE // 2) ** 2 / DEVIATION**2)
    mean = lambda z: _filtered(z, window / window.sum(), window / window.sum())
    mean_x, mean_y = mean(x), mean(y)
    both, squares = mean(x * y) - mean_x * mean_y, mean(x * x + y * y) - mean_x**2 - mean_y**2
    means = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return jnp.mean(means * (2 * both + C2) / (squares + C2))


def luminance(image: Image) -> Map:
    """Return the luminance of an image."""
    return to_yiq(image)[..., 0]


def edges(image: Image) -> Map:
    """Return the modulus of the luminance's gradient, in [0, 1], a pixel smaller on each side."""
    smooth, step = np.array([1, 2, 1]) / 4, np.array([-1, 0, 1])
    grey = luminance(image)
    down, right = _filtered(grey, step, smooth), _filtered(grey, smooth, step)
    return jnp.sqrt((down**2 + right**2) / 2 + 1e-12)


def ssim(image: Image, other: Image) -> Scalar:
    """Return the structural similarity of two images of one size: 1 for the same."""
    return _similarity(luminance(image), luminance(other))


def edge_ssim(image: Image, other: Image) -> Scalar:
    """Return the structural similarity of the edges of two images of one size: 1 for the same."""
    return _similarity(edges(image), edges(other))
