"""Convolutions as products of matrices or rows of one dimension: to few outputs, large kernels, stride 2."""

import itertools
from collections.abc import Iterator
from functools import partial

import jax.numpy as jnp
from jax import lax

from jaxstyle.core import Feature
from jaxstyle.networks.conv.border import Border, bordered
from jaxstyle.networks.conv.xla import Kernel, Padding, conv1d, shifted_sum, xla_conv

FOLD = 4  # pixels of a row that large kernels take as one: 2 and 8 are slower
UNPADDED = ((0, 0), (0, 0))


def taps_of(kernel: Kernel, padding: Padding) -> Iterator[tuple[tuple[int, ...], list[tuple[int, int]]]]:
    """Yield each tap, and by how much its products are padded to lie where they are added."""
    for tap in itertools.product(*map(range, kernel.shape[:2])):
        sides = zip(tap, kernel.shape, padding, strict=False)
        yield tap, [(before - place, after - taps + 1 + place) for place, taps, (before, after) in sides]


def plane_conv(x: Feature, kernel: Kernel, padding: Padding) -> Feature:
    """Convolve at stride 1, zeros around, to a few channels: every pixel by all taps, added up in planes."""
    *taps, inputs, outputs = kernel.shape
    products = (x @ kernel.transpose(2, 0, 1, 3).reshape(inputs, -1)).transpose(2, 0, 1)
    planes, zero = products.reshape(*taps, outputs, *x.shape[:2]), jnp.zeros((), x.dtype)
    place = lambda plane, ends: lax.pad(plane, zero, ((0, 0, 0), *((*end, 0) for end in ends)))
    return sum(place(planes[tap], ends) for tap, ends in taps_of(kernel, padding)).transpose(1, 2, 0)  # pyright: ignore


def row_conv(x: Feature, kernel: Kernel, padding: Padding) -> Feature:
    """Convolve at stride 1 with zeros around: every row by all rows of the kernel, few channels, added up."""
    rows, columns = padding
    x = jnp.pad(x, (rows, (0, 0), (0, 0)))
    return shifted_sum(conv1d(x, jnp.concatenate([*kernel], -1), columns), len(kernel), 0)


def folded_conv(x: Feature, kernel: Kernel, border: Border) -> Feature:
    """Convolve at the same size with a large kernel, to or from a few channels.

    Every `FOLD` pixels of a row become one of as many times the channels, whose results share a window: for
    9 x 9 a third more products, but of 12 channels instead of 3, which fill a CPU's vectors: twice as fast.
    """
    side, _, inputs, outputs = kernel.shape
    (h, w, _), taps = x.shape, -(-(side + FOLD - 1) // FOLD)
    places = [jnp.pad(kernel, ((0, 0), (j, taps * FOLD - side - j), (0, 0), (0, 0))) for j in range(FOLD)]
    wide = jnp.stack(places, 3).reshape(side, taps, FOLD * inputs, FOLD * outputs)
    columns = -(-w // FOLD) + taps - 1
    x = jnp.pad(x, (*[(side // 2, side // 2)] * 2, (0, 0)), mode=border)
    x = jnp.pad(x, ((0, 0), (0, columns * FOLD - x.shape[1]), (0, 0)))
    x = x.reshape(x.shape[0], columns, FOLD * inputs)
    convolve = xla_conv if inputs < outputs else row_conv
    y = convolve(x, wide, UNPADDED)
    return y.reshape(h, -1, outputs)[:, :w]  # pyright: ignore


def strided_conv(x: Feature, kernel: Kernel, border: Border) -> Feature:
    """Convolve at stride 2: n pixels become (n + 1) // 2.

    A CPU adds one convolution along rows for each row of the kernel: XLA's strided ones of two dimensions
    are slow beyond the cache. (`[None]` as in `reflect`: else XLA copies.)
    """
    side, last = kernel.shape[0], (x.shape[0] + 1) // 2 * 2 - 1
    rows = lambda x, kernel: sum(
        conv1d(x[None][:, u : u + last : 2][0], kernel[u], stride=2) for u in range(side)
    )
    default = partial(xla_conv, padding=UNPADDED, stride=2)
    return lax.platform_dependent(bordered(x, side // 2, border), kernel, cpu=rows, default=default)  # pyright: ignore
