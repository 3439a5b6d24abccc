"""Maximum mean discrepancy: match the kernel mean of the style's features (Li, Wang, Liu & Hou 2017).

    L = sum_l w_l |mu_l - nu_l|^2        mu, nu: the kernel means of image and style

The Gram loss is the one of the polynomial kernel. The paper's code takes random pairs of pixels, and
scales by 2e3 (linear), 1e-1 (polynomial), 3e14 (Gaussian) on features of 0..255; here `relative` divides
by |nu|^2.
"""

import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Feature, Mask, Scalar, pytree
from jaxstyle.losses.statistical import Averaged
from jaxstyle.statistics.kernels import Gaussian, Kernel, KernelMean, Linear, Polynomial


@pytree
class MMD(Averaged):
    """Squared distance of kernel means; the Gaussian kernel, or what a subclass says."""

    @staticmethod
    def kernel(feature: Feature, weight: Mask | None) -> Kernel:
        """Return the kernel for the features of a style."""
        return Gaussian.of(feature, weight)

    @classmethod
    def summary(cls, feature: Feature, weight: Mask | None) -> KernelMean:
        return KernelMean.of(feature, cls.kernel(feature, weight), weight)

    @classmethod
    def pixel_sum(cls, feature: Feature, target: KernelMean, weight: Mask | None) -> Array:
        return target.kernel.pixel_sum(feature, weight)

    @staticmethod
    def apart(average: Array, target: KernelMean) -> Scalar:
        return jnp.sum((average - target.mean) ** 2)

    @staticmethod
    def size(target: KernelMean) -> Scalar:
        return jnp.sum(target.mean**2)


@pytree
class LinearMMD(MMD):
    """The same with the linear kernel: means alone."""

    @staticmethod
    def kernel(feature: Feature, weight: Mask | None) -> Kernel:
        return Linear()


@pytree
class PolynomialMMD(MMD):
    """The same with the kernel (x . y)^2: the Gram loss, summed instead of averaged."""

    @staticmethod
    def kernel(feature: Feature, weight: Mask | None) -> Kernel:
        return Polynomial()
