"""Any loss of the pixels under a mask: they count as much as the mask says.

L(F; m),    m pooled to the resolution of each layer        guided by Gatys et al. 2017
"""

from collections.abc import Callable
from typing import Any

from jax import Array

from jaxstyle.core import Features, Loss, Mask, Scalar, Weights, pytree
from jaxstyle.image.masks import pool_mask


@pytree
class Masked(Loss):
    """A loss under a mask of the image's size, or of 1 x 1; masks under masks multiply."""

    loss: Loss
    mask: Mask

    @property
    def tileable(self) -> bool:  # pyright: ignore
        return self.loss.tileable

    @property
    def layers(self) -> tuple[str, ...]:
        return self.loss.layers

    def sums(self, features: Features, weight: Weights | None = None) -> Any:
        pooled = {name: pool_mask(self.mask, features[name].shape) for name in self.layers}
        both = {name: mask if weight is None else mask * weight[name] for name, mask in pooled.items()}
        return self.loss.sums(features, both)

    def crop(self, crop: Callable[[str, Array], Array]) -> "Masked":
        mask = self.mask if self.mask.shape == (1, 1) else crop("image", self.mask)
        return Masked(self.loss.crop(crop), mask)

    def finish_terms(self, sums: Any) -> dict[str, Scalar]:
        return self.loss.finish_terms(sums)
