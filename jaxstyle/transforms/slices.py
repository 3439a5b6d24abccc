"""Sliced optimal transport of features: their joint distribution, slice by slice (Risser 2020).

    x <- T(x R) R^T,    T_d = Q_target,d o Q_x,d^-1        for every rotation R of the target

Mean and covariance, which all slices share, are matched before in one step; the slices add what these do
not tell. T is linear between the knots of the quantiles and constant beyond them, and sends an axis along
which the content is constant to the target's mean. The identity as a rotation matches the channels'
histograms.

`sliced.py` does so with colours and keeps their noise invisible; here a decoder follows, which smooths.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Mask
from jaxstyle.statistics.slices import Slices, knots
from jaxstyle.transforms.covariance import match_covariance
from jaxstyle.transforms.transport import Columns, lookup

BINS = 1024
CONSTANT = 1e-4  # a range, in sizes of the target's largest value, that rounding makes of a flat feature


def match_slices(feature: Feature, target: Slices, weight: Mask | None = None) -> Feature:
    """Return the feature with nearly the joint distribution of `target`; in float32 at least within."""
    matched = match_covariance(feature.astype(target.rotations.dtype), target.covariance, weight)
    weights = None if weight is None else weight.reshape(-1)

    def step(rows, slices):
        rotation, goal = slices
        turned = rows @ rotation
        return _moved(turned, knots(turned, weights), goal) @ rotation.T, None

    rows = matched.reshape(-1, feature.shape[-1])
    rows, _ = jax.lax.scan(step, rows, (target.rotations, target.quantiles))
    return rows.reshape(feature.shape).astype(feature.dtype)


def _moved(values: Columns, source: Float[Array, "b c"], goal: Float[Array, "b c"]) -> Columns:
    """Return values whose quantiles are `own` where they become `goal`, column by column."""
    start, end = source[0], source[-1]
    flat = end - start <= CONSTANT * jnp.max(jnp.abs(goal))
    step = jnp.where(flat, 1.0, end - start) / (BINS - 1)
    grid = start + step * jnp.arange(BINS)[:, None]
    table = jax.vmap(jnp.interp, in_axes=1)(grid, source, goal)
    moved = lookup(jnp.clip(values, start, end).T, start, step, table).T
    return jnp.where(flat, jnp.mean(goal, 0), moved)
