"""One convolution, `conv2d`, in whichever form is fast for its shape; every form gives the same sums.

| form | file | where, on a CPU | measured on two cores of an Intel Xeon |
|---|---|---|---|
| Winograd F(4, 3) along rows | winograd | 3 x 3, from 16 inputs and 48 outputs | VGG-19, 256 px: 1.37 |
| ... as products of matrices | winograd | to fewer and <= 72, 2^12 to 2^15 px | AdaIN, 256 px: 1.07 |
| taps added up in planes | rows | 3 x 3 to <= 4 outputs | 64 to 3, 4 x 128 px: 8.6 to 2.8 ms |
| rows of one dimension | rows | 3 x 3 to <= a quarter, <= 2^15 px | 64 to 16, 4 x 128 px: 15.2 to 9.2 ms |
| pixels of a row folded | rows | kernels beyond 3 x 3, on any device | 9 x 9, 3 to 32: about 2 |
| 2 x 2 taps on the small image | here | `upsample=2`, on any device | 4 products where repeating takes 9 |
| one dimension at a time | rows | `stride=2` | Johnson, 3 megapixels in tiles: 1.05 to 1.08 |
| kernel's gradient, one product | gradients | `trained`, to <= a quarter | 128 to 32: 34 to 15 ms |
| input's gradient, a convolution | gradients | not `trained`, on any device | in `lax.scan`: 6 |
| borders reflected in one pass | border | everywhere, on any device | a training step of decoders: 1.08 |
| XLA's own | xla | else; other types, GPUs and TPUs | 1 |

Ratios are the older time over the newer, float32, in turns; the git log says more, and what was tried and not
taken. A program for images of every size (`jaxstyle export`) knows no number of pixels, and takes XLA's. The
memory that XLA asks for at each call is `jaxstyle.allocator`'s. All functions take one image `(h, w, c)`:
`vmap` them over a batch.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxstyle.core import Feature
from jaxstyle.networks.conv.border import Border, bordered, reflect
from jaxstyle.networks.conv.gradients import conv_to_few_channels, fastest_conv, image_conv
from jaxstyle.networks.conv.rows import UNPADDED, folded_conv, strided_conv
from jaxstyle.networks.conv.xla import Kernel

__all__ = ["Conv", "conv2d", "reflect"]

UNFOLDED_MAX_SIDE = 3
FEW_CHANNELS_MAX_INPUTS = 128  # kernels of more have few pixels


def conv2d(
    x: Feature,
    kernel: Kernel,
    border: Border = "reflect",
    stride: int = 1,
    upsample: int = 1,
    trained: bool = True,
) -> Feature:
    """Convolve with a kernel of odd side at the same size; a stride of 2 makes (n + 1) // 2 of n pixels.

    Before it, `upsample=2` repeats every pixel twice along rows and columns (3 x 3 kernels only). Where the
    kernel is not `trained`, gradients are those that are fast for one image in a loop: see `gradients.py`.
    """
    side, _, inputs, outputs = kernel.shape
    if upsample == 2:
        return _upsampled_conv(x, kernel, border)
    if stride == 2:
        return strided_conv(x, kernel, border)
    if side > UNFOLDED_MAX_SIDE:
        return folded_conv(x, kernel, border)
    if not trained:
        convolve = image_conv
    else:
        convolve = conv_to_few_channels if 4 * outputs <= inputs <= FEW_CHANNELS_MAX_INPUTS else fastest_conv
    pad = side // 2
    if border == "constant":
        return convolve(x, kernel, ((pad, pad), (pad, pad)))
    return convolve(reflect(x, pad), kernel, UNPADDED)


def _pairs(kernel: Kernel, axis: int) -> list[Kernel]:
    """Return the two taps that three taps are to the even and to the odd pixels of repeated ones."""
    a, b, c = jnp.split(kernel, 3, axis)
    return [jnp.concatenate(taps, axis) for taps in ([a, b + c], [a + b, c])]


def _upsampled_conv(x: Feature, kernel: Float[Array, "3 3 c o"], border: Border) -> Feature:
    """Repeat every pixel twice along rows and columns, then convolve.

    Done on the small image, 2 x 2 taps for each of the four positions: 4 products where repeating takes 9.
    All four are one convolution of four times the outputs, each taken from where it belongs.
    """
    taps, (h, w, _) = [part for row in _pairs(kernel, 0) for part in _pairs(row, 1)], x.shape
    x = bordered(x, 1, border, skip=0)
    y = jnp.split(image_conv(x, jnp.concatenate(taps, -1), UNPADDED), 4, -1)  # pyright: ignore
    rows = [jnp.stack([y[2 * i + j][i : i + h, j : j + w] for j in (0, 1)], 2) for i in (0, 1)]
    return jnp.stack(rows, 1).reshape(2 * h, 2 * w, -1)


class Conv(nnx.Module):
    """The parameters of one convolution: `y = conv2d(x, kernel) @ lift + bias`.

    `lift` is None, or the second factor of a kernel of low rank: a thin convolution `(3, 3, c, r)`
    and a 1 x 1 one `(r, o)` stand for `(3, 3, c, o)`.
    """

    def __init__(self, kernel: Kernel, bias: Float[Array, " o"], lift: Float[Array, "r o"] | None = None):
        self.kernel = nnx.Param(kernel)
        self.bias = nnx.Param(bias)
        self.lift = None if lift is None else nnx.Param(lift)

    def __call__(self, x: Feature, convolve: Callable[..., Feature] = conv2d, **how: Any) -> Feature:
        """Convolve by `conv2d` or another function, which is given the rest."""
        y = convolve(x, self.kernel[...], **how)
        return (y if self.lift is None else y @ self.lift[...]) + self.bias[...]
