"""The Gram loss: match the second moments of the style's features.

    S_l = 1 / (h w) sum_p f_p f_p^T,    L = sum_l w_l mean((S_l - A_l)^2)        mean over c x c

after Gatys et al. 2016. Every convention in use is this formula with another layer weight, because
the number of pixels is in S already (c channels, content and style of one size where sums are meant):

| source | term | layer weight here |
|---|---|---|
| Gatys et al. 2016, eq. 4 | 1 / (4 c^2 (hw)^2) sum (G - A)^2 | 1/4 |
| Gatys' PyTorch code | 1e3 / c^2 mean (G/hw - A/hw)^2 | 1e3 / c^2 |
| Stanford report, SqueezeNet paper, fast-neural-style | sum (G/chw - A/chw)^2 | 1 |
| neural-style | mean (G/chw - A/chw)^2 | 1 / c^2 |
| jaxstyle | sum (S - A)^2 / sum A^2 | `Gram.relative`: free of the encoder's scale |
"""

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Features, Loss, Scalar, pytree
from jaxstyle.statistics.covariance import second_moment


@pytree
class Gram(Loss):
    """Squared distance to the second moments `target`, weighted by layer."""

    target: dict[str, Float[Array, "c c"]]
    weight: dict[str, Scalar]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.target)

    def __call__(self, features: Features) -> Scalar:
        moments = {name: second_moment(features[name]) for name in self.target}
        errors = {name: jnp.mean((moments[name] - self.target[name]) ** 2) for name in moments}
        return sum(self.weight[name] * error for name, error in errors.items())

    @classmethod
    def mean(cls, features: Features, weight: Mapping[str, Scalar]) -> "Gram":
        """Weigh the mean of squares."""
        return cls({name: second_moment(features[name]) for name in weight}, dict(weight))

    @classmethod
    def relative(cls, features: Features, weight: Mapping[str, Scalar]) -> "Gram":
        """Weigh the mean of squares over that of the target (over 1 where the target is all zero)."""
        loss = cls.mean(features, weight)
        sizes = {name: jnp.mean(target**2) for name, target in loss.target.items()}
        return cls(
            loss.target, {name: weight[name] / jnp.where(size > 0, size, 1) for name, size in sizes.items()}
        )
