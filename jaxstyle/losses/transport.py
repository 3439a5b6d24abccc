"""Relaxed transport between hypercolumns, and their self-similarity (Kolkin et al. 2019).

    R = max( mean_p min_j c(F_p, S_j),  mean_j min_p c(F_p, S_j) )        F of the image, S of the style
    D = mean_pq | n C(F)_pq - n C(P)_pq |,    C(F)_pq = c(F_p, F_q) / sum_r^n c(F_r, F_q)    P of the content
    c(x, y) = 1 - cos(x, y)

R is the larger of two bounds from below of the earth mover's distance: every hypercolumn is like one of the
style's, and each of the style's is used. D keeps which places are like which, whatever they look like. The
nearest are chosen anew at every evaluation; the choice is not differentiated. See `hypercolumns.py` for F.

Differs from the paper, which draws 1,024 places anew at every step: here all places p of the image are seen,
beside a grid of the style's and, in D, the means of cells q of the image's: one function, as L-BFGS asks. The
kink of D at 0 is rounded.
"""

import math
from typing import Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Features, Loss, Mask, Scalar, Weights, pytree, static
from jaxstyle.image.masks import pool_mask
from jaxstyle.losses.hypercolumns import hypercolumns
from jaxstyle.statistics.moments import nonzero
from jaxstyle.statistics.patches import Patches

VECTORS = 1024  # of a style that are looked at, at most
KINK = 0.01  # of |x|, which a descent from the content starts in, where its gradient would be rounding's sign
CELLS = 256  # of the content, to whose means the likeness of all places is kept, at most

Rows = Float[Array, "n k"]


def _unit(rows: Rows) -> Rows:
    """Return rows of length one; zeros stay, and have a gradient."""
    return rows / jnp.sqrt(jnp.sum(rows**2, axis=-1, keepdims=True) + jnp.finfo(rows.dtype).tiny)


def _stride(columns: Feature, count: int) -> int:
    """Return the stride of a grid of at most `count` places."""
    return math.ceil(math.sqrt(columns.shape[0] * columns.shape[1] / count))


@pytree
class RelaxedTransport(Loss):
    """The relaxed earth mover's distance of hypercolumns to the `target`'s, patches of side 1."""

    tileable = False

    target: Patches
    scale: dict[str, Scalar]

    @classmethod
    def of(cls, features: Features, scale: dict[str, Scalar], mask: Mask | None = None) -> Self:
        """Summarise a style, or what is under a mask of it."""
        columns = hypercolumns(features, scale)
        weight = None if mask is None else pool_mask(mask, columns.shape)
        return cls(Patches.of(columns, 1, weight, _stride(columns, VECTORS)), scale)

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple({"image": None} | self.scale)

    def __call__(self, features: Features, weight: Weights | None = None) -> Scalar:
        columns = hypercolumns(features, self.scale)
        image = Patches.of(columns, 1, None if weight is None else pool_mask(weight["image"], columns.shape))
        target = self.target
        there, back = target.mutual(jax.lax.stop_gradient(image))
        source, goal = _unit(image.values), _unit(target.values)
        first = _mean(1 - jnp.sum(source * goal[there], axis=-1), image.weights)
        return jnp.maximum(first, _mean(1 - jnp.sum(source[back] * goal, axis=-1), target.weights))


def _mean(errors: Float[Array, " n"], weights: Float[Array, " n"]) -> Scalar:
    return jnp.sum(errors * weights) / nonzero(jnp.sum(weights))


@pytree
class SelfSimilarity(Loss):
    """The mean distance of hypercolumns' likenesses to one another from the content's, `target`."""

    tileable = False

    target: Float[Array, "n m"]
    scale: dict[str, Scalar]
    stride: int = static()

    @classmethod
    def of(cls, features: Features, scale: dict[str, Scalar]) -> Self:
        """Summarise a content."""
        stride = _stride(hypercolumns(features, scale), CELLS)
        return cls(likenesses(features, scale, stride), scale, stride)

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple({"image": None} | self.scale)

    def __call__(self, features: Features, weight: Weights | None = None) -> Scalar:
        likeness = likenesses(features, self.scale, self.stride)
        errors = len(likeness) * (likeness - self.target)
        return jnp.mean(jnp.sqrt(errors**2 + KINK**2) - KINK)


def likenesses(features: Features, scale: dict[str, Scalar], stride: int) -> Float[Array, "n m"]:
    """Return the distances of all hypercolumns to the means of cells, over their sums by column."""
    columns = hypercolumns(features, scale)
    cells = (*(-(-side // stride) for side in columns.shape[:2]), columns.shape[2])
    means = jax.image.resize(columns, cells, "linear", antialias=True)
    flat = lambda x: _unit(x.reshape(-1, x.shape[-1]))
    distances = 1 - flat(columns) @ flat(means).T
    return distances / nonzero(jnp.sum(distances, axis=0))
