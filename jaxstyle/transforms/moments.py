"""AdaIN's transform: give every channel the mean and deviation of the style's (Huang & Belongie 2017).

    y = g (x - m) + m_target

| g | | |
|---|---|---|
| `smoothed` | s_target / s, both with epsilon | AdaIN as published: a nearly flat channel is not blown up |
| `exact` | s_target / s, at most `steepest` | colours: Reinhard et al. 2001 |
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Mask
from jaxstyle.statistics.moments import Moments

Gain = Callable[[Moments, Moments], Float[Array, " c"]]


def smoothed(source: Moments, target: Moments) -> Float[Array, " c"]:
    """Return the ratio of deviations, each with epsilon."""
    return target.deviation / source.deviation


def exact(source: Moments, target: Moments, steepest: ArrayLike = 1000.0) -> Float[Array, " c"]:
    """Return the ratio of deviations, at most `steepest`: zero where the target is flat."""
    goal = target.exact_deviation
    least = jnp.maximum(goal / steepest, jnp.finfo(goal.dtype).tiny ** 0.5)
    return goal / jnp.maximum(source.exact_deviation, least)


def match_moments(
    feature: Feature,
    target: Moments,
    weight: Mask | None = None,
    gain: Gain = smoothed,
    stats: Moments | None = None,
) -> Feature:
    """Return the feature with the mean and the deviation of `target` in every channel.

    `stats`: those of the full-size feature, if this is a part of one.
    """
    source = stats or Moments.of(feature, weight)
    return (feature - source.mean) * gain(source, target) + target.mean
