"""The distance of a result from its style, region by region, as an encoder sees it.

    d = mean_k mean_l |S_l(image; m_k) - S_l(style; n_k)|^2 / |S_l(style; n_k)|^2

S_l: second moments (Gram matrices per pixel) of layer l under the masks m_k of the image, n_k of the
style. Zero for a style with itself; about 1 for an image whose features are nothing.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Encoder, Image, Scalar
from jaxstyle.losses import Gram


def gram_distance(
    encoder: Encoder,
    image: Image,
    style: Image,
    image_masks: Float[Array, "k h w"] | None = None,
    style_masks: Float[Array, "k h w"] | None = None,
) -> Scalar:
    """Return the relative distance of second moments, a mean over regions and the encoder's style layers."""
    layers = encoder.style_layers
    own, other = encoder(image, layers), encoder(style, layers)
    if image_masks is None or style_masks is None:
        return Gram.relative(other, layers)(own)
    pairs = zip(image_masks, style_masks, strict=True)
    distances = [Gram.relative(other, layers, there).on(here)(own) for here, there in pairs]
    return jnp.mean(jnp.stack([jnp.asarray(distance) for distance in distances]))
