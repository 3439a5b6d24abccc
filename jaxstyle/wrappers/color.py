"""Keep the colours of the content, whatever the method (Gatys, Bethge, Hertzmann & Shechtman 2016).

    `Luminance`    method on the luminance of both; the content's two channels of colour are put back
    `Matched`      the style's colours are matched to the content's first (their preferred, linear, way),
                   as far as the noise of the style allows

In `Luminance` the style's luminance gets the mean and deviation of the content's first, as in the paper.
"""

import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax.stages import Lowered

from jaxstyle.core import Image, Mask, Method, Regions, Snapshot, pytree, regions
from jaxstyle.image.color import from_yiq, to_yiq
from jaxstyle.image.noise import noise_of
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.statistics.moments import Moments
from jaxstyle.transforms import match_covariance, match_moments
from jaxstyle.transforms.covariance import monge_within
from jaxstyle.transforms.moments import exact


def grey(image: Image) -> Image:
    """Return an image of the luminance alone."""
    return jnp.repeat(to_yiq(image)[..., :1], 3, axis=-1)


def with_colors_of(image: Image, content: Image) -> Image:
    """Return the luminance of an image with the colours of another of its size."""
    pixels = jnp.concatenate([to_yiq(image)[..., :1], to_yiq(content)[..., 1:]], axis=-1)
    return jnp.clip(from_yiq(pixels), 0, 1)


class ColorKeeping(Method):
    """Wrap a method so that the colours stay the content's; what it prepares is the style as it is."""

    method: Method

    @staticmethod
    def before(
        content: Image, style: Image, weight: Mask | None = None, style_mask: Mask | None = None
    ) -> tuple[Image, Image]:
        """Return the content and the style that the method is to see; masks tell which pixels count."""
        raise NotImplementedError

    @staticmethod
    def after(image: Image, content: Image) -> Image:
        """Return what the method made, with the content's colours."""
        raise NotImplementedError

    @property
    def tileable(self) -> bool:
        return self.method.tileable

    def in_tiles(self, tile: int) -> Self:
        return dataclasses.replace(self, method=self.method.in_tiles(tile))  # pyright: ignore

    def prepare(self, style: Image, mask: Mask | None = None) -> tuple[Image, Mask | None]:
        return style, mask

    def apply(self, content: Image, target: Any) -> Image:
        return self.after(self.method.apply(*self.seen(content, target)), content)

    def seen(self, content: Image, target: Any) -> tuple[Image, Any]:
        """Return the content and the target that the method is to see."""
        weight = target.weight if isinstance(target, Regions) else None

        def prepared(part: tuple[Image, Mask | None]) -> Any:
            style, mask = part
            return self.method.prepare(self.before(content, style, weight, mask)[1], mask)

        style, mask = regions(target)[0].target
        changed, _ = self.before(content, style, weight, mask)
        return changed, target.map(prepared) if isinstance(target, Regions) else prepared(target)

    def run(self, content: Image, target: Any, *args: Any, **kwargs: Any) -> Iterator[Snapshot]:
        for snapshot in self.method.run(*_seen(self, content, target), *args, **kwargs):
            yield snapshot.then(partial(self.after, content=content))

    def programs(self, content: Image, target: Any) -> list[tuple[Lowered, float]]:
        seen = jax.eval_shape(_seen, self, content, target)
        return [(_seen.lower(self, content, target), 1.0), *self.method.programs(*seen)]

    def remarks(self, content: Image, target: Any) -> list[str]:
        return self.method.remarks(*_seen(self, content, target))


@jax.jit
def _seen(keeping: ColorKeeping, content: Image, target: Any) -> tuple[Image, Any]:
    return keeping.seen(content, target)


@pytree
class Luminance(ColorKeeping):
    """Transfer the luminance only, and put the content's colours back."""

    method: Method

    @staticmethod
    def before(
        content: Image, style: Image, weight: Mask | None = None, style_mask: Mask | None = None
    ) -> tuple[Image, Image]:
        luminance, other = grey(content), grey(style)
        return luminance, jnp.clip(
            match_moments(other, Moments.of(luminance, weight), style_mask, exact), 0, 1
        )

    @staticmethod
    def after(image: Image, content: Image) -> Image:
        return with_colors_of(image, content)


@pytree
class Matched(ColorKeeping):
    """Give the style the content's colours first: mean and covariance, by the least movement."""

    method: Method

    @staticmethod
    def before(
        content: Image, style: Image, weight: Mask | None = None, style_mask: Mask | None = None
    ) -> tuple[Image, Image]:
        colors, way = Covariance.of(content, weight), monge_within(noise_of(style, style_mask))
        return content, jnp.clip(match_covariance(style, colors, style_mask, way), 0, 1)

    @staticmethod
    def after(image: Image, content: Image) -> Image:
        return image


KEEPERS: dict[str, type[ColorKeeping]] = {"luminance": Luminance, "matched": Matched}
