"""Total variation: neighbouring pixels should differ little.

    L = sum_p phi(x_{p + down} - x_p) + sum_p phi(x_{p + right} - x_p)        over all channels

phi is the square (Shuvo's course paper; the default) or the modulus (beta = 2 and 1 in the Stanford
report). A sum over pixels in [0, 1]: implementations that work in 0..255 need a weight 255^2 (255)
times smaller for the same pull.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array

from jaxstyle.core import Features, Loss, Scalar, Weights, pytree, static


@pytree
class Variation(Loss):
    """Sum of `phi` of the differences between neighbouring pixels."""

    phi: Callable[[Array], Array] = static(default=jnp.square)

    @property
    def layers(self) -> tuple[str, ...]:
        return ("image",)

    def sums(self, features: Features, weight: Weights | None = None) -> Scalar:
        x = features["image"]
        down, right = self.phi(x[1:] - x[:-1]), self.phi(x[:, 1:] - x[:, :-1])
        if weight is not None:  # of the upper and of the left of two neighbours
            mask = weight["image"][..., None]
            down, right = down * mask[:-1], right * mask[:, :-1]
        return jnp.sum(down) + jnp.sum(right)
