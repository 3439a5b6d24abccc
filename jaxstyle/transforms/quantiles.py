"""Histogram matching, channel by channel, and sliced optimal transport, which matches the joint distribution.

    match_quantiles    y_c = Q_target,c(u_c(x_c))        u: where a value stands in its channel, 0 to 1
    match_sliced       repeat: rotate, match_quantiles, rotate back        (Pitie, Kokaram & Dahyot 2005)

Matched exactly, not by bins: a target of as many pixels gives its own values, put in the content's order.
Pixels of equal value stay equal, at the middle of the values that they would have had.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxstyle.core import Feature, Mask
from jaxstyle.linalg import rotations
from jaxstyle.statistics.patches import Patches
from jaxstyle.statistics.quantiles import Quantiles, positions_of


def match_quantiles(feature: Feature, target: Quantiles, weight: Mask | None = None) -> Feature:
    """Return the feature with the distribution of `target` in every channel, the order of its own values."""
    positions = positions_of(feature, weight)
    return target.at(positions.reshape(-1, positions.shape[-1])).reshape(feature.shape)


def match_sliced(
    feature: Feature,
    target: Patches,
    weight: Mask | None = None,
    steps: int = 20,
    seed: ArrayLike = 0,
) -> Feature:
    """Return the feature with nearly the joint distribution of `target`, pixels as patches of side 1.

    Never in less than float32 within: every step rounds again.
    """
    wide = jnp.promote_types(feature.dtype, jnp.float32)

    def step(feature, rotation):
        goal = (target.values @ rotation)[:, None]
        matched = match_quantiles(feature @ rotation, Quantiles.of(goal, target.weights[:, None]), weight)
        return matched @ rotation.T, None

    every = rotations(jax.random.key(seed), steps, feature.shape[-1])
    return lax.scan(step, feature.astype(wide), every.astype(wide))[0].astype(feature.dtype)
