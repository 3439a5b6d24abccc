"""Coarse to fine: a descent at a fraction of the size first, and from there on at ever larger ones.

    x_0 = descend(content / 2^n, style / 2^n)
    x_k = descend(content / 2^(n - k), style / 2^(n - k), from x_{k-1} enlarged)

What a network sees of an image is a fixed number of pixels, so patterns of the style larger than that are
found where the image is small, and kept as it grows (Gatys et al. 2017, section 5). Steps there cost a
quarter, a sixteenth, ... of those at full size.

Conventions: content and styles are halved together by Lanczos' filter; the method's own steps are those at
full size. The loss at full size falls no faster than from the content: larger patterns are what this is for.
"""

import dataclasses
from typing import Any, Self

from jaxstyle.core import Image, Mask, Regions, pytree, static
from jaxstyle.image.masks import resize_mask
from jaxstyle.image.resize import resize
from jaxstyle.methods.descent import Descent, Stage, Staged


def halved(image: Image, times: int) -> Image:
    """Return an image at half the size, so many times."""
    height, width = (max(round(side / 2**times), 1) for side in image.shape[:2])
    return resize(image, height, width) if times else image


@pytree
class Pyramid(Staged):
    """A descent, `steps` of it at coarser sizes first: the last number's is half the content's."""

    method: Descent
    steps: tuple[int, ...] = static()

    def prepare(self, style: Image, mask: Mask | None = None) -> list[Any]:
        def level(times: int) -> Any:
            small = halved(style, times)
            return self.method.prepare(small, None if mask is None else resize_mask(mask, *small.shape[:2]))

        return [level(times) for times in range(len(self.steps), -1, -1)]

    def stages(self, content: Image, target: Any) -> list[Stage]:
        def level(times: int) -> list[Stage]:
            part = lambda every: every[-1 - times]
            own = target.map(part) if isinstance(target, Regions) else part(target)
            size = halved(content, times).shape[:2]
            own = own.of_masks(lambda mask: resize_mask(mask, *size)) if isinstance(own, Regions) else own
            method = dataclasses.replace(self.method, steps=self.steps[-times]) if times else self.method
            return method.stages(halved(content, times), own)

        return [stage for times in range(len(self.steps), -1, -1) for stage in level(times)]

    @property
    def tileable(self) -> bool:
        return self.method.tileable

    def in_tiles(self, tile: int) -> Self:
        return dataclasses.replace(self, method=self.method.in_tiles(tile))
