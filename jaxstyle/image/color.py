"""Colour spaces: sRGB in [0, 1] to others and back.

| space | channels | used by |
|---|---|---|
| l alpha beta (Ruderman et al. 1998) | light, yellow-blue, red-green, decorrelated | Reinhard et al. 2001 |
| CIE L*a*b* (D65) | lightness 0..100, green-red, blue-yellow | screened Poisson, Mechrez et al. 2017 |
| YIQ (NTSC) | luminance, two of colour | luminance-only transfer, Gatys et al. 2016b |

l alpha beta is taken of linear light and of decadic logarithms, with `DARKEST` for zero; YIQ, like
television, of the sRGB values as they are. Neither clips.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxstyle.core import Image

DARKEST = 1 / 255 / 12.92  # the linear light of the first sRGB value above black
LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
OPPONENT = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
CIE = np.array([[0, 116, 0], [500, -500, 0], [0, 200, -200]])
YIQ = np.array([[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])

Triple = Float[Array, "h w 3"]


def _by(matrix: np.ndarray, pixels: Triple) -> Triple:
    return jnp.matmul(pixels, jnp.asarray(matrix.T, pixels.dtype), precision="highest")


def to_linear(image: Image) -> Triple:
    """Return the linear light of sRGB values (IEC 61966-2-1)."""
    return jnp.where(image <= 0.04045, image / 12.92, ((jnp.maximum(image, 0.04045) + 0.055) / 1.055) ** 2.4)


def from_linear(light: Triple) -> Image:
    """Return the sRGB values of linear light."""
    power = 1.055 * jnp.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055
    return jnp.where(light <= 0.0031308, 12.92 * light, power)


def to_lab(image: Image) -> Triple:
    """Return l, alpha and beta."""
    cones = jnp.maximum(_by(LMS, to_linear(image)), DARKEST)
    return _by(OPPONENT, jnp.log10(cones))


def from_lab(pixels: Triple) -> Image:
    """Return sRGB of l, alpha and beta."""
    cones = 10 ** _by(np.linalg.inv(OPPONENT), pixels)
    return from_linear(_by(np.linalg.inv(LMS), cones))


def to_cielab(image: Image) -> Triple:
    """Return L*, a* and b*."""
    light = _by(XYZ / XYZ.sum(1, keepdims=True), to_linear(image))  # of the white 1, 1, 1
    root = jnp.where(light > 216 / 24389, jnp.cbrt(jnp.maximum(light, 1e-6)), (24389 / 27 * light + 16) / 116)
    return _by(CIE, root) - jnp.asarray([16, 0, 0], image.dtype)


def from_cielab(pixels: Triple) -> Image:
    """Return sRGB of L*, a* and b*; beyond its gamut the values are not in [0, 1]."""
    root = _by(np.linalg.inv(CIE), pixels + jnp.asarray([16, 0, 0], pixels.dtype))
    light = jnp.where(root > 6 / 29, root**3, (116 * root - 16) * 27 / 24389)
    return from_linear(_by(np.linalg.inv(XYZ / XYZ.sum(1, keepdims=True)), light))


def to_yiq(image: Image) -> Triple:
    """Return luminance and two channels of colour."""
    return _by(YIQ, image)


def from_yiq(pixels: Triple) -> Image:
    """Return sRGB of luminance and two channels of colour."""
    return _by(np.linalg.inv(YIQ), pixels)
