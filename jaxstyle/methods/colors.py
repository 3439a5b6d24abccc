"""Colour transfer: the transforms of the table on pixels, between two changes of colour space.

| method | statistic | space | paper |
|---|---|---|---|
| `Reinhard` | moments | l alpha beta | Reinhard, Ashikhmin, Gooch & Shirley 2001 |
| `Monge` | covariance, optimal transport | sRGB | Pitie & Kokaram 2007 |
| `Pitie` | joint distribution, sliced transport | sRGB | Pitie, Kokaram & Dahyot 2005 |
| `ColorHistogram` | quantiles of every channel | sRGB | e.g. Gonzalez & Woods |

No network, no weights: the image is layer zero.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxstyle.core import Feature, Image, Mask, pytree
from jaxstyle.image.color import from_lab, to_lab
from jaxstyle.methods.transfer import Transfer
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.statistics.moments import Moments
from jaxstyle.statistics.patches import Patches
from jaxstyle.statistics.quantiles import Quantiles
from jaxstyle.transforms import match_covariance, match_moments, match_quantiles, match_sliced
from jaxstyle.transforms.covariance import monge
from jaxstyle.windows import Pass, Size


class ColorTransfer(Transfer):
    """Match a statistic of the colours, in sRGB unless a subclass says otherwise."""

    def encode(self, image: Image) -> Feature:
        return image

    def render(self, feature: Feature) -> Image:
        return jnp.clip(feature, 0, 1)

    def encoding(self, image: Size) -> Pass:
        return Pass(lambda maps, own: (self.encode(maps[0]),), image, image)


@pytree
class Reinhard(ColorTransfer):
    """Match mean and deviation of the colours in l alpha beta (Reinhard et al. 2001).

    `alpha`: 0 keeps the photograph, 1 is all style
    """

    alpha: Array | float = 1.0

    def encode(self, image: Image) -> Feature:
        return to_lab(image)

    def render(self, feature: Feature) -> Image:
        return jnp.clip(from_lab(feature), 0, 1)

    def summary(self, feature: Feature, weight: Mask | None) -> Moments:
        return Moments.of(feature, weight)

    def match(
        self, feature: Feature, target: Moments, weight: Mask | None, own: Moments | None = None
    ) -> Feature:
        return match_moments(feature, target, weight, own)


@pytree
class Monge(ColorTransfer):
    """Match mean and covariance of the colours by the least movement (Pitie & Kokaram 2007).

    `alpha`: 0 keeps the photograph, 1 is all style
    """

    alpha: Array | float = 1.0

    def summary(self, feature: Feature, weight: Mask | None) -> Covariance:
        return Covariance.of(feature, weight)

    def match(
        self, feature: Feature, target: Covariance, weight: Mask | None, own: Covariance | None = None
    ) -> Feature:
        return match_covariance(feature, target, weight, monge, own)


@pytree
class Pitie(ColorTransfer):
    """Match the whole distribution of the colours by sliced transport (Pitie et al. 2005).

    `alpha`: 0 keeps the photograph, 1 is all style
    `rotations`: how many random axes are matched, one after another
    `seed`: seed of the axes
    """

    alpha: Array | float = 1.0
    rotations: int = 20
    seed: ArrayLike = 0

    def summary(self, feature: Feature, weight: Mask | None) -> Patches:
        return Patches.of(feature, 1, weight)

    def match(self, feature: Feature, target: Patches, weight: Mask | None, own: None = None) -> Feature:
        return match_sliced(feature, target, weight, self.rotations, self.seed)


@pytree
class ColorHistogram(ColorTransfer):
    """Match the histograms of red, green and blue.

    `alpha`: 0 keeps the photograph, 1 is all style
    """

    alpha: Array | float = 1.0

    def summary(self, feature: Feature, weight: Mask | None) -> Quantiles:
        return Quantiles.of(feature, weight)

    def match(self, feature: Feature, target: Quantiles, weight: Mask | None, own: None = None) -> Feature:
        return match_quantiles(feature, target, weight)
