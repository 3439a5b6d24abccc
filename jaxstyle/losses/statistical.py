"""The frame of every style loss: the statistics of a layer's features against those of the style's.

    L = sum_l w_l d(s(F_l; m), t_l)        s: the statistic, under a mask m; d: the loss's own distance

A loss adds a statistic and a distance. `relative` divides a layer's weight by the size of its target,
the distance from nothing, and is free of the encoder's scale.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import jax.numpy as jnp

from jaxstyle.core import Feature, Features, Loss, Mask, Scalar, pytree
from jaxstyle.image.masks import at


@pytree
class Statistical(Loss):
    """The distance of statistics to a `target` for every layer, weighted by layer."""

    target: dict[str, Any]
    weight: dict[str, Scalar]
    mask: Mask | None = None

    @classmethod
    def summary(cls, feature: Feature, weight: Mask | None) -> Any:
        """Return the statistic of a layer."""
        raise NotImplementedError

    @staticmethod
    def distance(feature: Feature, target: Any, weight: Mask | None) -> Scalar:
        """Return how far a feature's statistic is from the target."""
        raise NotImplementedError

    @staticmethod
    def size(target: Any) -> Scalar:
        """Return the distance of the target from features that are zero, or what is like it."""
        raise NotImplementedError

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.target)

    def __call__(self, features: Features) -> Scalar:
        value = 0.0
        for name, target in self.target.items():
            mask = None if self.mask is None else at(self.mask, features[name])
            value = value + self.weight[name] * self.distance(features[name], target, mask)
        return value

    def on(self, mask: Mask) -> Self:
        return dataclasses.replace(self, mask=mask)

    @classmethod
    def mean(cls, features: Features, weight: Mapping[str, Scalar], mask: Mask | None = None) -> Self:
        """Weigh the distance itself; `mask` tells what of the style counts."""
        place = lambda feature: None if mask is None else at(mask, feature)
        return cls(
            {name: cls.summary(features[name], place(features[name])) for name in weight}, dict(weight)
        )

    @classmethod
    def relative(cls, features: Features, weight: Mapping[str, Scalar], mask: Mask | None = None) -> Self:
        """Weigh the distance over the target's size (over 1 where the target is nothing)."""
        loss = cls.mean(features, weight, mask)
        sizes = {name: jnp.asarray(cls.size(target)) for name, target in loss.target.items()}
        scaled = {name: weight[name] / jnp.where(size > 0, size, 1) for name, size in sizes.items()}
        return dataclasses.replace(loss, weight=scaled)
