"""Second-order statistics of a feature.

    S = 1 / (h w) sum_p f_p f_p^T        (c, c): the Gram matrix of Gatys et al. 2016 per pixel
    C = S - m m^T,  m = 1 / (h w) sum_p f_p        the covariance, of Li et al. 2017 (WCT)

The mean over pixels, unlike the sum, compares images of different sizes and merges over tiles by
pixel count. Accumulated in float32 at least, at full precision on every device.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, pytree

EXACT = jax.lax.Precision.HIGHEST


@jax.custom_vjp
def _gram(flat: Float[Array, "n c"]) -> Float[Array, "c c"]:
    dtype = jnp.promote_types(flat.dtype, jnp.float32)
    return jnp.matmul(flat.T, flat, precision=EXACT, preferred_element_type=dtype)


def _backward(flat, cotangent):
    """Give the gradient by one product, not by the two that differentiation writes: S is symmetric."""
    return (jnp.matmul(flat, (cotangent + cotangent.T).astype(flat.dtype), precision=EXACT),)


_gram.defvjp(lambda flat: (_gram(flat), flat), _backward)


def second_moment(feature: Feature) -> Float[Array, "c c"]:
    """Return the mean over pixels of the outer product of the channels with themselves."""
    flat = feature.reshape(-1, feature.shape[-1])
    return _gram(flat) / flat.shape[0]


@pytree
class Covariance:
    """The mean of the channels `(c,)` and their covariance `(c, c)`."""

    mean: Float[Array, " c"]
    matrix: Float[Array, "c c"]

    @classmethod
    def of(cls, feature: Feature) -> "Covariance":
        """Summarise a feature over its pixels; centred first, which keeps small variances exact."""
        mean = jnp.mean(feature, (0, 1))
        return cls(mean, second_moment(feature - mean))
