"""The distance of a result from its style, region by region, as an encoder sees it.

    d = mean_k mean_l |S_l(image; m_k) - S_l(style; n_k)|^2 / |S_l(style; n_k)|^2

S_l: second moments (Gram matrices per pixel) of layer l under the masks m_k of the image, n_k of the
style; or C_l, their covariances. Zero for a style with itself; 1 for an image whose features are nothing.
"""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from jaxtyping import Array

from jaxstyle.core import Encoder, Feature, Image, Mask, Scalar
from jaxstyle.image.masks import Masks, pool_mask
from jaxstyle.statistics.covariance import Covariance, second_moment


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
    own, other = encoder(image, layers), encoder(style, layers)
    regions = next((len(masks) for masks in (image_masks, style_masks) if masks is not None), 1)
    here, there = ([None] * regions if masks is None else masks for masks in (image_masks, style_masks))
    under = lambda feature, mask: matrix(feature, None if mask is None else pool_mask(mask, feature.shape))

    def distance(name: str, here: Mask | None, there: Mask | None) -> Array:
        goal = under(other[name], there)
        return jnp.sum((under(own[name], here) - goal) ** 2) / jnp.sum(goal**2)

    pairs = zip(here, there, strict=True)
    return jnp.mean(jnp.stack([distance(name, *pair) for pair in pairs for name in layers]))


gram_distance = partial(style_distance, second_moment)
"""The relative distance of second moments."""

covariance_distance = partial(style_distance, lambda feature, mask: Covariance.of(feature, mask).matrix)
"""The relative distance of covariances."""
