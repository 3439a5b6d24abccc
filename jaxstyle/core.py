"""The algebra of style transfer: read this page first.

A style is a statistic; a method is a way to match it. One rhythm at every level: summarise the style
once, apply to content many times.

| name | signature | what |
|---|---|---|
| `Image` | `(h, w, 3)` | sRGB in [0, 1]; one image, never a batch: `vmap` at the door |
| `Features` | `{layer: (h, w, c)}` | `features["image"]` is the image itself: the image is layer zero |
| `Encoder` | `(Image, layers) -> Features` | a network; it normalises its own input |
| `Loss` | `Features -> scalar` | its leaves are its targets; `a + 1e3 * b` keeps its terms for logging |
| `Method` | `prepare(style) -> target`, `apply(content, target) -> Image` | one paper |

Losses, solvers and methods are frozen dataclasses and pytrees at once (`pytree`). Arrays and floats
are leaves: a new style, weight or learning rate does not retrace. Integers, strings, booleans, tuples
and functions are static: they choose the program.
"""

import dataclasses
import difflib
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar, dataclass_transform, get_origin

import jax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

Image = Float[Array, "h w 3"]
Feature = Float[Array, "h w c"]
Features = dict[str, Feature]
Scalar = Float[ArrayLike, ""]

T = TypeVar("T")


class InputError(ValueError):
    """What the user gave cannot be used: one line that says what to do about it."""


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a `name` that is not among the `known`, naming the nearest."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return InputError(f"unknown {kind} '{name}': {hint}there are {', '.join(names)}")


@dataclass_transform(frozen_default=True)
def pytree(cls: type[T]) -> type[T]:
    """Make `cls` a frozen dataclass and a pytree whose static fields are known by their annotations."""
    cls = dataclasses.dataclass(frozen=True, repr=False)(cls)
    cls.__repr__ = _show
    static = (int, str, bool, tuple, Callable, get_origin(Callable[[], None]))
    types = {field.name: get_origin(field.type) or field.type for field in dataclasses.fields(cls)}  # pyright: ignore
    meta = [name for name, kind in types.items() if kind in static]
    return jax.tree_util.register_dataclass(cls, [name for name in types if name not in meta], meta)


def _show(self) -> str:
    """Show the fields, functions by name, so that the text is the same in every run."""
    values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
    values = {name: dict(sorted(v.items())) if isinstance(v, dict) else v for name, v in values.items()}
    shown = (f"{name}={getattr(value, '__qualname__', value)!s}" for name, value in values.items())
    return f"{type(self).__name__}({', '.join(shown)})"


class Encoder(Protocol):
    """A network that turns an image into named features."""

    content_layers: dict[str, float]
    style_layers: dict[str, float]

    def __call__(self, image: Image, layers: Iterable[str]) -> Features: ...

    def with_pool(self, pool: Callable[[Feature], Feature]) -> "Encoder": ...


class Loss:
    """A scalar function of features, closed under `+` and multiplication by a number."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that the loss reads."""
        raise NotImplementedError

    def __call__(self, features: Features) -> Scalar:
        raise NotImplementedError

    def terms(self, features: Features) -> dict[str, Scalar]:
        """Return the addends of the loss by name, weights included."""
        return {type(self).__name__.lower(): self(features)}

    def __add__(self, other: "Loss") -> "Loss":
        return Sum([self, other])

    def __rmul__(self, weight: float) -> "Loss":
        return Weighted(weight, self)


@pytree
class Weighted(Loss):
    """A number times a loss."""

    weight: float
    loss: Loss

    @property
    def layers(self) -> tuple[str, ...]:
        return self.loss.layers

    def __call__(self, features: Features) -> Scalar:
        return self.weight * self.loss(features)

    def terms(self, features: Features) -> dict[str, Scalar]:
        return {name: self.weight * value for name, value in self.loss.terms(features).items()}


@pytree
class Sum(Loss):
    """A sum of losses; two addends of one name are logged as one."""

    losses: list[Loss]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(sorted({layer for loss in self.losses for layer in loss.layers}))

    def __call__(self, features: Features) -> Scalar:
        return sum(self.terms(features).values())

    def terms(self, features: Features) -> dict[str, Scalar]:
        terms: dict[str, Scalar] = {}
        for loss in self.losses:
            for name, value in loss.terms(features).items():
                terms[name] = terms.get(name, 0.0) + value
        return terms


class Method:
    """A way to give one image the style of another."""

    def prepare(self, style: Image) -> Any:
        """Summarise the style once."""
        raise NotImplementedError

    def apply(self, content: Image, target: Any) -> Image:
        """Return the content in the style that `target` summarises."""
        raise NotImplementedError


@jax.jit
def stylize(method: Method, content: Image, style: Image) -> Image:
    """Return `content` in the style of `style`: the one door to every method, compiled.

    Both images are sRGB in [0, 1] of any sizes; the result has the content's. `vmap` it over
    several contents, styles, or fields of the method.
    """
    return method.apply(content, method.prepare(style))
