"""Refine what any method makes in one pass: a few steps of descent from it.

    image = descend(from method(content))        the loss of Gatys et al. 2016, at full size

A single pass brings the colours and most of the strokes, in a hundredth of a descent's time; what its decoder
blurs or weaves is what few steps of descent mend first.
"""

from collections.abc import Iterator
from typing import Any

from jax.stages import Lowered

from jaxstyle.core import Encoder, Image, Mask, Method, Snapshot, part_of, pytree
from jaxstyle.methods.descent import Descent
from jaxstyle.methods.gatys import Gatys
from jaxstyle.optimizers import LBFGS

STYLE_WEIGHT = 100.0  # few steps do not lose the content


def refinement(encoder: Encoder, steps: int) -> Gatys:
    """Return the descent that refines by default: of Gatys et al., at full size, with all its pairs."""
    optimizer = LBFGS(memory=min(steps, LBFGS.memory))
    return Gatys(encoder, optimizer, steps=steps, pyramid=(), style_weight=STYLE_WEIGHT)


@pytree
class Refined(Method):
    """A method, and a descent from what it makes; each has its own target of the same style."""

    method: Method
    descent: Descent

    @property
    def draws(self) -> bool:
        return self.method.draws

    @property
    def tileable(self) -> bool:
        return self.method.tileable and self.descent.tileable

    def in_tiles(self, tile: int) -> "Refined":
        return Refined(self.method.in_tiles(tile), self.descent.in_tiles(tile))

    def prepare(self, style: Image, mask: Mask | None = None) -> tuple[Any, Any]:
        return self.method.prepare(style, mask), self.descent.prepare(style, mask)

    def apply(self, content: Image, target: Any) -> Image:
        first = self.method.apply(content, part_of(target, 0))
        return self.descent.apply(content, part_of(target, 1), first)

    def run(
        self, content: Image, target: Any, initial: Image | None = None, *args: Any, **kwargs: Any
    ) -> Iterator[Snapshot]:
        *_, snapshot = self.method.run(content, part_of(target, 0), initial)
        yield from self.descent.run(content, part_of(target, 1), snapshot.image, *args, **kwargs)

    def programs(self, content: Image, target: Any) -> list[tuple[Lowered, float]]:
        first, then = part_of(target, 0), part_of(target, 1)
        return [*self.method.programs(content, first), *self.descent.programs(content, then)]

    def remarks(self, content: Image, target: Any) -> list[str]:
        return self.method.remarks(content, part_of(target, 0))
