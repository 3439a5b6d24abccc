"""The distance of a result from its style, region by region, as an encoder sees it.

    d = mean_k mean_l |S_l(image; m_k) - S_l(style; n_k)|^2 / |S_l(style; n_k)|^2

S_l: second moments (Gram matrices per pixel) of layer l under the masks m_k of the image, n_k of the
style; or C_l, their covariances. Zero for a style with itself; 1 for an image whose features are nothing.

    r = mean_j mean_l |S_l(image_j) - S_l(style_j)|^2 / |S_l(content_j) - S_l(style_j)|^2

`StyleRemainder`, at whole, half and a quarter of the size (j), asks what of the content's distance is left:
it is 1 at the content whatever the pair, so means over pairs compare methods. Its encoder is to be one that
no method was made through.
"""

from collections.abc import Callable, Iterable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxstyle.core import Encoder, Feature, Image, Mask, Scalar, pytree
from jaxstyle.image.masks import Masks, pool_mask
from jaxstyle.image.resize import resize
from jaxstyle.statistics.covariance import Covariance, second_moment

REDUCTIONS = (1, 2, 4)


def style_distance(
    matrix: Callable[[Feature, Mask | None], Array],
    encoder: Encoder,
    image: Image,
    style: Image,
    image_masks: Masks | None = None,
    style_masks: Masks | None = None,
) -> Scalar:
    """Return the relative distance of a statistic, a mean over regions and the encoder's style layers.

    Where only one side has masks, the other is looked at whole.
    """
    layers = tuple(encoder.style_layers)
    features, goals = encoder(image, layers), encoder(style, layers)
    regions = next((len(masks) for masks in (image_masks, style_masks) if masks is not None), 1)
    here, there = ([None] * regions if masks is None else masks for masks in (image_masks, style_masks))
    under = lambda feature, mask: matrix(feature, None if mask is None else pool_mask(mask, feature.shape))

    def distance(name: str, here: Mask | None, there: Mask | None) -> Array:
        goal = under(goals[name], there)
        return jnp.sum((under(features[name], here) - goal) ** 2) / jnp.sum(goal**2)

    pairs = zip(here, there, strict=True)
    return jnp.mean(jnp.stack([distance(name, *pair) for pair in pairs for name in layers]))


gram_distance = partial(style_distance, second_moment)
"""The relative distance of second moments."""

covariance_distance = partial(style_distance, lambda feature, mask: Covariance.of(feature, mask).matrix)
"""The relative distance of covariances."""


@pytree
class StyleRemainder:
    """What an image leaves of its content's distance from the style: 0 at the style, 1 at the content."""

    encoder: Encoder
    goals: list[dict[str, Array]]  # by size, by layer
    units: list[dict[str, Array]]

    @classmethod
    def of(cls, encoder: Encoder, layers: Iterable[str], content: Image, style: Image) -> "StyleRemainder":
        """Summarise a pair, as the layers of an encoder see it."""
        goals = _second_moments(encoder, tuple(layers), style)
        moments = _second_moments(encoder, tuple(layers), content)
        return cls(encoder, goals, jax.tree.map(_squared, moments, goals))

    def __call__(self, image: Image) -> Scalar:
        moments = _second_moments(self.encoder, tuple(self.goals[0]), image)
        squares = jax.tree.map(_squared, moments, self.goals)
        return jnp.mean(jnp.stack(jax.tree.leaves(jax.tree.map(_over, squares, self.units))))


def _second_moments(encoder: Encoder, layers: tuple[str, ...], image: Image) -> list[dict[str, Array]]:
    height, width = image.shape[:2]
    sizes = (resize(image, height // k, width // k) if k > 1 else image for k in REDUCTIONS)
    features = [encoder(each, layers) for each in sizes]
    return [{name: second_moment(each[name]) for name in layers} for each in features]


def _squared(moments: Array, goal: Array) -> Array:
    return jnp.sum((moments - goal) ** 2)


def _over(square: Array, unit: Array) -> Array:
    return square / jnp.maximum(unit, jnp.finfo(unit.dtype).tiny)
