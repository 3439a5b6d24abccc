"""Quantiles: the values of every channel in order, each channel by itself.

    Q(u) = the value below which the share u of the weight lies        u in [0, 1]

Conventions: the i-th of n equal values in order stands at u = (i + 1/2) / n, that of weights w at
(w_1 + ... + w_i - w_i / 2) / sum w; between them Q is linear, beyond the first and the last constant.
All values are kept, so that nothing is lost in merging or matching.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from jaxstyle.core import Feature, Mask, pytree


def _positions(weights: Float[Array, "n _"]) -> Float[Array, "n c"]:
    """Return where values of these weights stand, from 0 to 1."""
    weights = _counted(weights)
    sums = jnp.cumsum(weights, axis=0)
    return (sums - weights / 2) / jnp.maximum(sums[-1], jnp.finfo(weights.dtype).tiny)


def _counted(weights: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return the weights as float32 at least: bfloat16 counts to 256."""
    return weights.astype(jnp.promote_types(weights.dtype, jnp.float32))


def _ordered(values: Float[Array, "n c"], weights: Float[Array, "n _"]) -> "Quantiles":
    """Return the quantiles of these; what has no weight stands last, with the largest value that has some."""
    order = jnp.argsort(jnp.where(weights > 0, values, jnp.inf), axis=0)
    values, weights = (jnp.take_along_axis(part, order, 0) for part in (values, weights))
    largest = jnp.max(values, 0, where=weights > 0, initial=jnp.min(values))
    return Quantiles(jnp.where(weights > 0, values, largest), weights)


@pytree
class Quantiles:
    """The values of every channel in ascending order, and their weights: `(n, 1)` if they share them."""

    values: Float[Array, "n c"]
    weights: Float[Array, "n _"]

    @classmethod
    def of(cls, feature: Feature, weight: Mask | None = None) -> "Quantiles":
        """Summarise a feature over its pixels."""
        flat = feature.reshape(-1, feature.shape[-1])
        if weight is None:
            return cls(jnp.sort(flat, axis=0), jnp.ones((len(flat), 1), flat.dtype))
        return _ordered(flat, jnp.broadcast_to(weight.reshape(-1, 1), flat.shape))

    @property
    def positions(self) -> Float[Array, "n c"]:
        """Where the values stand, from 0 to 1."""
        return jnp.broadcast_to(_positions(self.weights), self.values.shape)

    def merge(self, other: "Quantiles") -> "Quantiles":
        """Return the quantiles of the pixels of both."""
        parts = [(part.values, jnp.broadcast_to(part.weights, part.values.shape)) for part in (self, other)]
        return _ordered(*(jnp.concatenate(pair) for pair in zip(*parts, strict=True)))

    def at(self, positions: Float[Array, "m c"]) -> Float[Array, "m c"]:
        """Return the value of every channel at these positions."""
        here = self.positions
        interpolate = jax.vmap(jnp.interp, in_axes=1, out_axes=1)
        return interpolate(positions, here, self.values.astype(here.dtype)).astype(self.values.dtype)


class Ranked(NamedTuple):
    """A feature's values in ascending order, channel by channel, and where they stand, from 0 to 1."""

    order: Int[Array, "n c"]  # of the pixels
    values: Float[Array, "n c"]
    weights: Float[Array, "n _"]
    positions: Float[Array, "n c"]


def ranked(feature: Feature, weight: Mask | None = None) -> Ranked:
    """Return the values in order and where they stand among all; equal values stand together.

    Ties are common (ReLU zeros, flat skies); breaking them arbitrarily adds noise, so tied pixels share the
    middle of their positions.
    """
    flat = feature.reshape(-1, feature.shape[-1])
    order = jnp.argsort(flat, axis=0)
    values = jnp.take_along_axis(flat, order, 0)
    weights = _counted(jnp.ones_like(values) if weight is None else weight.reshape(-1)[order])
    above = jnp.cumsum(weights, axis=0)
    changes, edge = values[1:] != values[:-1], jnp.ones_like(values[:1], bool)
    first, last = jnp.concatenate([edge, changes]), jnp.concatenate([changes, edge])
    start = lax.cummax(jnp.where(first, above - weights, 0), axis=0)
    end = lax.cummin(jnp.where(last, above, jnp.inf), axis=0, reverse=True)
    positions = (start + end) / 2 / jnp.maximum(above[-1], jnp.finfo(above.dtype).tiny)
    return Ranked(order, values, weights, positions)
