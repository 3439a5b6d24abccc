"""The algebra of style transfer: read this page first.

A style is a statistic; a method is a way to match it. One rhythm at every level: summarise the style
once, apply to content many times.

| name | signature | what |
|---|---|---|
| `Image` | `(h, w, 3)` | sRGB in [0, 1]; one image, never a batch: `vmap` at the door |
| `Mask` | `(h, w)` | a weight for every pixel, in [0, 1] |
| `Features` | `{layer: (h, w, c)}` | `features["image"]` is the image itself: the image is layer zero |
| `Encoder` | `(Image, layers) -> Features` | a network; it normalises its own input |
| `Loss` | `Features -> scalar` | its leaves are its targets; `a + 1e3 * b` keeps its terms for logging |
| `Method` | `prepare(style, mask) -> target`, `apply(content, target) -> Image` | one paper |
| `Snapshot` | `method.run(content, target)` yields them | one of a single pass, many of a descent |
| `Regions` | `[target, ...], (k, h, w)` | a target too: several, each where its mask is |
| `Chain` | `[Method, ...] -> Method` | one after another |
| `Smoother` | `(image, content) -> image` | makes a result a photograph again |

Losses, optimisers and methods are frozen dataclasses and pytrees at once (`pytree`). Arrays and floats
are leaves: a new style, weight or learning rate does not retrace. Integers, strings, booleans, tuples
and functions are static: they choose the program.
"""

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, dataclass_transform, get_origin

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.stages import Lowered
from jaxtyping import Array, Float

Image = Float[Array, "h w 3"]
Mask = Float[Array, "h w"]
Feature = Float[Array, "h w c"]
Features = dict[str, Feature]
Scalar = Float[Array, ""] | float
Weights = dict[str, Mask]  # of the pixels, by layer
Change = Callable[[str, Feature], Feature]  # of the feature at a layer

T = TypeVar("T")


class InputError(ValueError):
    """What the user gave cannot be used: one line that says what to do about it."""


class TooSmallError(InputError):
    """A picture of `size` pixels, rows and columns, has too few for a network."""

    def __init__(self, shape: tuple[int, ...], what: str, least: int):
        self.size = shape[:2]
        super().__init__(
            f"an image of {shape[1]}x{shape[0]} px is too small for {what}: it takes {least}x{least}"
        )


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a `name` that is not among the `known`, naming one that is near."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return InputError(f"unknown {kind} '{name}': {hint}there are {', '.join(names)}")


@dataclass_transform(frozen_default=True)
def pytree(cls: type[T]) -> type[T]:
    """Make `cls` a frozen dataclass and a pytree whose static fields are known by their annotations.

    Not by `register_dataclass`: to JAX 0.10 two classes of like fields are then one structure, and one may
    be given the program of the other.
    """
    cls = dataclasses.dataclass(frozen=True, repr=False)(cls)
    cls.__repr__ = _show
    static = (int, str, bool, tuple, Callable, get_origin(Callable[[], None]))
    types = {field.name: get_origin(field.type) or field.type for field in dataclasses.fields(cls)}  # pyright: ignore
    meta = [name for name, kind in types.items() if kind in static]
    data = [name for name in types if name not in meta]
    keys = [jax.tree_util.GetAttrKey(name) for name in data]

    def flatten(node: T) -> tuple[list[Any], tuple]:
        return [getattr(node, name) for name in data], tuple(getattr(node, name) for name in meta)

    def flatten_with_keys(node: T) -> tuple[list[tuple], tuple]:
        children, values = flatten(node)
        return list(zip(keys, children, strict=True)), values

    def unflatten(values: tuple, children: Iterable[Any]) -> T:
        return cls(**dict(zip(meta, values, strict=True)), **dict(zip(data, children, strict=True)))

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls


def _show(self) -> str:
    """Show the fields, functions by name, so that the text is the same in every run."""
    values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
    values = {name: dict(sorted(v.items())) if isinstance(v, dict) else v for name, v in values.items()}
    shown = (f"{name}={_named(value)}" for name, value in values.items())
    return f"{type(self).__name__}({', '.join(shown)})"


def _named(value: Any) -> str:
    """Return the name of a function, of a classmethod with the class that it is bound to; else the text."""
    owner = getattr(value, "__self__", None)
    if isinstance(owner, type):
        return f"{owner.__qualname__}.{value.__name__}"
    if isinstance(value, tuple) and any(map(callable, value)):
        return f"({', '.join(map(_named, value))})"
    return str(getattr(value, "__qualname__", value))


def keep(layer: str, feature: Feature) -> Feature:
    """Change nothing."""
    return feature


class Encoder(Protocol):
    """A network that turns an image into named features."""

    @property
    def tileable(self) -> bool: ...

    @property
    def content_layers(self) -> dict[str, float]: ...

    @property
    def style_layers(self) -> dict[str, float]: ...

    @property
    def layers(self) -> tuple[str, ...]: ...

    def __call__(self, image: Image, layers: Iterable[str], change: Change = keep) -> Features: ...

    def with_pool(self, pool: Callable[[Feature], Feature]) -> "Encoder": ...

    def reduction(self, layer: str) -> int: ...

    def halo(self, layer: str) -> int: ...

    def terms(self, loss: "Loss", image: Image) -> dict[str, Scalar]: ...


