"""What all encoders share: flavours of input, named layers, and only as deep as asked.

A flavour is what published weights expect of an image: `(image[..., order] - mean) / deviation`.
"""

from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
from flax import nnx

from jaxstyle.core import (
    Feature,
    FeatureHook,
    Features,
    Image,
    InputError,
    Loss,
    Scalar,
    TooSmallError,
    identity_hook,
    unknown_name,
)


class Flavour(NamedTuple):
    """An order of channels, and a mean and deviation for an image in [0, 1]."""

    order: tuple[int, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __call__(self, image: Image) -> Feature:
        mean, deviation = (jnp.asarray(value, image.dtype) for value in (self.mean, self.deviation))
        return (image[..., self.order] - mean) / deviation


def caffe(blue: float, green: float, red: float) -> Flavour:
    """Return the flavour of Caffe models: BGR in 0..255 less these means."""
    return Flavour((2, 1, 0), (blue / 255, green / 255, red / 255), (1 / 255,) * 3)


TORCHVISION = Flavour((0, 1, 2), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Encoder(nnx.Module):
    """A chain of named stages on one image, cut off where the asked layers end.

    A subclass gives `layers` (in order), `reduction` and `stage`, and its own default layers for
    content and style. `pool` is one of its pooling functions. One that is `tileable` gives `halo`.
    """

    tileable: ClassVar[bool] = False
    FLAVOURS: dict[str, Flavour]
    NAMES: tuple[str, ...]

    def __init__(self, flavour: str, pool: Callable[[Feature], Feature]):
        if flavour not in self.FLAVOURS:
            raise unknown_name("flavour", flavour, self.FLAVOURS)
        self.flavour, self.pool = flavour, pool

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers in order, as deep as the weights go."""
        raise NotImplementedError

    def reduction(self, layer: str) -> int:
        """Return how many pixels a side of one feature pixel of `layer` spans."""
        raise NotImplementedError

    def halo(self, layer: str) -> int:
        """Return how many pixels beyond its own a feature pixel of `layer` sees."""
        raise NotImplementedError

    def stage(self, name: str, x: Feature) -> Feature:
        """Compute the layer `name` from the one before it."""
        raise NotImplementedError

    def __call__(self, image: Image, layers: Iterable[str], hook: FeatureHook = identity_hook) -> Features:
        """Return the asked layers; `"image"` is always among them.

        `hook(layer, feature)` stands for the feature in all that follows.

        Raises `InputError` for a layer that there is not, and for an image too small to reach it.
        """
        wanted = set(layers) - {"image"}
        self._check(image, wanted)
        features, x = {"image": image}, self.FLAVOURS[self.flavour](image)
        for name in self.layers:
            if wanted <= features.keys():
                break
            x = features[name] = hook(name, self.stage(name, x))
        return {name: features[name] for name in ("image", *wanted)}

    def terms(self, loss: Loss, image: Image) -> dict[str, Scalar]:
        """Return the terms of a loss of an image."""
        return loss.terms(self(image, loss.layers))

    def with_pool(self, pool: Callable[[Feature], Feature]) -> Self:
        """Return the same network with another pooling function, sharing the parameters."""
        other = jax.tree.map(lambda leaf: leaf, self)
        other.pool = pool
        return other

    def _check(self, image: Image, wanted: set[str]) -> None:
        for name in sorted(wanted - set(self.layers)):
            if name in self.NAMES:
                raise InputError(f"layer {name} is deeper than these weights, which end at {self.layers[-1]}")
            raise unknown_name("layer", name, self.layers)
        smallest = 2 * max((self.reduction(name) for name in wanted), default=1)
        if min(image.shape[:2]) < smallest:
            raise TooSmallError(image.shape, max(wanted, key=self.layers.index), smallest)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.flavour}, to {self.layers[-1]}, {self.pool.__name__})"

    __str__ = __repr__
