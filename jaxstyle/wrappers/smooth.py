"""Smooth what a method makes by what the content shows: see `smoothing/`."""

from typing import Any

from jaxstyle.core import Image, Mask, Method, Smoother, pytree


@pytree
class Smoothed(Method):
    """Any method, and a smoother after it."""

    method: Method
    smoother: Smoother

    def prepare(self, style: Image, mask: Mask | None = None) -> Any:
        return self.method.prepare(style, mask)

    def prepare_by_windows(self, style: Image, mask: Mask | None, tile: int) -> Any:
        return self.method.prepare_by_windows(style, mask, tile)

    def by_windows(self, content: Image, target: Any, tile: int) -> Image:
        return self.smoother(self.method.by_windows(content, target, tile), content)

    def apply(self, content: Image, target: Any) -> Image:
        return self.smoother(self.method.apply(content, target), content)
