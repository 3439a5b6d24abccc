"""The convolution at stride 1 in the form that is fastest for its shape, and its two gradients.

    y[i, j, o] = sum_{u, v, c} x[i + u, j + v, c] k[u, v, c, o]        (no flip, as in every network here)
    dx         = y' convolved with k turned by 180 degrees, inputs and outputs exchanged
    dk[u, v]   = x^T y' over all pixels, x moved by (u, v): a product of matrices for every tap

`image_conv` is for descents: inside `lax.scan` and `while_loop` the CPU backend takes 6 times longer for the
input gradient that automatic differentiation writes than for the same sum written as an ordinary convolution.
`fastest_conv` and `conv_to_few_channels` are for training: XLA's own gradient of a kernel sees the whole
batch under `vmap`, which is faster than a sum of gradients of single images.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxstyle.core import Feature
from jaxstyle.networks.conv.rows import plane_conv, row_conv, taps_of
from jaxstyle.networks.conv.winograd import row_products_pay, winograd
from jaxstyle.networks.conv.xla import Kernel, Padding, pixel_sum, xla_conv

WINOGRAD_MIN_INPUTS, WINOGRAD_MIN_OUTPUTS = 16, 48
WINOGRAD_MIN_PRODUCTS = 2**22  # pixels x inputs x outputs
PLANES_MAX_OUTPUTS = 4
ROWS_MAX_PIXELS = 2**15


def fastest_conv(x: Feature, kernel: Kernel, padding: Padding) -> Feature:
    """Convolve at stride 1 with zeros around, in the form that is fastest here."""
    (*taps, inputs, outputs), pixels = kernel.shape, x.shape[0] * x.shape[1]
    if taps != [3, 3] or x.dtype != jnp.float32:
        form = xla_conv
    elif outputs <= PLANES_MAX_OUTPUTS:
        form = plane_conv
    elif not isinstance(pixels, int):  # a program for every size has no number there
        form = xla_conv
    elif pixels * inputs * outputs >= WINOGRAD_MIN_PRODUCTS and (
        (inputs >= WINOGRAD_MIN_INPUTS and outputs >= WINOGRAD_MIN_OUTPUTS)
        or row_products_pay(pixels, inputs, outputs)
    ):
        form = winograd
    else:
        form = row_conv if 4 * outputs <= inputs and pixels <= ROWS_MAX_PIXELS else xla_conv
    if form is xla_conv:
        return xla_conv(x, kernel, padding)
    cpu, default = (partial(chosen, padding=padding) for chosen in (form, xla_conv))
    return lax.platform_dependent(x, kernel, cpu=cpu, default=default)


def _rotated(kernel: Kernel) -> Kernel:
    """Return the kernel of the input's gradient."""
    return jnp.flip(kernel, (0, 1)).swapaxes(2, 3)


def _transposed_padding(kernel: Kernel, padding: Padding) -> Padding:
    """Return the padding of the input's gradient."""
    (top, bottom), (left, right) = padding
    rows, columns = (size - 1 for size in kernel.shape[:2])
    return (rows - top, rows - bottom), (columns - left, columns - right)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv_to_few_channels(x: Feature, kernel: Kernel, padding: Padding) -> Feature:
    """Convolve like `fastest_conv`; on a CPU the kernel's gradient is one product with moved cotangents."""
    return fastest_conv(x, kernel, padding)


def _few_channels_backward(padding, residuals, cotangent):
    x, kernel = residuals

    def product(x, cotangent):
        zero, rest = jnp.zeros((), x.dtype), (0, 0, 0)
        back = lambda ends: [(-before, -after, 0) for before, after in ends]
        moved = [lax.pad(cotangent, zero, (*back(ends), rest)) for _, ends in taps_of(kernel, padding)]
        sums = pixel_sum(jnp.concatenate(moved, -1), x)
        return sums.reshape(*kernel.shape[:2], kernel.shape[3], -1).swapaxes(2, 3)

    xla_gradient = lambda x, y: jax.vjp(lambda kernel: xla_conv(x, kernel, padding), kernel)[1](y)[0]
    dx = fastest_conv(cotangent, _rotated(kernel), _transposed_padding(kernel, padding))
    return dx, lax.platform_dependent(x, cotangent, cpu=product, default=xla_gradient)


conv_to_few_channels.defvjp(
    lambda x, kernel, padding: (fastest_conv(x, kernel, padding), (x, kernel)), _few_channels_backward
)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def image_conv(x: Feature, kernel: Kernel, padding: Padding) -> Feature:
    """Convolve at stride 1 with zeros around; the gradient is a convolution too."""
    return fastest_conv(x, kernel, padding)


def _forward(x, kernel, padding):
    return image_conv(x, kernel, padding), (x, kernel)


def _backward(padding, residuals, cotangent):
    x, kernel = residuals
    dx = image_conv(cotangent, _rotated(kernel), _transposed_padding(kernel, padding))
    x, (h, w, _) = jnp.pad(x, (*padding, (0, 0))), cotangent.shape
    tap = lambda u, v: pixel_sum(x[u : u + h, v : v + w], cotangent)
    rows, columns = map(range, kernel.shape[:2])
    return dx, jnp.stack([jnp.stack([tap(u, v) for v in columns]) for u in rows])


image_conv.defvjp(_forward, _backward)
