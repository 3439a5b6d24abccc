"""The distance of a result from its content, as an encoder sees it.

d = mean_l |F_l(image) - F_l(content)|^2 / |F_l(content)|^2    F_l: features of the encoder's content layers

Zero for the content itself; 1 for an image whose features are nothing.
"""

import jax.numpy as jnp

from jaxstyle.core import Encoder, Image, Scalar


def content_distance(encoder: Encoder, image: Image, content: Image) -> Scalar:
    """Return the relative distance of features, a mean over the encoder's content layers."""
    layers = tuple(encoder.content_layers)
    features, goals = encoder(image, layers), encoder(content, layers)
    distance = lambda name: jnp.sum((features[name] - goals[name]) ** 2) / jnp.sum(goals[name] ** 2)
    return jnp.mean(jnp.stack([distance(name) for name in layers]))
