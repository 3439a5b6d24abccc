"""The distance of a result from its style, region by region, as an encoder sees it.

    d = mean_k mean_l |S_l(image; m_k) - S_l(style; n_k)|^2 / |S_l(style; n_k)|^2

S_l: second moments (Gram matrices per pixel) of layer l under the masks m_k of the image, n_k of the
style; or C_l, their covariances. Zero for a style with itself; 1 for an image whose features are nothing.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Encoder, Feature, Image, Mask, Scalar
from jaxstyle.image.masks import at
from jaxstyle.statistics.covariance import Covariance, second_moment

Masks = Float[Array, "k h w"]


def gram_distance(
    encoder: Encoder,
    image: Image,
    style: Image,
    image_masks: Masks | None = None,
    style_masks: Masks | None = None,
) -> Scalar:
    """Return the relative distance of second moments, a mean over regions and the encoder's style layers."""
    return _mean(second_moment, encoder, image, style, image_masks, style_masks)


def covariance_distance(
    encoder: Encoder,
    image: Image,
    style: Image,
    image_masks: Masks | None = None,
    style_masks: Masks | None = None,
) -> Scalar:
    """Return the relative distance of covariances, a mean over regions and the encoder's style layers."""
    covariance = lambda feature, mask: Covariance.of(feature, mask).matrix
    return _mean(covariance, encoder, image, style, image_masks, style_masks)


def _mean(
    matrix: Callable[[Feature, Mask | None], Array],
    encoder: Encoder,
    image: Image,
    style: Image,
    image_masks: Masks | None,
    style_masks: Masks | None,
) -> Scalar:
    layers = tuple(encoder.style_layers)
    own, other = encoder(image, layers), encoder(style, layers)
    pairs: list[tuple[Mask | None, Mask | None]] = [(None, None)]
    if image_masks is not None and style_masks is not None:
        pairs = list(zip(image_masks, style_masks, strict=True))
    under = lambda feature, mask: matrix(feature, None if mask is None else at(mask, feature))

    def distance(name: str, here: Mask | None, there: Mask | None) -> Array:
        goal = under(other[name], there)
        return jnp.sum((under(own[name], here) - goal) ** 2) / jnp.sum(goal**2)

    return jnp.mean(jnp.stack([distance(name, here, there) for here, there in pairs for name in layers]))
