"""Smooth what a method makes by what the content shows: see `smoothing/`."""

from collections.abc import Iterator
from typing import Any

import jax
from jax.stages import Lowered

from jaxstyle.core import Image, Mask, Method, Smoother, Snapshot, pytree


@pytree
class Smoothed(Method):
    """Any method, and a smoother after it."""

    method: Method
    smoother: Smoother

    @property
    def tileable(self) -> bool:
        return self.method.tileable

    def in_tiles(self, tile: int) -> "Smoothed":
        return Smoothed(self.method.in_tiles(tile), self.smoother)

    def pad_for_cache(self, image: Image | Mask) -> Image | Mask:
        return self.method.pad_for_cache(image)

    def prepare(self, style: Image, mask: Mask | None = None) -> Any:
        return self.method.prepare(style, mask)

    def apply(self, content: Image, target: Any) -> Image:
        return self.smoother(self.method.apply(content, target), content)

    def run(self, content: Image, target: Any, *args: Any, **kwargs: Any) -> Iterator[Snapshot]:
        for snapshot in self.method.run(content, target, *args, **kwargs):
            yield snapshot.then(lambda image: _smooth(self.smoother, image, content))

    def programs(self, content: Image, target: Any) -> list[tuple[Lowered, float]]:
        return self.method.programs(content, target)

    def remarks(self, content: Image, target: Any) -> list[str]:
        return self.method.remarks(content, target)


@jax.jit
def _smooth(smoother: Smoother, image: Image, content: Image) -> Image:
    return smoother(image, content)
