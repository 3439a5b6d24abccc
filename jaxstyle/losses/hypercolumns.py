"""The nearest-neighbour loss: every hypercolumn like one of the style's (Kolkin et al. 2022).

    F_p = (s_l F_l : l) at p                 a hypercolumn: all layers there, at a quarter of the size
    L = mean_p |F_p - T_p|^2 / (|F_p|^2 + |T_p|^2)
    T_p = S_n(p),   n(p) = argmax_j cos(Q_p - mean Q, S_j - mean S)

T is chosen by `match`, once, for a query Q. Differs from the paper: its loss is 1 - cos(F_p, T_p), which is L
where both are equally long; as a cosine knows no length, contrast grew here until black and white were
clipped. `s_l` makes the mean square of a layer's length in the style its weight, so layers count alike in
every encoder; the paper divides a layer by its number of channels. Layers are made smaller by an antialiased
filter, there by one that skips pixels.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxstyle.core import Feature, Features, Loss, Mask, Scalar, Weights, pytree
from jaxstyle.image.masks import pool_mask
from jaxstyle.statistics.moments import weighted_mean
from jaxstyle.statistics.patches import Patches

REDUCTION = 4  # pixels a side, of which there is one hypercolumn


def hypercolumns(features: Features, scale: Mapping[str, Scalar]) -> Feature:
    """Return the layers of `scale`, times its numbers, side by side at a quarter of the image's size."""
    height, width = (max(side // REDUCTION, 1) for side in features["image"].shape[:2])

    def resized(feature: Feature) -> Feature:
        return jax.image.resize(feature, (height, width, feature.shape[2]), "linear", antialias=True)

    return jnp.concatenate([scale[name] * resized(features[name]) for name in scale], axis=-1)


def unit_scale(
    features: Features, weight: Mapping[str, Scalar], mask: Mask | None = None
) -> dict[str, Scalar]:
    """Return what makes the mean square of the layers' lengths, under a mask of the image, these weights."""

    def size(feature: Feature) -> Scalar:
        pooled = None if mask is None else pool_mask(mask, feature.shape)
        return jnp.sum(weighted_mean(feature**2, pooled))

    sizes = {name: size(features[name]) for name in weight}
    return {name: jnp.sqrt(weight[name] / jnp.where(size > 0, size, 1)) for name, size in sizes.items()}


def match(style: Patches, query: Feature, weight: Mask | None = None) -> Feature:
    """Return for each vector of a query the style's whose deviation from the mean points most its way.

    `style` are hypercolumns as patches of side 1; `weight` tells what of the query counts in its mean.
    """
    source = Patches.of(query, 1, weight).centered()
    return style.values[style.centered().nearest(source.values)].reshape(query.shape)


@pytree
class Hypercolumns(Loss):
    """The mean distance of hypercolumns to `target`, `(h // 4, w // 4, c)`, relative to their lengths."""

    tileable = False

    target: Feature
    scale: dict[str, Scalar]

    @property
    def layers(self) -> tuple[str, ...]:
        return ("image", *self.scale)

    def __call__(self, features: Features, weight: Weights | None = None) -> Scalar:
        columns = hypercolumns(features, self.scale)
        squares = jnp.sum(columns**2 + self.target**2, axis=-1, keepdims=True)
        nonzero = jnp.maximum(squares, jnp.finfo(squares.dtype).tiny)
        errors = jnp.sum((columns - self.target) ** 2, axis=-1, keepdims=True) / nonzero
        pooled = None if weight is None else pool_mask(weight["image"], errors.shape)
        return weighted_mean(errors, pooled)[0]
