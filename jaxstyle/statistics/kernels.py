"""The kernel mean: the mean over pixels of a kernel's feature map (Smola et al. 2007).

    mu = mean_p phi(f_p),    k(x, y) = phi(x) . phi(y),    MMD^2 = |mu - mu'|^2

| kernel | k(x, y) | phi | mu |
|---|---|---|---|
| `Linear` | x . y | x | the mean: BN-statistics without the deviation |
| `Polynomial` | (x . y)^2 | x x^T | the second moment: the Gram matrix |
| `Gaussian` | exp(-g abs(x - y)^2) | random Fourier features | approximate |

A mean of features is linear in the number of pixels, where pairs of pixels are quadratic. Li et al. 2017
take random pairs instead; for the Gaussian kernel the features of Rahimi & Recht 2007 have the smaller
variance, and the same loss at every step.
"""

from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Mask, pytree
from jaxstyle.statistics.covariance import outer_sum
from jaxstyle.statistics.moments import Moments, nonzero, pixel_count, pixel_sum


@runtime_checkable
class Kernel(Protocol):
    """A kernel by its feature map, `norm` a number that its mean is divided by."""

    @property
    def norm(self) -> float: ...

    def pixel_sum(self, feature: Feature, weight: Mask | None = None) -> Array:
        """Return the weighted sum of the feature map over the pixels."""
        ...


@pytree
class Linear:
    """x . y"""

    norm = 1.0

    def pixel_sum(self, feature: Feature, weight: Mask | None = None) -> Float[Array, " c"]:
        return pixel_sum(feature, weight)


@pytree
class Polynomial:
    """(x . y)^2"""

    norm = 1.0

    def pixel_sum(self, feature: Feature, weight: Mask | None = None) -> Float[Array, "c c"]:
        return outer_sum(feature, weight)


@pytree
class Gaussian:
    """exp(-gamma |x - y|^2), by `frequencies` (c, d), normal of variance 2 gamma."""

    frequencies: Float[Array, "c d"]
    gamma: Float[Array, ""]

    @classmethod
    def of(cls, feature: Feature, weight: Mask | None = None, count: int = 512, seed: int = 0) -> "Gaussian":
        """Return the kernel of gamma one over the mean squared distance of two pixels (Li et al. 2017)."""
        gamma = 1 / (2 * jnp.sum(Moments.of(feature, weight).variance) + jnp.finfo(feature.dtype).tiny)
        draw = jax.random.normal(jax.random.key(seed), (feature.shape[-1], count), feature.dtype)
        return cls(jnp.sqrt(2 * gamma) * draw, gamma)

    def pixel_sum(self, feature: Feature, weight: Mask | None = None) -> Float[Array, " waves"]:
        phase = jnp.matmul(feature, self.frequencies, precision="highest")
        waves = jnp.concatenate([jnp.cos(phase), jnp.sin(phase)], axis=-1)
        return pixel_sum(waves, weight)

    @property
    def norm(self) -> float:
        return self.frequencies.shape[1] ** 0.5


@pytree
class KernelMean:
    """The mean of a kernel's feature map, and the weight of the pixels."""

    kernel: Kernel
    mean: Array
    weight: Float[Array, ""]

    @classmethod
    def of(cls, feature: Feature, kernel: Kernel, weight: Mask | None = None) -> "KernelMean":
        """Summarise a feature over its pixels."""
        size = nonzero(pixel_count(feature, weight))
        return cls(kernel, kernel.pixel_sum(feature, weight) / size / kernel.norm, size)

    def merge(self, other: "KernelMean") -> "KernelMean":
        """Return the kernel mean of the pixels of both, in the kernel of the first."""
        size = self.weight + other.weight
        return KernelMean(self.kernel, (self.weight * self.mean + other.weight * other.mean) / size, size)
