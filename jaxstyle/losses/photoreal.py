"""The photorealism loss: in every window an affine function of the content's colours (Luan et al. 2017).

    L = sum_c V_c^T M V_c        M the content's matting Laplacian, V_c the channels of the image in [0, 1]

A sum over pixels, as in the paper: weight 1e4 there. See `image/matting.py`.
"""

from jaxstyle.core import Features, Image, Loss, Scalar, pytree
from jaxstyle.image.matting import EPSILON, Laplacian


@pytree
class Photoreal(Loss):
    """Energy of the image in the matting Laplacian of the content."""

    laplacian: Laplacian

    @classmethod
    def of(cls, content: Image, epsilon: float = EPSILON) -> "Photoreal":
        """Build the Laplacian of the content."""
        return cls(Laplacian.of(content, epsilon))

    @property
    def layers(self) -> tuple[str, ...]:
        return ("image",)

    def __call__(self, features: Features) -> Scalar:
        return self.laplacian.energy(features["image"])
