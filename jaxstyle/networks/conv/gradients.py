"""Convolutions and pools with the gradients that XLA runs fast.

    y[i, j, o] = sum_{u, v, c} x[i + u, j + v, c] k[u, v, c, o]        (no flip, as in every network here)
    dx         = y' convolved with k turned by 180 degrees, inputs and outputs exchanged
    dk[u, v]   = x^T y' over all pixels, x moved by (u, v): a product of matrices for every tap

Inside `lax.scan` and `while_loop` the CPU backend takes 6 times longer for the input gradient that
automatic differentiation writes than for the same sum written as an ordinary convolution, so `conv`
brings its own. Two more cliffs are walked around: a convolution without any padding is slower than the
same with some, and the gradients of `reduce_window` and of strided slices are slower than a select by
where the maximum was. Where it pays, a CPU takes Winograd's half of the products, products of matrices
for few outputs, and convolutions along rows for a quarter of the inputs. All functions take one image
`(h, w, c)`; `vmap` them over a batch.
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float, Int8

from jaxstyle.core import Feature
from jaxstyle.networks.winograd import Padding, along_rows, narrows, pixel_sum, shifted_sum, winograd

LAYOUT = ("NHWC", "HWIO", "NHWC")
FOLD = 4  # pixels of a row that large kernels take as one: 2 and 8 are slower
WIDE, WORTH = (
    (16, 48),
    2**22,
)  # inputs and outputs, and their product by pixels, from which Winograd pays: measured
FEW = 4  # outputs, up to which planes pay
SMALL = 2**15  # pixels, up to which rows pay where outputs are a quarter of the inputs or fewer
Kernel = Float[Array, "kh kw c o"]


def direct(x: Feature, kernel: Kernel, padding: Padding, stride: int = 1) -> Feature:
    """Convolve with zeros around, as XLA does it."""
    bare, width = not any(map(any, padding)), (x.shape[1] - kernel.shape[1]) // stride + 1
    padding = ((0, 0), (0, 1)) if bare else padding  # see above: some padding, then cropped
    y = lax.conv_general_dilated(x[None], kernel, (stride, stride), padding, dimension_numbers=LAYOUT)[0]
    return y[:, :width] if bare else y


def _taps(kernel: Kernel, padding: Padding) -> Iterator[tuple[tuple[int, ...], list[tuple[int, int]]]]:
    """Yield each tap, and by how much its products are padded to lie where they are added."""
    for tap in itertools.product(*map(range, kernel.shape[:2])):
        sides = zip(tap, kernel.shape, padding, strict=False)
        yield tap, [(before - place, after - taps + 1 + place) for place, taps, (before, after) in sides]


def in_planes(x: Feature, kernel: Kernel, padding: Padding) -> Feature:
    """Convolve at stride 1, zeros around, to a few channels: every pixel by all taps, added up in planes."""
    *taps, inputs, outputs = kernel.shape
    products = (x @ kernel.transpose(2, 0, 1, 3).reshape(inputs, -1)).transpose(2, 0, 1)
    planes, zero = products.reshape(*taps, outputs, *x.shape[:2]), jnp.zeros((), x.dtype)
    place = lambda plane, ends: lax.pad(plane, zero, ((0, 0, 0), *((*end, 0) for end in ends)))
    return sum(place(planes[tap], ends) for tap, ends in _taps(kernel, padding)).transpose(1, 2, 0)  # pyright: ignore


def in_rows(x: Feature, kernel: Kernel, padding: Padding) -> Feature:
    """Convolve at stride 1 with zeros around: every row by all rows of the kernel, few channels, added up."""
    rows, columns = padding
    x = jnp.pad(x, (rows, (0, 0), (0, 0)))
    return shifted_sum(along_rows(x, jnp.concatenate([*kernel], -1), columns), len(kernel), 0)


def fastest(x: Feature, kernel: Kernel, padding: Padding) -> Feature:
    """Convolve at stride 1 with zeros around, in the way that pays here."""
    (*taps, inputs, outputs), pixels = kernel.shape, x.shape[0] * x.shape[1]
    if taps != [3, 3] or x.dtype != jnp.float32:
        way = direct
    elif outputs <= FEW:
        way = in_planes
    elif not isinstance(pixels, int):  # a program for every size has no number there
        way = direct
    elif pixels * inputs * outputs >= WORTH and (
        (inputs >= WIDE[0] and outputs >= WIDE[1]) or narrows(pixels, inputs, outputs)
    ):
        way = winograd
    else:
        way = in_rows if 4 * outputs <= inputs and pixels <= SMALL else direct
    if way is direct:
        return direct(x, kernel, padding)
    cpu, default = (partial(chosen, padding=padding) for chosen in (way, direct))
    return lax.platform_dependent(x, kernel, cpu=cpu, default=default)


def _turned(kernel: Kernel) -> Kernel:
    """Return the kernel of the input's gradient."""
    return jnp.flip(kernel, (0, 1)).swapaxes(2, 3)


