"""The distance of a result from its style, region by region, as an encoder sees it.

    d = mean_k mean_l |S_l(image; m_k) - S_l(style; n_k)|^2 / |S_l(style; n_k)|^2

S_l: second moments (Gram matrices per pixel) of layer l under the masks m_k of the image, n_k of the
style. Zero for a style with itself; about 1 for an image whose features are nothing.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Encoder, Feature, Image, Mask, Scalar
from jaxstyle.image.masks import at
from jaxstyle.statistics.covariance import second_moment


def gram_distance(
    encoder: Encoder,
    image: Image,
    style: Image,
    image_masks: Float[Array, "k h w"] | None = None,
    style_masks: Float[Array, "k h w"] | None = None,
) -> Scalar:
    """Return the relative distance of second moments, a mean over regions and the encoder's style layers."""
    layers = tuple(encoder.style_layers)
    own, other = encoder(image, layers), encoder(style, layers)
    pairs: list[tuple[Mask | None, Mask | None]] = [(None, None)]
    if image_masks is not None and style_masks is not None:
        pairs = list(zip(image_masks, style_masks, strict=True))
    distances = [_distance(own[name], other[name], here, there) for here, there in pairs for name in layers]
    return jnp.mean(jnp.stack(distances))


def _distance(feature: Feature, other: Feature, here: Mask | None, there: Mask | None) -> Array:
    own = second_moment(feature, None if here is None else at(here, feature))
    goal = second_moment(other, None if there is None else at(there, other))
    return jnp.sum((own - goal) ** 2) / jnp.sum(goal**2)
