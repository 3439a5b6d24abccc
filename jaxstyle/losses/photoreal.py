"""The photorealism loss: in every window an affine function of the content's colours (Luan et al. 2017).

    L = w sum_c V_c^T M V_c        M the content's matting Laplacian, V_c the channels of the image in [0, 1]

| source | w | here |
|---|---|---|
| Luan et al. 2017 | 1: a sum over pixels | `Photoreal.sum` |
| jaxstyle | 1 / (h w): means the same for every size | `Photoreal.mean` |

See `image/matting.py`.
"""

from jaxstyle.core import Features, Image, Loss, Scalar, Weights, pytree
from jaxstyle.image.matting import Laplacian


@pytree
class Photoreal(Loss):
    """Energy of the image in the matting Laplacian of the content."""

    tileable = False

    laplacian: Laplacian
    weight: Scalar

    @classmethod
    def sum(cls, content: Image) -> "Photoreal":
        """Weigh the sum over pixels."""
        return cls(Laplacian.of(content), 1.0)

    @classmethod
    def mean(cls, content: Image) -> "Photoreal":
        """Weigh the mean over pixels."""
        return cls(Laplacian.of(content), 1 / content[..., 0].size)

    @property
    def layers(self) -> tuple[str, ...]:
        return ("image",)

    def __call__(self, features: Features, weight: Weights | None = None) -> Scalar:
        return self.weight * self.laplacian.energy(features["image"])
