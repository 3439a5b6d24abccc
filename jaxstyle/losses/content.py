"""The content loss: keep the features of the content image.

    L = sum_l w_l mean((F_l - P_l)^2)        F of the image, P of the content; mean over h, w and c

after Gatys et al. 2016. The sources differ in the normalisation only, which is a layer's weight:

| source | term | here |
|---|---|---|
| Gatys et al. 2016, eq. 1 | 1/2 sum (F - P)^2 | `Content.half_sum` |
| Gatys' PyTorch code, Stanford report | mean (F - P)^2 | `Content.mean` |
| SqueezeNet course paper | sum (F - P)^2 | `Content.sum` |
| jaxstyle | mean (F - P)^2 / mean P^2 | `Content.relative`: free of the encoder's scale |
"""

from collections.abc import Mapping

import jax.numpy as jnp

from jaxstyle.core import Feature, Features, Loss, Scalar, Window, pytree


@pytree
class Content(Loss):
    """Squared distance to the features `target`, weighted by layer."""

    target: Features
    weight: dict[str, Scalar]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.target)

    def __call__(self, features: Features) -> Scalar:
        errors = {name: jnp.mean((features[name] - self.target[name]) ** 2) for name in self.target}
        return sum(self.weight[name] * error for name, error in errors.items())

    def sums(self, features: Features, window: Window) -> dict[str, Scalar]:
        def total(name: str) -> Scalar:
            errors = jnp.sum((features[name] - window.cut(name, self.target[name])) ** 2, -1)
            return jnp.sum(errors * window.owned(name))

        return {name: total(name) for name in self.target}

    def of_sums(self, sums: dict[str, Scalar]) -> Scalar:
        return sum(self.weight[name] * sums[name] / self.target[name].size for name in self.target)

    @classmethod
    def _scaled(cls, features: Features, weight: Mapping[str, Scalar], scale) -> "Content":
        target: dict[str, Feature] = {name: features[name] for name in weight}
        return cls(target, {name: weight[name] * scale(target[name]) for name in weight})

    @classmethod
    def mean(cls, features: Features, weight: Mapping[str, Scalar]) -> "Content":
        """Weigh the mean of squares."""
        return cls._scaled(features, weight, lambda target: 1.0)

    @classmethod
    def sum(cls, features: Features, weight: Mapping[str, Scalar]) -> "Content":
        """Weigh the sum of squares."""
        return cls._scaled(features, weight, lambda target: target.size)

    @classmethod
    def half_sum(cls, features: Features, weight: Mapping[str, Scalar]) -> "Content":
        """Weigh half the sum of squares."""
        return cls._scaled(features, weight, lambda target: target.size / 2)

    @classmethod
    def relative(cls, features: Features, weight: Mapping[str, Scalar]) -> "Content":
        """Weigh the mean of squares over that of the target (over 1 where the target is all zero)."""

        def scale(target):
            size = jnp.mean(target**2)
            return 1 / jnp.where(size > 0, size, 1)

        return cls._scaled(features, weight, scale)
