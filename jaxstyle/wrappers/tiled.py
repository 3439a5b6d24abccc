"""Tiles: any size of image in the memory of one tile, and the same picture (see `windows.py`).

Statistics are those of the whole image, and every tile sees as far beyond its borders as the networks do, so
there are no seams and no drift of style from tile to tile.
"""

from typing import Any

from jaxstyle.core import Image, Mask, Method, pytree


@pytree
class Tiled(Method):
    """A method on tiles of `tile` pixels a side."""

    method: Method
    tile: int = 1024

    def remarks(self, content: Image, target: Any) -> list[str]:
        return self.method.remarks(content, target)

    def rounded(self, image: Image | Mask) -> Image | Mask:
        return self.method.rounded(image)

    def prepare(self, style: Image, mask: Mask | None = None) -> Any:
        return self.method.prepare_by_windows(style, mask, self.tile)

    def apply(self, content: Image, target: Any) -> Image:
        return self.method.by_windows(content, target, self.tile)
