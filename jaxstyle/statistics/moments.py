"""First and second moments of every channel: its mean and its standard deviation.

    m = mean_p f_p,    s = sqrt(mean_p (f_p - m)^2 + epsilon)        (c,) each

Conventions: means are weighted by a mask where there is one; the variance is biased (divided by h w),
epsilon = 1e-5 stands inside the root, so a flat channel has a finite gradient, and networks were trained
with it. AdaIN's Lua code has it as here with 1e-6, its PyTorch port divides by h w - 1. `exact_deviation`
has no epsilon: on colours, whose deviations may be as small as 0.006, it would show.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Mask, pytree

EPSILON = 1e-5


def weighted_mean(feature: Feature, weight: Mask | None = None) -> Float[Array, " c"]:
    """Return the mean over pixels; zero where nothing has weight."""
    if weight is None:
        return jnp.mean(feature, (0, 1))
    return pixel_sum(feature, weight) / total(weight)


def total(weight: Mask) -> Float[Array, ""]:
    """Return the sum of the weights, never quite zero."""
    return nonzero(jnp.sum(weight))


def nonzero(size: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Return sums of weights to divide by, never quite zero."""
    return jnp.maximum(size, jnp.finfo(size.dtype).tiny)


def pixel_sum(feature: Feature, weight: Mask | None = None) -> Float[Array, " c"]:
    """Return the weighted sum over pixels: unlike a mean it adds up over the parts of an image."""
    return jnp.sum(feature if weight is None else feature * weight[..., None], (0, 1))


def square_sum(feature: Feature, weight: Mask | None = None) -> tuple[Array, Array]:
    """Return the weighted sum of squares over pixels and channels, and how many there are."""
    return jnp.sum(pixel_sum(feature**2, weight)), feature.shape[-1] * pixel_count(feature, weight)


def pixel_count(feature: Feature, weight: Mask | None = None) -> Float[Array, ""]:
    """Return the number of pixels, or the sum of their weights; in float32 at least."""
    dtype = jnp.promote_types(feature.dtype, jnp.float32)
    return jnp.asarray(feature[..., 0].size, dtype) if weight is None else jnp.sum(weight.astype(dtype))


@pytree
class Moments:
    """The mean and the variance of every channel, and the weight of the pixels."""

    mean: Float[Array, " c"]
    variance: Float[Array, " c"]
    weight: Float[Array, ""]

    @property
    def deviation(self) -> Float[Array, " c"]:
        """The standard deviation, never zero."""
        return jnp.sqrt(self.variance + EPSILON)

    @property
    def exact_deviation(self) -> Float[Array, " c"]:
        """The standard deviation without epsilon; its gradient at zero is zero."""
        some = self.variance > 0
        return jnp.where(some, jnp.sqrt(jnp.where(some, self.variance, 1)), 0)

    @classmethod
    def of(cls, feature: Feature, weight: Mask | None = None) -> "Moments":
        """Summarise a feature over its pixels."""
        mean = weighted_mean(feature, weight)
        size = jnp.asarray(feature[..., 0].size, feature.dtype) if weight is None else total(weight)
        return cls(mean, weighted_mean((feature - mean) ** 2, weight), size)

    def merge(self, other: "Moments") -> "Moments":
        """Return the moments of the pixels of both."""
        size = self.weight + other.weight
        a, b = self.weight / size, other.weight / size
        apart = (self.mean - other.mean) ** 2
        variance = a * self.variance + b * other.variance + a * b * apart
        return Moments(a * self.mean + b * other.mean, variance, size)
