"""Methods, and the snapshots that a run of one yields."""

import dataclasses
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np
from jax.core import Tracer
from jax.stages import Lowered
from jaxtyping import Array

from jaxstyle.core.errors import InputError
from jaxstyle.core.features import Image, Mask
from jaxstyle.core.loss import Loss
from jaxstyle.core.pytree import pytree
from jaxstyle.core.regions import Regions, part_of


class ResumeState(NamedTuple):
    """All that a run goes on from: the steps done, and the arrays of image and optimiser."""

    step: int
    leaves: list[Array | np.ndarray]


def unchanged(x: Array) -> Array:
    """Return what is given."""
    return x


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """Where a run is: which of its steps are done, the losses of the last ones, and the image.

    `raw` is what the method made, `image`, in [0, 1], what wrappers make of it, once somebody looks. The
    arrays of `state` are gone once the run goes on.
    """

    step: int
    steps: int
    raw: Image
    losses: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    state: ResumeState | None = None
    finish: Callable[[Image], Image] = unchanged

    @cached_property
    def image(self) -> Image:
        """The image as a user is to see it."""
        return self.finish(self.raw)

    def then(self, function: Callable[[Image], Image]) -> "Snapshot":
        """Return the same with a function of its image."""
        return dataclasses.replace(self, finish=lambda image: function(self.finish(image)))


class Method:
    """A way to give one image the style of another: a subclass gives `prepare` and `apply`, both pure.

    `KEEPS_SIZE` says that a photograph stays one, so that its own size is what a user wants. One that can be
    computed tile by tile says so, and gives `in_tiles`.
    """

    KEEPS_SIZE: ClassVar[bool] = False

    @property
    def tileable(self) -> bool:
        """Whether `in_tiles` gives the result of the whole image."""
        return False

    def in_tiles(self, tile: int) -> "Method":
        """Return the same method computed on tiles of `tile` pixels a side: see `tiling/`."""
        raise NotImplementedError

    def pad_for_cache(self, image: Image | Mask) -> Image | Mask:
        """Pad a picture or its mask so that nearby sizes share one compiled program.

        Cropping the result to the original size is exact.
        """
        return image

    def prepare(self, style: Image, mask: Mask | None = None) -> Any:
        """Summarise the style once: all of it, or what is under a mask."""
        raise NotImplementedError

    def apply(self, content: Image, target: Any) -> Image:
        """Return the content in the style that `target` summarises, or in those of `Regions`."""
        raise NotImplementedError

    def run(
        self,
        content: Image,
        target: Any,
        initial: Image | None = None,
        extra_loss: Loss | None = None,
        resume: ResumeState | None = None,
        every: int = 10,
    ) -> Iterator[Snapshot]:
        """Yield what `apply` makes, compiled: a single pass one snapshot, a descent about each `every` steps.

        A descent starts from `initial`, or goes on from the `state` of a snapshot, and minimises `extra_loss`
        as well; a single pass has none of these, and raises `InputError`.
        """
        if not (initial is None and extra_loss is None and resume is None):
            raise InputError(
                f"{type(self).__name__} makes its image in one pass: there is nothing to start from"
            )
        image = _applied(self, *self._padded(content, target))
        yield Snapshot(1, 1, image[: content.shape[0], : content.shape[1]])

    def programs(self, content: Image, target: Any) -> list[tuple[Lowered, float]]:
        """Return the programs of a run, lowered, and how often each is done; targets may be shapes."""
        shapes = (content, target) if _shared(content) else jax.eval_shape(self._padded, content, target)
        return [(_applied.lower(self, *shapes), 1.0)]

    def _padded(self, content: Image, target: Any) -> tuple[Image, Any]:
        """Return pictures padded for the cache, unless devices share their rows."""
        if _shared(content):
            return content, target
        goal = target.of_masks(self.pad_for_cache) if isinstance(target, Regions) else target
        return self.pad_for_cache(content), goal

    def remarks(self, content: Image, target: Any) -> list[str]:
        """Return lines worth telling the user about what `apply` will make of these; not to be traced."""
        return []

    @property
    def draws(self) -> bool:
        """Whether the result depends on a `seed`."""
        return hasattr(self, "seed")


@jax.jit
def _applied(method: Method, content: Image, target: Any) -> Image:
    return method.apply(content, target)


def _shared(image: Any) -> bool:
    """Tell whether devices share an image."""
    return isinstance(image, jax.Array) and not isinstance(image, Tracer) and len(image.devices()) > 1


@pytree
class Chain(Method):
    """Methods one after another, each with its own target of the same style."""

    methods: list[Method]

    @property
    def tileable(self) -> bool:
        return all(method.tileable for method in self.methods)

    def in_tiles(self, tile: int) -> "Chain":
        return Chain([method.in_tiles(tile) for method in self.methods])

    def prepare(self, style: Image, mask: Mask | None = None) -> list[Any]:
        return [method.prepare(style, mask) for method in self.methods]

    def apply(self, content: Image, target: Any) -> Image:
        for index, method in enumerate(self.methods):
            content = method.apply(content, part_of(target, index))
        return content
