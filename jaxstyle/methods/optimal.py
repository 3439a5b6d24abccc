"""Optimal textures (Risser 2020) as style transfer: the joint distribution of features, level by level.

    x <- D_l(a T(y) + (1 - a) F_l(content))        for l in levels, at each size from coarse to fine
    y = (1 - b) F_l(x) + b WCT(F_l(content), F_l(style))

F_l = relu{l}_1, D_l its decoder; T is sliced optimal transport: mean and covariance first, then the quantiles
along the axes of random rotations, and at last those of the channels themselves (`transforms/slices.py`).
b, `pull`, is the paper's pull towards the content, whose details each decoder would blur otherwise; the
content it pulls to has the style's mean and covariance, so the pull costs no style. A coarse size brings
larger pieces of the style, which the next one, where x is enlarged, keeps and details.

Differs from the paper: x starts as the content, not as noise; each size is twice the one before, and gone
through once; whole features, not their principal components; mean and covariance, which rotations would
approach, are matched in closed form; levels 4 to 1, as deeper ones repaint what a photograph shows.
"""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Encoder, Feature, Image, Mask, Method, Region, part_of, pytree, static
from jaxstyle.image.masks import pool_mask
from jaxstyle.image.resize import octaves, resize
from jaxstyle.linalg import rotations
from jaxstyle.methods.transfer import Level
from jaxstyle.networks.decoders import Decoders
from jaxstyle.options import Count, Levels, Seed, Share
from jaxstyle.statistics.slices import Slices
from jaxstyle.tiling import crop_or_pad
from jaxstyle.transforms import match_covariance, match_regions, match_slices, pooled


@pytree
class OptimalTextures(Method):
    """Match the joint distribution of the features by sliced transport (Risser 2020).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
        pull: how far every level goes back to the photograph's details before it is matched
        levels: of the encoder, in order
        sizes: how many sizes are gone through, the last the picture's own, each twice the one before
        rotations: how many random sets of axes are matched at each level, one after another
        seed: seed of the axes
    """

    encoder: Encoder
    network: Decoders
    alpha: Share = 1.0
    pull: Share = 0.25
    levels: Levels = static(default=(4, 3, 2, 1))
    sizes: Count = static(default=2)
    rotations: Count = static(default=4)
    seed: Seed = 0

    def prepare(self, style: Image, mask: Mask | None = None) -> list[list[Slices]]:
        axes = cache(self._axes)  # of all sizes the same

        def summary(image: Image, level: Level) -> Slices:
            feature, _ = level.encode(image)
            weight = None
            if mask is not None:
                weight = pool_mask(level.pad(pool_mask(mask, image.shape)), feature.shape)
            return Slices.of(feature, axes(feature.shape[-1]), weight)

        return [[summary(image, level) for level in self._steps] for image in octaves(style, self.sizes)]

    def apply(self, content: Image, target: Any) -> Image:
        image = content
        for size, photograph in enumerate(octaves(content, self.sizes)):
            height, width = photograph.shape[:2]
            image = resize(image, height, width)
            for index, level in enumerate(self._steps):
                part = part_of(part_of(target, size), index)
                image = crop_or_pad(self._step(level, image, photograph, part), (height, width))
        return image

    @property
    def _steps(self) -> list[Level]:
        return [Level(self.encoder, self.network[n], n) for n in self.levels]

    def _axes(self, channels: int) -> Array:
        """Return random rotations, and the channels themselves at last: nothing falls below their zero."""
        turned = rotations(jax.random.key(self.seed), self.rotations, channels)
        return jnp.concatenate([turned, jnp.eye(channels, dtype=turned.dtype)[None]])

    def _step(self, level: Level, image: Image, content: Image, target: Any) -> Image:
        """Return what an image becomes at a level, padded as that pads it."""
        source, (feature, context) = level.encode(content)[0], level.encode(image)
        padded = lambda mask: level.pad(pool_mask(mask, content.shape))
        matched = self._matched(feature, source, pooled(target, source.shape, padded))
        return level.decode(self.alpha * matched + (1 - self.alpha) * source, context)

    def _matched(self, feature: Feature, source: Feature, parts: list[Region]) -> Feature:
        """Return the feature, pulled to the content's own, with the distribution of each region's style."""
        seconds = [part._replace(target=part.target.covariance) for part in parts]
        pulled = (1 - self.pull) * feature + self.pull * match_regions(match_covariance, source, seconds)
        return match_regions(match_slices, pulled, parts)
