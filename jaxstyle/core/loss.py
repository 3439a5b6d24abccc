"""Losses: scalar functions of features, closed under addition and scaling."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Array

from jaxstyle.core.features import Features, Scalar, Weights
from jaxstyle.core.pytree import pytree


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