class Smoother(Protocol):
    """Makes a result look like a photograph of what the content shows."""

    def __call__(self, image: Image, content: Image) -> Image: ...


class Loss:
    """A scalar function of features, closed under `+` and multiplication by a number.

    A subclass gives `layers`, `sums` and `finish`, from which all else follows. One that is no function of
    sums over pixels, as it compares patches or quantiles, gives `__call__` and says `tileable = False`.
    `weight` tells how much each pixel of a layer counts, `(h, w)` by layer; by default all count alike.
    """

    tileable: bool = True

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that the loss reads."""
        raise NotImplementedError

    def sums(self, features: Features, weight: Weights | None = None) -> Any:
        """Return what the loss adds up over pixels, as a pytree; of parts of an image they add up."""
        return self(features, weight)

    def finish(self, sums: Any) -> Scalar:
        """Return the loss, given the sums over all pixels."""
        return sums

    def crop(self, crop: Callable[[str, Array], Array]) -> "Loss":
        """Return the loss of a part of the image, which `crop(layer, map)` cuts out of a map of the layer."""
        return self

    def __call__(self, features: Features, weight: Weights | None = None) -> Scalar:
        return sum(self.terms(features, weight).values())

    def finish_terms(self, sums: Any) -> dict[str, Scalar]:
        """Return the addends of the loss by name, weights included, given the sums over all pixels."""
        return {type(self).__name__.lower(): self.finish(sums)}

    def terms(self, features: Features, weight: Weights | None = None) -> dict[str, Scalar]:
        """Return the addends of the loss by name, weights included."""
        return self.finish_terms(self.sums(features, weight))

    def __add__(self, other: "Loss") -> "Loss":
        return Sum([self, other])

    def __rmul__(self, weight: float) -> "Loss":
        return Sum([self], [weight])


@pytree
class Sum(Loss):
    """A sum of losses, times `weights` if there are any; addends of one name are logged as one."""

    losses: list[Loss]
    weights: list[float] | None = None

    @property
    def tileable(self) -> bool:  # pyright: ignore
        return all(loss.tileable for loss in self.losses)

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(sorted({layer for loss in self.losses for layer in loss.layers}))

    def sums(self, features: Features, weight: Weights | None = None) -> list:
        return [loss.sums(features, weight) for loss in self.losses]

    def crop(self, crop: Callable[[str, Array], Array]) -> "Loss":
        return Sum([loss.crop(crop) for loss in self.losses], self.weights)

    def finish_terms(self, sums: list) -> dict[str, Scalar]:
        terms: dict[str, Scalar] = {}
        for loss, part, weight in zip(self.losses, sums, self.weights or [1.0] * len(sums), strict=True):
            for name, value in loss.finish_terms(part).items():
                terms[name] = terms.get(name, 0.0) + weight * value
        return terms


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

    `WEIGHTS` names what it was trained to, if it was; `KEEPS_SIZE` says that a photograph stays one, so that
    its own size is what a user wants; `NEEDS_STYLE` whether it looks at a style. One that can be computed
    tile by tile says so, and gives `in_tiles`.
    """

    WEIGHTS: ClassVar[str | None] = None
    KEEPS_SIZE: ClassVar[bool] = False
    NEEDS_STYLE: ClassVar[bool] = True

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
            part = lambda targets, index=index: targets[index]
            content = method.apply(content, target.map(part) if isinstance(target, Regions) else part(target))
        return content


def styled(method: Method, content: Image, style, *masks) -> Image:
    """Return the content in the style, or styles; `masks` are those of `prepared`. Pure, to be compiled."""
    return method.apply(content, prepared(method, style, *masks))


def padded(method: Method, style, content_mask=None, style_mask=None, content_weight=None) -> tuple:
    """Return the arguments of `prepared`, styles padded so that nearby sizes share a program."""
    pad = lambda picture: None if picture is None else method.pad_for_cache(picture)
    style = [pad(each) for each in style] if isinstance(style, list) else pad(style)
    return style, content_mask, None if style_mask is None else [*map(pad, style_mask)], content_weight


def summarise(method: Method, *given: Any) -> Any:
    """Return the target of what `prepared` takes, compiled."""
    return prepare_compiled(method, *padded(method, *given))


def prepared(method: Method, style, content_mask=None, style_mask=None, content_weight=None) -> Any:
    """Return the target of one style, or of several and of regions.

    `content_mask` tells where each of several styles goes, or of one style each region of `style_mask`, which
    for several styles holds one each; `content_weight` is that of `Regions`. Masks have their picture's size.
    """
    masks: Any = [None] if style_mask is None else list(style_mask)
    if content_mask is None and content_weight is None and not isinstance(style, list) and len(masks) == 1:
        return method.prepare(style, masks[0])
    styles = style if isinstance(style, list) else [style] * len(masks)
    masks = masks if len(masks) == len(styles) else masks * len(styles)
    where = jnp.full((len(styles), 1, 1), 1 / len(styles)) if content_mask is None else content_mask
    if not len(styles) == len(masks) == len(where):
        raise InputError(f"{len(where)} regions of the content, {len(styles)} of styles: give as many")
    return Regions([method.prepare(*pair) for pair in zip(styles, masks, strict=True)], where, content_weight)


prepare_compiled = jax.jit(prepared)
