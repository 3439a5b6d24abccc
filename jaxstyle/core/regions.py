"""Several targets in one image, each where its mask is."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float

from jaxstyle.core.features import Mask
from jaxstyle.core.pytree import pytree


@pytree
class Regions:
    """Several targets, each where its mask is: spatial control, and the interpolation of styles.

    `masks` are `(k, h, w)` of the content's size, in [0, 1], and add up to at most 1: where they do not
    reach it, the content stays. `(k, 1, 1)` mixes all targets everywhere. `weight` tells which pixels of the
    content count: the statistics of what it hides, as of transparent pixels, are not looked at.
    """

    targets: list[Any]
    masks: Float[Array, "k h w"]
    weight: Mask | None = None

    def map(self, function: Callable[[Any], Any]) -> "Regions":
        """Return the same regions with a function of each target."""
        return Regions([function(target) for target in self.targets], self.masks, self.weight)

    def of_masks(self, function: Callable[[Mask], Mask]) -> "Regions":
        """Return the same regions with a function of each mask, and of the weight; shares have no size."""
        masks = self.masks if self.masks.shape[1:] == (1, 1) else jax.vmap(function)(self.masks)
        return Regions(self.targets, masks, None if self.weight is None else function(self.weight))


def part_of(target: Any, index: int) -> Any:
    """Return one of the parts that a target has, or that the target of every region has."""
    part = lambda parts: parts[index]
    return target.map(part) if isinstance(target, Regions) else part(target)


class Region(NamedTuple):
    """A target, where it goes, and with what weight the content's pixels count in its statistics."""

    target: Any
    mask: Mask | None = None
    weight: Mask | None = None


def regions(target: Any) -> list[Region]:
    """Return the regions of a target: one, of all pixels, if it is not `Regions`."""
    if not isinstance(target, Regions):
        return [Region(target)]
    weight = lambda mask: mask if target.weight is None else mask * target.weight
    return [Region(part, mask, weight(mask)) for part, mask in zip(target.targets, target.masks, strict=True)]
