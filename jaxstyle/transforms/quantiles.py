"""Histogram matching: give every channel the style's distribution, in the order of its own values.

    match_quantiles    y_c = Q_target,c(u_c(x_c))        u: where a value stands in its channel, 0 to 1
    match_histogram    the same of colours, counted on a fine grid: no sort, and no halos

Pixels of equal value stay equal, at the middle of the values that they would have had. Values equal but for
rounding stay so too: no map is steeper than `STEEPEST` times the ratio of the target's range to the largest
value, and a channel that is constant but for `CONSTANT` of the largest of all values stays so. Of colours no
map is steeper than the noise allows (`image/noise.py`, `transport.py`).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Mask
from jaxstyle.image.noise import steepest
from jaxstyle.linalg import Matrix
from jaxstyle.statistics.histograms import STEPS, Histogram
from jaxstyle.statistics.quantiles import Quantiles, ranked
from jaxstyle.transforms.transport import Columns, limit_slopes, mean, median, transport

CONSTANT = 5e-4  # a deviation, in sizes of the largest value, that decoding makes of a flat feature
STEEPEST = 1000.0  # float32 rounds to 1e-7: in the result to 1e-4 of its range


def match_quantiles(feature: Feature, target: Quantiles, weight: Mask | None = None) -> Feature:
    """Return the feature with the distribution of `target` in every channel, exactly, by sorting."""
    ranks = ranked(feature, weight)
    values, dtype = target.at(ranks.positions), ranks.positions.dtype
    slope = rounding_slope(ranks.values, ranks.weights, target.values)
    rises = slope * jnp.diff(ranks.values, axis=0, prepend=ranks.values[:1])
    limited = limit_slopes(values.astype(dtype), rises.astype(dtype), ranks.weights)
    apart = mean((ranks.values - mean(ranks.values, ranks.weights)) ** 2, ranks.weights)
    size = jnp.max(jnp.abs(ranks.values), where=ranks.weights > 0, initial=0)
    limited = jnp.where(apart <= (CONSTANT * size) ** 2, mean(limited, ranks.weights), limited)
    back = jnp.argsort(ranks.order, axis=0)
    return jnp.take_along_axis(limited, back, 0).reshape(feature.shape).astype(feature.dtype)


def rounding_slope(values: Columns, masses: Columns, goal: Columns) -> Float[Array, " c"]:
    """Return the slope that keeps rounding small: `STEEPEST` times the goal's range by the largest value."""
    size = jnp.max(jnp.abs(values), 0, where=masses > 0, initial=0)
    tiny = jnp.finfo(values.dtype).tiny
    return STEEPEST * (jnp.max(goal, 0) - jnp.min(goal, 0)) / jnp.maximum(size, tiny**0.5)


def match_histogram(
    image: Feature, target: Histogram, weight: Mask | None = None, noise: Matrix | None = None
) -> Feature:
    """Return the image with the histogram of `target` in every channel, as far as its noise allows.

    `noise` is its covariance; without one only rounding limits the slope.
    """
    source, channels = jax.lax.stop_gradient(Histogram.of(image, weight)), image.shape[-1]
    limit = STEEPEST if noise is None else steepest(noise, jnp.eye(channels, dtype=source.counts.dtype))
    rises = jnp.broadcast_to(limit / STEPS, source.counts.shape)
    table = transport(source.counts, target.counts, source.grid, rises, median).reshape(-1)

    def matched(row):
        places = row * STEPS
        index = jnp.clip(places.astype(jnp.int32), 0, STEPS - 1)
        at = channels * index + jnp.arange(channels)
        low, high = (table.at[at + i].get(mode="promise_in_bounds") for i in (0, channels))
        return low + (high - low) * (places - index)

    return jax.lax.map(matched, image).astype(image.dtype)  # a loop: or XLA computes the table per pixel
