"""Second-order statistics of a feature.

    S = 1 / (h w) sum_p f_p f_p^T        (c, c): the Gram matrix of Gatys et al. 2016 per pixel
    C = S - m m^T,  m = 1 / (h w) sum_p f_p        the covariance, of Li et al. 2017 (WCT)

The mean over pixels, unlike the sum, compares images of different sizes and merges over tiles by
pixel count; a mask weighs the pixels. Accumulated in float32 at least, at full precision on every device.
Of few channels XLA's CPU product adds up one pixel after another, which loses 2 % at 12 megapixels: they
are summed channel by channel instead, in a tree.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Mask, pytree
from jaxstyle.statistics.moments import total, weighted_mean

EXACT = jax.lax.Precision.HIGHEST
FEW = 4  # channels


@jax.custom_vjp
def _gram(flat: Float[Array, "n c"]) -> Float[Array, "c c"]:
    dtype = jnp.promote_types(flat.dtype, jnp.float32)
    if flat.shape[1] <= FEW:
        channels = list(flat.astype(dtype).T)
        half = [[jnp.sum(a * b) for b in channels[: c + 1]] for c, a in enumerate(channels)]
        return jnp.stack(
            [jnp.stack([half[max(c, d)][min(c, d)] for d in range(len(half))]) for c in range(len(half))]
        )
    return jnp.matmul(flat.T, flat, precision=EXACT, preferred_element_type=dtype)


def _backward(flat, cotangent):
    """Give the gradient by one product, not by the two that differentiation writes: S is symmetric."""
    return (jnp.matmul(flat, (cotangent + cotangent.T).astype(flat.dtype), precision=EXACT),)


_gram.defvjp(lambda flat: (_gram(flat), flat), _backward)


def outer_sum(feature: Feature, weight: Mask | None = None) -> Float[Array, "c c"]:
    """Return the sum over pixels of the outer product of the channels with themselves."""
    if weight is not None:
        feature = feature * jnp.sqrt(weight)[..., None]
    return _gram(feature.reshape(-1, feature.shape[-1]))


def second_moment(feature: Feature, weight: Mask | None = None) -> Float[Array, "c c"]:
    """Return the mean over pixels of the outer product of the channels with themselves."""
    return outer_sum(feature, weight) / (feature[..., 0].size if weight is None else total(weight))


@pytree
class Covariance:
    """The mean of the channels, their covariance, and the weight of the pixels."""

    mean: Float[Array, " c"]
    matrix: Float[Array, "c c"]
    weight: Float[Array, ""]

    @classmethod
    def of(cls, feature: Feature, weight: Mask | None = None) -> "Covariance":
        """Summarise a feature over its pixels; centred first, which keeps small variances exact."""
        mean = weighted_mean(feature, weight)
        size = jnp.asarray(feature[..., 0].size, feature.dtype) if weight is None else total(weight)
        return cls(mean, second_moment(feature - mean, weight), size)

    def merge(self, other: "Covariance") -> "Covariance":
        """Return the covariance of the pixels of both."""
        size = self.weight + other.weight
        a, b = self.weight / size, other.weight / size
        apart = jnp.outer(self.mean - other.mean, self.mean - other.mean)
        matrix = a * self.matrix + b * other.matrix + a * b * apart
        return Covariance(a * self.mean + b * other.mean, matrix, size)
