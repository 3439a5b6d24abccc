"""Winograd's convolution F(4, 3) along the rows: 6 products where the definition takes 12.

    y = A' [(G k) * (B' x)]        along one axis: 6 inputs x, 3 taps k, 4 outputs y (Lavin & Gray 2016)

`*` is the rest of the convolution: along a row, the rows as a batch. XLA gives those of one dimension to
other code than those of two: up to twice as fast; to fewer channels, a product of matrices for all three taps
is faster still, where what it makes stays in the cache. The transforms are sums of shifted slices; that of a
kernel leaves a loop that does not change it. Relative error in float32: 1e-6. Differs from the paper: one
axis instead of two. Two take a quarter of the products and 10 s more to compile, for a tenth of the time.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxstyle.core import Feature
from jaxstyle.networks.conv.xla import Padding, conv1d, pixel_sum, shifted_sum

TAP_PRODUCTS_MIN_PIXELS = 2**10  # from which products of matrices give the taps' gradient faster than XLA
ROW_PRODUCTS_MAX_OUTPUTS, ROW_PRODUCTS_PIXELS = 72, (2**12, 2**15)  # outside, what they make leaves the cache


def _inputs(x: Sequence[Feature]) -> list[Feature]:
    a, b, c, d, e, f = x
    s, t, u, v = e - 4 * c, d - 4 * b, e - c, 2 * (d - b)
    return [4 * a - 5 * c + e, s + t, s - t, u + v, u - v, 4 * b - 5 * d + f]


def _taps(k: Sequence[Feature]) -> list[Feature]:
    a, b, c = k
    s, t, u, v = -(a + c) / 6, b / 6, a / 24 + c / 6, b / 12
    return [a / 4, s - t, s + t, u + v, u - v, c]


def _outputs(y: Sequence[Feature]) -> list[Feature]:
    a, b, c, d, e, f = y
    s, t, u, v = b + c, b - c, d + e, d - e
    return [a + s + u, t + 2 * v, s + 4 * u, t + 8 * v + f]


def row_products_pay(pixels: int, inputs: int, outputs: int) -> bool:
    """Tell whether rows become fewer channels, in an image of a size where products are faster."""
    least, most = ROW_PRODUCTS_PIXELS
    return outputs < inputs and outputs <= ROW_PRODUCTS_MAX_OUTPUTS and least <= pixels <= most


def _fastest_rows(x: Feature, taps: Float[Array, "k c o"], padding: tuple[int, int]) -> Feature:
    """Convolve like `conv1d`, where it pays as every pixel by all taps, added up where they belong."""
    if not row_products_pay(4 * x.shape[0] * x.shape[1], *taps.shape[1:]):
        return conv1d(x, taps, padding)
    x = jnp.pad(x, ((0, 0), padding, (0, 0)))
    return shifted_sum(x @ jnp.concatenate([*taps], -1), len(taps), 1)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _many_rows(x: Feature, taps: Float[Array, "k c o"], padding: tuple[int, int]) -> Feature:
    """Convolve like `conv1d`; the gradient of each tap is a product of matrices."""
    return _fastest_rows(x, taps, padding)


def _backward(padding, residuals, cotangent):
    x, taps = residuals
    last, width, (before, after) = len(taps) - 1, cotangent.shape[1], padding
    dx = _fastest_rows(cotangent, jnp.flip(taps, 0).swapaxes(1, 2), (last - before, last - after))
    x = jnp.pad(x, ((0, 0), padding, (0, 0)))
    return dx, jnp.stack([pixel_sum(x[:, u : u + width], cotangent) for u in range(len(taps))])


_many_rows.defvjp(lambda x, taps, padding: (_fastest_rows(x, taps, padding), (x, taps)), _backward)


def winograd(x: Feature, kernel: Float[Array, "3 3 c o"], padding: Padding) -> Feature:
    """Convolve at stride 1 with zeros around, with half the products."""
    (top, bottom), columns = padding
    height = x.shape[0] + top + bottom - 2
    groups = -(-height // 4)
    below = 4 * groups + 2 - x.shape[0] - top
    x = jnp.pad(x[None], ((0, 0), (top, below), (0, 0), (0, 0)))
    points = _inputs([lax.slice_in_dim(x, i, i + 4 * groups - 3, 4, axis=1)[0] for i in range(6)])
    convolve = _many_rows if groups * x.shape[2] >= TAP_PRODUCTS_MIN_PIXELS else conv1d
    products = [convolve(*pair, columns) for pair in zip(points, _taps([*kernel]), strict=True)]
    return jnp.stack(_outputs(products), 1).reshape(4 * groups, -1, kernel.shape[3])[:height]  # pyright: ignore
