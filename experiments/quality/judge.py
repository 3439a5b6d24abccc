"""Judges: what of the style and of the content is in a picture, and what flaws it has, as numbers.

| number | what | best |
|---|---|---|
| style | what is left of the content's distance from the style (`StyleRemainder`) | 0; content 1 |
| lpips | LPIPS to the content | 0 |
| grain | over the mean of content's and style's | about 1 |
| grid | the largest peak of the spectrum at 2 and 4 pixels | 1, or the content's |
| weave | how much of the fine texture runs along rows or columns | 1, or the content's or style's |
| unpainted | share of windows with less than a tenth of the texture of the style's median | the style's own |

The first judge sees by VGG-16, the second, kept aside, by AlexNet, each with LPIPS' published heads, which
come with the weights `vgg16` and `alexnet`, downloaded once. No method is made through either.
"""

from typing import NamedTuple

import jax

from jaxstyle.core import Image, Scalar
from jaxstyle.image.resize import resize
from jaxstyle.metrics import LPIPS, StyleRemainder, grain, grid, unpainted, weave


class Judge(NamedTuple):
    """A network with LPIPS' heads, and the layers whose second moments are its style."""

    lpips: LPIPS
    layers: tuple[str, ...]


def first() -> Judge:
    """Return the judge that sees by VGG-16."""
    return Judge(LPIPS.load("vgg16"), ("relu1_2", "relu2_2", "relu3_3", "relu4_3"))


def second() -> Judge:
    """Return the judge that sees by AlexNet."""
    return Judge(LPIPS.load("alexnet"), ("relu1", "relu2", "relu3", "relu5"))


class Case(NamedTuple):
    """A pair as a judge sees it; summarised once, for many pictures."""

    lpips: LPIPS
    remainder: StyleRemainder
    content: Image
    style: Image

    @classmethod
    def of(cls, judge: Judge, content: Image, style: Image) -> "Case":
        remainder = jax.jit(StyleRemainder.of, static_argnums=1)(
            judge.lpips.encoder, judge.layers, content, style
        )
        return cls(judge.lpips, remainder, content, style)

    def likeness(self, image: Image) -> dict[str, float]:
        """Return how near an image of about the content's size is to style and content."""
        return dict(zip(("style", "lpips"), map(float, _likeness(self, image)), strict=True))


@jax.jit
def _likeness(case: Case, image: Image) -> tuple[Scalar, Scalar]:
    return case.remainder(image), case.lpips(resize(image, *case.content.shape[:2]), case.content)


@jax.jit
def _flaws(image: Image, content: Image, style: Image) -> dict[str, Scalar]:
    usual = (grain(content) + grain(style)) / 2
    return {
        "grain": grain(image) / usual,
        "grid": grid(image),
        "weave": weave(image),
        "unpainted": unpainted(image, style),
    }


def flaws(image: Image, content: Image, style: Image) -> dict[str, float]:
    """Return the grain, the grid, the weave and the unpainted share of an image; no network is asked."""
    return {name: float(value) for name, value in _flaws(image, content, style).items()}
