"""The frame of every style loss: the statistics of a layer's features against those of the style's.

    L = sum_l w_l d(s(F_l; m), t_l)        s: the statistic, under a mask m; d: the loss's own distance

A loss adds a statistic and a distance. `relative` divides a layer's weight by the size of its target,
the distance from nothing, and is free of the encoder's scale. A loss whose statistic is a mean over pixels is
tileable.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Feature, Features, Loss, Mask, Scalar, Weights, pytree
from jaxstyle.image.masks import pool_mask
from jaxstyle.statistics.moments import nonzero, pixel_count


@pytree
class Statistical(Loss):
    """The distance of statistics to a `target` for every layer, weighted by layer.

    A subclass is `Averaged` or `Compared`, and gives `summary` and `size`.
    """

    target: dict[str, Any]
    weight: dict[str, Scalar]

    @classmethod
    def summary(cls, feature: Feature, weight: Mask | None) -> Any:
        """Return the statistic of a layer."""
        raise NotImplementedError

    @staticmethod
    def size(target: Any) -> Scalar:
        """Return the distance of the target from features that are zero, or what is like it."""
        raise NotImplementedError

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.target)

    @classmethod
    def mean(cls, features: Features, weight: Mapping[str, Scalar], mask: Mask | None = None) -> Self:
        """Weigh the distance itself; `mask` tells what of the style counts."""
        pooled = lambda feature: None if mask is None else pool_mask(mask, feature.shape)
        target = {name: cls.summary(features[name], pooled(features[name])) for name in weight}
        return cls(target, dict(weight))

    @classmethod
    def relative(cls, features: Features, weight: Mapping[str, Scalar], mask: Mask | None = None) -> Self:
        """Weigh the distance over the target's size (over 1 where the target is nothing)."""
        loss = cls.mean(features, weight, mask)
        sizes = {name: jnp.asarray(cls.size(target)) for name, target in loss.target.items()}
        scaled = {name: weight[name] / jnp.where(size > 0, size, 1) for name, size in sizes.items()}
        return dataclasses.replace(loss, weight=scaled)


@pytree
class Averaged(Statistical):
    """A loss of means over pixels: a subclass gives `pixel_sum` and `apart`."""

    @classmethod
    def pixel_sum(cls, feature: Feature, target: Any, weight: Mask | None) -> Array:
        """Return the weighted sum over pixels of what is averaged."""
        raise NotImplementedError

    @staticmethod
    def apart(average: Array, target: Any) -> Scalar:
        """Return how far a weighted mean is from the target."""
        raise NotImplementedError

    def sums(self, features: Features, weight: Weights | None = None) -> dict[str, tuple[Array, Array]]:
        mask = weight or dict.fromkeys(self.target)
        both = lambda x, target, mask: (self.pixel_sum(x, target, mask), pixel_count(x, mask))
        return {name: both(features[name], x, mask[name]) for name, x in self.target.items()}

    def finish(self, sums: dict[str, tuple[Array, Array]]) -> Scalar:
        means = {name: total / nonzero(count) for name, (total, count) in sums.items()}
        return sum(self.weight[name] * self.apart(means[name], self.target[name]) for name in self.target)


@pytree
class Compared(Statistical):
    """A loss of statistics that are no means over pixels: a subclass gives `distance`."""

    tileable = False

    @classmethod
    def distance(cls, feature: Feature, target: Any, weight: Mask | None) -> Scalar:
        """Return how far a feature's statistic is from the target."""
        raise NotImplementedError

    def __call__(self, features: Features, weight: Weights | None = None) -> Scalar:
        mask = weight or dict.fromkeys(self.target)
        apart = lambda name: self.distance(features[name], self.target[name], mask[name])
        return sum(self.weight[name] * apart(name) for name in self.target)
