"""First and second moments of every channel: its mean and its standard deviation.

    m = mean_p f_p,    s = sqrt(mean_p (f_p - m)^2 + epsilon)        (c,) each

Conventions: the variance is biased (divided by h w), epsilon = 1e-5 stands inside the root, so a flat
channel has a finite gradient. AdaIN's Lua code has it as here with 1e-6, its PyTorch port divides by
h w - 1.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, pytree

EPSILON = 1e-5


@pytree
class Moments:
    """The mean and the standard deviation of every channel."""

    mean: Float[Array, " c"]
    deviation: Float[Array, " c"]

    @classmethod
    def of(cls, feature: Feature) -> "Moments":
        """Summarise a feature over its pixels."""
        mean = jnp.mean(feature, (0, 1))
        return cls(mean, jnp.sqrt(jnp.mean((feature - mean) ** 2, (0, 1)) + EPSILON))
