"""The frame of every style loss: the statistics of a layer's features against those of the style's.

    L = sum_l w_l d(s(F_l; m), t_l)        s: the statistic, under a mask m; d: the loss's own distance

A loss adds a statistic and a distance. `relative` divides a layer's weight by the size of its target,
the distance from nothing, and is free of the encoder's scale.
"""

import dataclasses
from collections.abc import Mapping
from math import prod
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Feature, Features, InputError, Loss, Mask, Scalar, Window, pytree
from jaxstyle.image.masks import at
from jaxstyle.statistics.moments import total


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

    @classmethod
    def distance(cls, feature: Feature, target: Any, weight: Mask | None) -> Scalar:
        """Return how far a feature's statistic is from the target."""
        return cls.apart(cls.average(feature, target, weight), target)

    @classmethod
    def average(cls, feature: Feature, target: Any, weight: Mask | None) -> Array:
        """Return the statistic as a weighted mean over pixels; raises `InputError` if it is no such."""
        raise InputError(f"{cls.__name__} needs the whole image at once: it cannot be tiled")

    @staticmethod
    def apart(average: Array, target: Any) -> Scalar:
        """Return how far a weighted mean is from the target."""
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

    def _mask(self, name: str, window: Window) -> Mask | None:
        """Return the mask at the resolution of a layer of the whole image."""
        whole = jax.ShapeDtypeStruct((*window.whole(name), 1), jnp.float32)
        return None if self.mask is None else at(self.mask, whole)

    def sums(self, features: Features, window: Window) -> dict[str, Array]:
        def share(name: str) -> Array:
            own, mask = window.owned(name), self._mask(name, window)
            size = prod(window.whole(name)) if mask is None else total(mask)
            weight = own if mask is None else own * window.cut(name, mask)
            return self.average(features[name], self.target[name], weight) * (total(weight) / size)

        return {name: share(name) for name in self.target}

    def of_sums(self, sums: dict[str, Array]) -> Scalar:
        distances = {name: self.apart(sums[name], target) for name, target in self.target.items()}
        return sum(self.weight[name] * distance for name, distance in distances.items())

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
