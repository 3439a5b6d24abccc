"""Total variation: neighbouring pixels should differ little.

    L = sum_p phi(x_{p + down} - x_p) + sum_p phi(x_{p + right} - x_p)        over all channels

phi is the square (Shuvo's course paper; the default) or the modulus (beta = 2 and 1 in the Stanford
report). A sum over pixels in [0, 1]: implementations that work in 0..255 need a weight 255^2 (255)
times smaller for the same pull.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array

from jaxstyle.core import Features, Loss, Scalar, Window, pytree


@pytree
class Variation(Loss):
    """Sum of `phi` of the differences between neighbouring pixels."""

    phi: Callable[[Array], Array] = jnp.square

    @property
    def layers(self) -> tuple[str, ...]:
        return ("image",)

    def __call__(self, features: Features) -> Scalar:
        x = features["image"]
        return jnp.sum(self.phi(x[1:] - x[:-1])) + jnp.sum(self.phi(x[:, 1:] - x[:, :-1]))

    def sums(self, features: Features, window: Window) -> Scalar:
        x, own = features["image"], window.owned("image")[..., None]
        down, right = self.phi(x[1:] - x[:-1]) * own[:-1], self.phi(x[:, 1:] - x[:, :-1]) * own[:, :-1]
        return jnp.sum(down) + jnp.sum(right)

    def of_sums(self, sums: Scalar) -> Scalar:
        return sums
