"""Weave: what decoders leave where they are to add texture and the feature is flat.

    w = mean (D_x A_y y)^2 + mean (D_y A_x y)^2 + 20 mean (mean over cells of h)^2

A_y, A_x: means of 16 pixels down and across; D: the second difference (1, -2, 1); h: the image less the mean
of 9 x 9 pixels; cells: the 8 x 8 pixels of a feature at relu4_1, 8 x 8 of them in a window, fewer in a
smaller image. The first two terms see threads along rows and columns, the third any pattern that is the same
in neighbouring cells.

A decoder knows no chance: of equal features it makes equal cells, and the statistics of features that it is
trained by, which do not know where pixels stand, are content with that. People are not: such pictures look
like cloth. `metrics/weave.py` measures the threads.
"""

import jax.numpy as jnp
from jax import lax

from jaxstyle.core import Image, Scalar

THREAD = 16
CELL = 8
CELLS = 8  # a side of a window
SHARE = 20.0


def _mean(image: Image, down: int, across: int) -> Image:
    """Return means of rectangles, of those that lie within."""
    return lax.reduce_window(image, 0.0, lax.add, (down, across, 1), (1, 1, 1), "valid") / (down * across)


def _threads(image: Image) -> Scalar:
    lines = _mean(image, min(THREAD, len(image)), 1)
    return jnp.mean((lines[:, 2:] - 2 * lines[:, 1:-1] + lines[:, :-2]) ** 2)


def _repeats(image: Image) -> Scalar:
    reach, cells = CELL // 2, min(CELLS, *(size // CELL for size in image.shape[:2]))
    fine = image - _mean(jnp.pad(image, ((reach, reach), (reach, reach), (0, 0)), "edge"), CELL + 1, CELL + 1)
    rows, columns = (size // (cells * CELL) for size in image.shape[:2])
    windows = fine[: rows * cells * CELL, : columns * cells * CELL]
    windows = windows.reshape(rows, cells, CELL, columns, cells, CELL, -1)
    return jnp.mean(jnp.mean(windows, (1, 4)) ** 2)


def weave(image: Image) -> Scalar:
    """Return how much weave an image of 8 pixels a side or more has, 0 for none; photographs some 0.005."""
    return _threads(image) + _threads(image.swapaxes(0, 1)) + SHARE * _repeats(image)
