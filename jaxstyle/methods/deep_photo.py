"""Deep photo style transfer (Luan, Paris, Shechtman & Bala, CVPR 2017).

    image = argmin_x  a Content(x) + b sum_k Gram(x; style, k) + t Variation(x) + l Photoreal(x; content)

k are the regions of the masks: `core.Regions`, any number of them. The authors descend twice, and so does
`author`: first without the photorealism, then with it from where that ended.

The default weighs losses relative to their targets and starts from the content in the style's colours,
region by region, which leaves the descent less to do and no halves of a sky. `author` is the authors'
code: weights 5 and 100, total variation 1e-3, 1e4 for the photorealism, from noise, 1,000 steps twice. It
differs in that masks are averaged down to a layer, not passed through the convolutions, and in the
matting Laplacian, which is that of the content as it is, not of one of 700 px.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxstyle.core import Encoder, Image, Loss, Mask, pytree, static
from jaxstyle.image.masks import pool_mask
from jaxstyle.losses import Content, Gram, Photoreal
from jaxstyle.methods.descent import Descent
from jaxstyle.methods.gatys import Gatys, firsts
from jaxstyle.methods.starts import AnyStart, from_colors, from_noise
from jaxstyle.networks.vgg import WIDTHS
from jaxstyle.options import Count, Number
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.transforms import match_covariance, match_regions, pooled
from jaxstyle.transforms.covariance import monge


class Colored(NamedTuple):
    """A style, summarised: its loss, its picture, and its colours under the mask."""

    loss: Loss
    style: Image
    colors: Covariance


@pytree
class DeepPhoto(Gatys):
    """Give a photograph the light of another, region by region, its edges kept.

    Attributes:
        photo_weight: weight of the photorealism: 0 is painting
        paint_steps: steps without the photorealism, before those with it
    """

    PYRAMID = ()
    PRESETS = {"author": "vgg19"}
    KEEPS_SIZE = True

    style_weight: Number = 100.0
    init: AnyStart = static(default=from_colors)
    photo_weight: Number = 1e4
    photo_loss: Callable[[Image], Loss] = static(default=Photoreal.mean)
    paint_steps: Count = static(default=0)
    steps: Count = static(default=300)

    def target(self, style: Image, mask: Mask | None) -> Colored:
        base = super().target(style, mask)
        colors = Covariance.of(style, None if mask is None else pool_mask(mask, style.shape))
        return Colored(base.loss, base.style, colors)

    @property
    def tileable(self) -> bool:
        return False

    def initial_image(self, content: Image, target: Any) -> Image:
        """Return the image to start from; colours are matched region by region."""
        if self.init is not from_colors:
            return super().initial_image(content, target)
        match = lambda image, part, mask: match_covariance(image, part.colors, mask, monge)
        return jnp.clip(match_regions(match, content, pooled(target, content.shape)), 0, 1)

    def loss(self, content: Image, target: Any) -> Loss:
        return super().loss(content, target) + self.photo_weight * self.photo_loss(content)

    def descents(self) -> list[Descent]:
        """Return the descent without the photorealism, where it is asked for, and that with it."""
        if not self.paint_steps:
            return [self]
        painting = Painting(**{field.name: getattr(self, field.name) for field in dataclasses.fields(self)})
        return [dataclasses.replace(painting, steps=self.paint_steps), self]

    @classmethod
    def author(cls, encoder: Encoder) -> "DeepPhoto":
        """Luan et al.'s Lua code: 1,000 steps from noise without the photorealism, 1,000 with it at 1e4."""
        return cls(
            encoder,
            content_weight=5.0,
            style_weight=100.0,
            tv_weight=1e-3 * 255**2,
            photo_loss=Photoreal.sum,
            paint_steps=1000,
            content_layers={"relu4_2": 1.0},
            style_layers=firsts("relu", [1 / width**2 for width in WIDTHS]),
            content_loss=Content.mean,
            style_loss=Gram.mean,
            steps=1000,
            pyramid=(),
            init=from_noise,
        )


@pytree
class Painting(DeepPhoto):
    """The first of both descents: without the photorealism, from the same start."""

    def loss(self, content: Image, target: Any) -> Loss:
        return Gatys.loss(self, content, target)