def _mirrored(kernel: Kernel, padding: Padding) -> Padding:
    """Return the padding of the input's gradient."""
    (top, bottom), (left, right) = padding
    rows, columns = (size - 1 for size in kernel.shape[:2])
    return (rows - top, rows - bottom), (columns - left, columns - right)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def narrowing(x: Feature, kernel: Kernel, padding: Padding) -> Feature:
    """Convolve like `fastest`; on a CPU the kernel's gradient is one product with the cotangents moved."""
    return fastest(x, kernel, padding)


def _narrowing_backward(padding, residuals, cotangent):
    x, kernel = residuals

    def product(x, cotangent):
        zero, rest = jnp.zeros((), x.dtype), (0, 0, 0)
        back = lambda ends: [(-before, -after, 0) for before, after in ends]
        moved = [lax.pad(cotangent, zero, (*back(ends), rest)) for _, ends in _taps(kernel, padding)]
        sums = pixel_sum(jnp.concatenate(moved, -1), x)
        return sums.reshape(*kernel.shape[:2], kernel.shape[3], -1).swapaxes(2, 3)

    own = lambda x, cotangent: jax.vjp(lambda kernel: direct(x, kernel, padding), kernel)[1](cotangent)[0]
    dx = fastest(cotangent, _turned(kernel), _mirrored(kernel, padding))
    return dx, lax.platform_dependent(x, cotangent, cpu=product, default=own)


