"""First images: what a descent starts from.

    start(content, style, seed) -> image        of the content's size, in [0, 1]

`STARTS` names them. Of several styles a descent takes the mean of what each gives.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxstyle.core import Image
from jaxstyle.options import one_of
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.transforms import match_covariance
from jaxstyle.transforms.covariance import monge


def from_content(content: Image, style: Image, seed: ArrayLike) -> Image:
    """Start from the content."""
    return content


def from_style(content: Image, style: Image, seed: ArrayLike) -> Image:
    """Start from the style, resized to the content's size."""
    return jax.image.resize(style, content.shape, "linear", antialias=True).astype(content.dtype)


def from_noise(content: Image, style: Image, seed: ArrayLike) -> Image:
    """Start from white noise: normal, mean 1/2, standard deviation 1/4, clipped to [0, 1]."""
    noise = jax.random.normal(jax.random.key(seed), content.shape, content.dtype)
    return jnp.clip(0.5 + 0.25 * noise, 0, 1)


def from_colors(content: Image, style: Image, seed: ArrayLike) -> Image:
    """Start from the content in the style's colours: their mean and covariance, by the least movement."""
    return jnp.clip(match_covariance(content, Covariance.of(style), whitening=monge), 0, 1)


Start = Callable[[Image, Image, ArrayLike], Image]
STARTS: dict[str, Start] = {
    "content": from_content,
    "style": from_style,
    "noise": from_noise,
    "colors": from_colors,
}
UNSTYLED: dict[str, Start] = {"content": from_content, "noise": from_noise}  # of methods without a style
AnyStart = Annotated[Start, one_of(STARTS, Path)]
UnstyledStart = Annotated[Start, one_of(UNSTYLED, Path)]
