"""Convolutions as XLA runs them, and the products of matrices that stand in for them."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxstyle.core import Feature

LAYOUT = ("NHWC", "HWIO", "NHWC")
Kernel = Float[Array, "kh kw c o"]
Padding = tuple[tuple[int, int], tuple[int, int]]


def xla_conv(x: Feature, kernel: Kernel, padding: Padding, stride: int = 1) -> Feature:
    """Convolve with zeros around; without any padding XLA is slower than with some, which is then cropped."""
    bare, width = not any(map(any, padding)), (x.shape[1] - kernel.shape[1]) // stride + 1
    padding = ((0, 0), (0, 1)) if bare else padding
    y = lax.conv_general_dilated(x[None], kernel, (stride, stride), padding, dimension_numbers=LAYOUT)[0]
    return y[:, :width] if bare else y


def conv1d(x: Feature, taps: Float[Array, "k c o"], padding=(0, 0), stride: int = 1) -> Feature:
    """Convolve every row, zeros at both ends."""
    return lax.conv_general_dilated(x, taps, (stride,), (padding,), dimension_numbers=("NWC", "WIO", "NWC"))


def shifted_sum(y: Feature, taps: int, axis: int) -> Feature:
    """Return the sum of what each of `taps` made, one after another in the channels, moved along an axis."""
    size = y.shape[axis] - taps + 1
    parts = enumerate(jnp.split(y, taps, -1))
    return sum(lax.slice_in_dim(part, u, u + size, axis=axis) for u, part in parts)  # pyright: ignore


def pixel_sum(x: Feature, y: Feature) -> Float[Array, "c o"]:
    """Return x^T y over all pixels: flat, for XLA reorders what is summed over two axes, slowly."""
    flat = lambda feature: feature.reshape(-1, feature.shape[-1])
    return jnp.tensordot(flat(x), flat(y), ((0,), (0,)))
