"""A method in tiles: any size of image in the memory of one tile, and the same picture.

Statistics are those of the whole image, and a tile's halo is as wide as the networks see, so there are
neither seams nor a drift of style from tile to tile.
"""

from collections.abc import Iterator
from typing import Any

from jax.stages import Lowered

from jaxstyle.core import Image, InputError, Loss, Mask, Method, Snapshot, pytree, static


def needs_whole(what: Method | Loss) -> InputError:
    """Return the error for what is not tileable."""
    return InputError(f"{type(what).__name__} needs the whole image at once: it cannot be tiled")


@pytree
class Tiled(Method):
    """A method on tiles of `tile` pixels a side; raises `InputError` if it is not `tileable`."""

    method: Method
    tile: int = static(default=1024)

    @property
    def in_parts(self) -> Method:
        """The method that works in tiles."""
        if not self.method.tileable:
            raise needs_whole(self.method)
        return self.method.in_tiles(self.tile)

    def pad_for_cache(self, image: Image | Mask) -> Image | Mask:
        return self.in_parts.pad_for_cache(image)

    def remarks(self, content: Image, target: Any) -> list[str]:
        return self.method.remarks(content, target)

    def prepare(self, style: Image, mask: Mask | None = None) -> Any:
        return self.in_parts.prepare(style, mask)

    def apply(self, content: Image, target: Any) -> Image:
        return self.in_parts.apply(content, target)

    def run(self, content: Image, target: Any, *args: Any, **kwargs: Any) -> Iterator[Snapshot]:
        return self.in_parts.run(content, target, *args, **kwargs)

    def programs(self, content: Image, target: Any) -> list[tuple[Lowered, float]]:
        return self.in_parts.programs(content, target)