narrowing.defvjp(lambda x, kernel, padding: (fastest(x, kernel, padding), (x, kernel)), _narrowing_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv(x: Feature, kernel: Kernel, padding: Padding) -> Feature:
    """Convolve at stride 1 with zeros around; the gradient is a convolution too."""
    return fastest(x, kernel, padding)


def _forward(x, kernel, padding):
    return conv(x, kernel, padding), (x, kernel)


def _backward(padding, residuals, cotangent):
    x, kernel = residuals
    dx = conv(cotangent, _turned(kernel), _mirrored(kernel, padding))
    x, (h, w, _) = jnp.pad(x, (*padding, (0, 0))), cotangent.shape
    tap = lambda u, v: pixel_sum(x[u : u + h, v : v + w], cotangent)
    rows, columns = map(range, kernel.shape[:2])
    return dx, jnp.stack([jnp.stack([tap(u, v) for v in columns]) for u in rows])


conv.defvjp(_forward, _backward)


def _strips(x: Feature, axis: int, pad: int, skip: int) -> list[Feature]:
    """Return what stands mirrored before and behind an axis."""
    places = (skip, x.shape[axis] - skip - pad)
    return [jnp.flip(lax.slice_in_dim(x, place, place + pad, axis=axis), axis) for place in places]


def _folded(parts: Sequence[Feature], axis: int, skip: int) -> Feature:
    """Return the middle one of three parts plus the two around it, mirrored, where their pixels came from."""
    before, x, after = parts
    pad, size = before.shape[axis], x.shape[axis]
    for part, place in ((before, skip), (after, size - skip - pad)):
        around = [(place, size - place - pad, 0) if i == axis else (0, 0, 0) for i in range(x.ndim)]
        x = x + lax.pad(jnp.flip(part, axis), jnp.zeros((), x.dtype), around)
    return x


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def reflect(x: Feature, pad: int = 1, skip: int = 1) -> Feature:
    """Pad all around by reflection, without the `skip` pixels at the border (more than `pad + skip` a side).

    A CPU joins the rows in one pass with what made `x`, and then writes the columns into their place.
    """

    def rows(x):
        before, after = _strips(x, 0, pad, skip)
        return jnp.concatenate([before, x, after])[None]  # XLA copies if a convolution has to add this axis

    left, right = _strips(x, 1, pad, skip)
    wide = jnp.pad(rows(x), ((0, 0), (0, 0), (pad, pad), (0, 0)))
    wide = lax.dynamic_update_slice(wide, rows(left), (0, 0, 0, 0))
    return lax.dynamic_update_slice(wide, rows(right), (0, 0, pad + x.shape[1], 0))[0]


def _unreflect(pad, skip, _, cotangent):
    h, w = (size - pad for size in cotangent.shape[:2])
    columns = lambda x: _folded([x[:, :pad], x[:, pad:w], x[:, w:]], 1, skip)
    rows = [columns(part) for part in (cotangent[:pad], cotangent[pad:h], cotangent[h:])]
    return (_folded(rows, 0, skip),)


reflect.defvjp(lambda x, pad, skip: (reflect(x, pad, skip), None), _unreflect)


def reflect_conv(x: Feature, kernel: Float[Array, "3 3 c o"]) -> Feature:
    """Convolve 3 x 3 at the same size, reflected at the border."""
    return conv(reflect(x), kernel, ((0, 0), (0, 0)))  # pyright: ignore


def large_conv(x: Feature, kernel: Kernel) -> Feature:
    """Convolve at the same size with a large kernel and a reflected border, to or from a few channels.

    Every `FOLD` pixels of a row become one of as many times the channels, whose results share a window: for
    9 x 9 a third more products, but of 12 channels instead of 3, which fill a CPU's vectors: twice as fast.
    """
    side, _, inputs, outputs = kernel.shape
    (h, w, _), taps = x.shape, -(-(side + FOLD - 1) // FOLD)
    places = [jnp.pad(kernel, ((0, 0), (j, taps * FOLD - side - j), (0, 0), (0, 0))) for j in range(FOLD)]
    wide = jnp.stack(places, 3).reshape(side, taps, FOLD * inputs, FOLD * outputs)
    columns = -(-w // FOLD) + taps - 1
    x = jnp.pad(x, (*[(side // 2, side // 2)] * 2, (0, 0)), mode="reflect")
    x = jnp.pad(x, ((0, 0), (0, columns * FOLD - x.shape[1]), (0, 0)))
    x = x.reshape(x.shape[0], columns, FOLD * inputs)
    convolve = direct if inputs < outputs else in_rows
    y = convolve(x, wide, ((0, 0), (0, 0)))
    return y.reshape(h, -1, outputs)[:, :w]  # pyright: ignore


def halving_conv(x: Feature, kernel: Kernel) -> Feature:
    """Convolve at stride 2 with a reflected border: n pixels become (n + 1) // 2.

    A CPU adds one convolution along rows for each row of the kernel: XLA's strided ones of two dimensions
    are slow beyond the cache. (`[None]` as in `reflect`.)
    """
    side, last = kernel.shape[0], (x.shape[0] + 1) // 2 * 2 - 1
    rows = lambda x, kernel: sum(
        along_rows(x[None][:, u : u + last : 2][0], kernel[u], stride=2) for u in range(side)
    )
    default = partial(direct, padding=((0, 0), (0, 0)), stride=2)
    return lax.platform_dependent(reflect(x, side // 2), kernel, cpu=rows, default=default)  # pyright: ignore


def _pairs(kernel: Kernel, axis: int) -> list[Kernel]:
    """Return the two taps that three taps are to the even and to the odd pixels of repeated ones."""
    a, b, c = jnp.split(kernel, 3, axis)
    return [jnp.concatenate(taps, axis) for taps in ([a, b + c], [a + b, c])]


def doubling_conv(x: Feature, kernel: Float[Array, "3 3 c o"]) -> Feature:
    """Repeat every pixel twice along rows and columns, then convolve, reflected at the border.

    Done on the small image, 2 x 2 taps for each of the four positions: 4 products where repeating takes 9.
    All four are one convolution of four times the outputs, each taken from where it belongs.
    """
    taps, (h, w, _) = [part for row in _pairs(kernel, 0) for part in _pairs(row, 1)], x.shape
    x = reflect(x, skip=0)
    y = jnp.split(conv(x, jnp.concatenate(taps, -1), ((0, 0), (0, 0))), 4, -1)  # pyright: ignore
    rows = [jnp.stack([y[2 * i + j][i : i + h, j : j + w] for j in (0, 1)], 2) for i in (0, 1)]
    return jnp.stack(rows, 1).reshape(2 * h, 2 * w, -1)


def zero_conv(x: Feature, kernel: Float[Array, "3 3 c o"]) -> Feature:
    """Convolve 3 x 3 at the same size, zeros beyond the border."""
    return conv(x, kernel, ((1, 1), (1, 1)))


def quarters(x: Feature) -> list[Feature]:
    """Return the first, second, third and fourth pixels of 2 x 2 blocks, in the order of reading."""
    h, w = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
    return [x[i:h:2, j:w:2] for i in (0, 1) for j in (0, 1)]


def first_maximum(x: Feature) -> Int8[Array, "h w c"]:
    """Return which pixel of 2 x 2 blocks, 0 to 3 in the order of reading, is the first of the largest."""
    a, b, c, d = quarters(x)
    number = partial(jnp.asarray, dtype=jnp.int8)
    above, below = jnp.where(a >= b, number(0), number(1)), jnp.where(c >= d, number(2), number(3))
    return jnp.where(jnp.maximum(a, b) >= jnp.maximum(c, d), above, below)


def placed(place: Int8[Array, "h w c"], x: Feature) -> Feature:
    """Return 2 x 2 blocks with each value at its place, zero elsewhere."""
    h, w, c = x.shape
    row, column = (lax.broadcasted_iota(jnp.int8, (1, 2, 1, 2, 1), axis) for axis in (1, 3))
    blocks = jnp.where(place[:, None, :, None] == 2 * row + column, x[:, None, :, None], 0)
    return blocks.reshape(2 * h, 2 * w, c)


@jax.custom_vjp
def _block_max(x: Feature) -> Feature:
    a, b, c, d = quarters(x)
    return jnp.maximum(jnp.maximum(a, b), jnp.maximum(c, d))


_block_max.defvjp(
    lambda x: (_block_max(x), first_maximum(x)), lambda place, cotangent: (placed(place, cotangent),)
)


def max_pool(x: Feature) -> Feature:
    """Take the maximum of 2 x 2 blocks; an odd last row or column is dropped.

    The first of equal pixels gets the gradient; for it a byte a block is kept instead of the feature.
    """
    return _block_max(x[: x.shape[0] // 2 * 2, : x.shape[1] // 2 * 2])


def average_pool(x: Feature) -> Feature:
    """Take the mean of 2 x 2 blocks; an odd last row or column is dropped."""
    a, b, c, d = quarters(x)
    return (a + b + c + d) / 4


class Conv(nnx.Module):
    """The parameters of one convolution: `y = conv(x, kernel) @ lift + bias`.

    `lift` is None, or the second factor of a kernel of low rank: a thin convolution `(3, 3, c, r)`
    and a 1 x 1 one `(r, o)` stand for `(3, 3, c, o)`.
    """

    def __init__(self, kernel: Kernel, bias: Float[Array, " o"], lift: Float[Array, "r o"] | None = None):
        self.kernel = nnx.Param(kernel)
        self.bias = nnx.Param(bias)
        self.lift = None if lift is None else nnx.Param(lift)

    def __call__(self, x: Feature, convolve) -> Feature:
        y = convolve(x, self.kernel[...])
        return (y if self.lift is None else y @ self.lift[...]) + self.bias[...]
