"""Sliced optimal transport, which matches the joint distribution (Pitie, Kokaram & Dahyot 2005).

    repeat: rotate, match the distribution along every axis, rotate back

The map is found on at most `POINTS` pixels and then taken by all: along an axis distributions are counted on
`BINS` values, and the map is linear between them.

The slopes of the steps multiply, so the noise is followed (`image/noise.py`, `transport.py`):

    N = n max(A A^T, I) + VISIBLE^2 P        A = cov(y, x) cov(x)^-1

A is the best linear fit of what became of the pixels so far, y, to what they were, x; n is the largest
variance of the noise in any direction; P projects on the directions in which x has less than a quarter of it:
they hold nothing else. No step is so steep that noise N shows. Differentiated, the map is held fixed: its
slopes are the derivative.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Mask
from jaxstyle.image.noise import VISIBLE, steepest_of
from jaxstyle.linalg import Matrix, eigh, power, product, rotations
from jaxstyle.statistics.patches import Patches
from jaxstyle.transforms.quantiles import rounding_slope
from jaxstyle.transforms.transport import Columns, Rows, count, lookup, transport

BINS = 1024
CHUNK = 2**15  # pixels that go through all steps together
POINTS = 2**20  # of an image, by which the map is found
TINY = 1e-30
Sample = tuple[Float[Array, "c _"], Float[Array, " _"]]  # points and their masses


class Step(NamedTuple):
    """A rotation, and a map of every rotated axis: values on an even grid."""

    rotation: Float[Array, "c c"]
    start: Float[Array, " c"]
    step: Float[Array, " c"]
    values: Float[Array, "c b"]

    def __call__(self, points: Rows) -> Rows:
        """Return where points go."""
        turned = product(self.rotation, points)
        return product(self.rotation.T, lookup(turned, self.start, self.step, self.values))


def match_sliced(
    feature: Feature,
    target: Patches,
    weight: Mask | None = None,
    steps: int = 20,
    seed: ArrayLike = 0,
    noise: Matrix | None = None,
) -> Feature:
    """Return the feature with nearly the joint distribution of `target`, pixels as patches of side 1.

    `noise` is the covariance of the feature's, by default that of rounding. Never in less than float32
    within: every step rounds again.
    """
    wide = jnp.promote_types(feature.dtype, jnp.float32)
    source = Patches.of(feature, 1, weight).thinned(POINTS)
    if noise is None:
        slope = jnp.maximum(rounding_slope(source.values, source.weights[:, None], target.values), 1.0)
        noise = (VISIBLE / slope) ** 2 * jnp.eye(feature.shape[-1])
    fixed = lambda tree: jax.tree.map(lambda x: lax.stop_gradient(x.astype(wide)), tree)
    every = jnp.swapaxes(rotations(jax.random.key(seed), steps, feature.shape[-1]), 1, 2).astype(wide)
    found = _steps(fixed(source), fixed(target.thinned(POINTS)), fixed(noise), every)
    flat = feature.reshape(-1, feature.shape[-1]).astype(wide)
    moved = _in_chunks(lambda rows: lax.scan(lambda x, step: (step(x), None), rows.T, found)[0].T, flat)
    return moved.reshape(feature.shape).astype(feature.dtype)


def _in_chunks(function, rows: Columns) -> Columns:
    """Return a function of rows, of `CHUNK` at a time: what lies between fits in the cache."""
    size = min(CHUNK, len(rows))
    count = -(-len(rows) // size)
    padded = jnp.pad(rows, ((0, count * size - len(rows)), (0, 0)))
    return lax.map(function, padded.reshape(count, size, -1)).reshape(count * size, -1)[: len(rows)]


def _steps(source: Patches, target: Patches, noise: Matrix, every: Float[Array, "k c c"]) -> Step:
    """Return the steps, all of them as one."""
    goal, masses, goal_masses = target.values.T, source.weights, target.weights
    largest = jnp.linalg.norm(noise, 2)
    centred = source.values.T - _mean(source.values.T, masses)
    covariance = _mean_product(centred, centred, masses)
    spreads, directions = eigh(covariance)
    empty = VISIBLE**2 * product(directions * (spreads < largest / 4), directions.T)
    whiten = power(covariance, -1.0)

    def visit(points, rotation):
        linear = product(_mean_product(points, centred, masses), whiten)
        gains, axes = eigh(product(linear, linear.T))
        noise = largest * product(axes * jnp.maximum(gains, 1), axes.T) + empty
        turned, aim = product(rotation, points), product(rotation, goal)
        variance = jnp.diag(product(rotation, noise, rotation.T))
        step = _step(rotation, (turned, masses), (aim, goal_masses), variance)
        return product(rotation.T, lookup(turned, *step[1:])), step

    return lax.scan(visit, source.values.T, every)[1]


def _mean(points: Rows, masses: Array) -> Float[Array, "c 1"]:
    """Return the mean over points."""
    total = jnp.maximum(jnp.sum(masses), jnp.finfo(masses.dtype).tiny)
    return jnp.sum(points * masses, 1, keepdims=True) / total


def _mean_product(points: Rows, others: Rows, masses: Array) -> Matrix:
    """Return the mean over points of the outer product of one with the other."""
    return jnp.concatenate([_mean(point * others, masses) for point in points], axis=1).T


def _step(rotation: Matrix, source: Sample, target: Sample, variance: Array) -> Step:
    """Return the map of every axis that brings points to the target's, as steep as their noise allows."""
    start, end = _range(source, target)
    step = jnp.maximum((end - start) / (BINS - 1), jnp.finfo(start.dtype).eps * jnp.abs(start) + TINY)
    counts, goal = (count(points, start, step, masses, BINS) for points, masses in (source, target))
    grid = start + step * jnp.arange(BINS)[:, None]
    rises = jnp.broadcast_to(steepest_of(variance) * step, counts.shape)
    return Step(rotation, start, step, transport(counts, goal, grid, rises).T)


def _range(*samples: Sample) -> tuple[Array, Array]:
    """Return the least and the largest value along every axis of all that has mass."""
    low = [jnp.min(x, 1, where=masses > 0, initial=jnp.inf) for x, masses in samples]
    high = [jnp.max(x, 1, where=masses > 0, initial=-jnp.inf) for x, masses in samples]
    start, end = jnp.minimum(*low), jnp.maximum(*high)
    return jnp.where(start <= end, start, 0.0), jnp.where(start <= end, end, 0.0)
