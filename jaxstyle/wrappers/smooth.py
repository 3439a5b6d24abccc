"""Smooth what a method makes by what the content shows: see `smoothing/`."""

from typing import Any

from jaxstyle.core import Image, Mask, Method, Smoother, pytree


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

    def prepare(self, style: Image, mask: Mask | None = None) -> Any:
        return self.method.prepare(style, mask)

    def apply(self, content: Image, target: Any) -> Image:
        return self.smoother(self.method.apply(content, target), content)
