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

from collections.abc import Callable, Mapping

import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Feature, Features, Loss, Scalar, Weights, pytree
from jaxstyle.statistics.moments import nonzero, square_sum


@pytree
class Content(Loss):
    """Squared distance to the features `target`, weighted by layer."""

    target: Features
    weight: dict[str, Scalar]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.target)

    def sums(self, features: Features, weight: Weights | None = None) -> dict[str, tuple]:
        mask = weight or dict.fromkeys(self.target)
        return {name: square_sum(features[name] - x, mask[name]) for name, x in self.target.items()}

    def finish(self, sums: dict[str, tuple]) -> Scalar:
        errors = {name: total / nonzero(count) for name, (total, count) in sums.items()}
        return sum(self.weight[name] * error for name, error in errors.items())

    def crop(self, crop: Callable[[str, Array], Array]) -> "Content":
        return Content({name: crop(name, target) for name, target in self.target.items()}, self.weight)

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
