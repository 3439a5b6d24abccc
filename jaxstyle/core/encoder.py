"""What a network, and a smoother of results, has to give."""

from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

from jaxstyle.core.features import Feature, Features, Image, Scalar
from jaxstyle.core.loss import Loss

FeatureHook = Callable[[str, Feature], Feature]  # of a layer and its feature, what goes on from there


def identity_hook(layer: str, feature: Feature) -> Feature:
    """Change nothing."""
    return feature


@runtime_checkable
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

    def __call__(
        self, image: Image, layers: Iterable[str], hook: FeatureHook = identity_hook
    ) -> Features: ...

    def with_pool(self, pool: Callable[[Feature], Feature]) -> "Encoder": ...

    def reduction(self, layer: str) -> int: ...

    def halo(self, layer: str) -> int: ...

    def terms(self, loss: Loss, image: Image) -> dict[str, Scalar]: ...


@runtime_checkable
class Smoother(Protocol):
    """Makes a result look like a photograph of what the content shows."""

    def __call__(self, image: Image, content: Image) -> Image: ...
