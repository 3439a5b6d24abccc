"""Optimal textures (Risser 2020) as style transfer: the joint distribution of features, level by level.

    x <- D_l(a T(y) + (1 - a) F_l(content))        for l in levels
    y = (1 - b) F_l(x) + b WCT(F_l(content), F_l(style))

F_l = relu{l}_1, D_l its decoder; T is sliced optimal transport: mean and covariance first, then the quantiles
along the axes of random rotations, and at last those of the channels themselves (`transforms/slices.py`).
b, `pull`, is the paper's pull towards the content, whose details each decoder would blur otherwise; the
content it pulls to has the style's mean and covariance, so the pull costs no style.

Differs from the paper: x starts as the content, not as noise, at its own size and once, not in passes from
coarse to fine; whole features, not their principal components; mean and covariance, which rotations would
approach, are matched in closed form; levels 4 to 1, as deeper ones repaint what a photograph shows.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Encoder, Feature, Image, Mask, Method, Region, Regions, pytree, static
from jaxstyle.image.masks import pool_mask
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
        rotations: how many random sets of axes are matched at each level, one after another
        seed: seed of the axes
    """

    encoder: Encoder
    network: Decoders
    alpha: Share = 1.0
    pull: Share = 0.25
    levels: Levels = static(default=(4, 3, 2, 1))
    rotations: Count = static(default=4)
    seed: Seed = 0

    @property
    def _features(self) -> list[Level]:
        return [Level(self.encoder, self.network[n], n) for n in self.levels]

    def _axes(self, channels: int) -> Array:
        """Return random rotations, and the channels themselves at last: nothing falls below their zero."""
        turned = rotations(jax.random.key(self.seed), self.rotations, channels)
        return jnp.concatenate([turned, jnp.eye(channels)[None]])

    def prepare(self, style: Image, mask: Mask | None = None) -> list[Slices]:
        def summary(level: Level) -> Slices:
            feature, _ = level.encode(style)
            weight = None if mask is None else pool_mask(level.pad(mask), feature.shape)
            return Slices.of(feature, self._axes(feature.shape[-1]), weight)

        return [summary(level) for level in self._features]

    def apply(self, content: Image, target: Any) -> Image:
        image = content
        for index, level in enumerate(self._features):
            part = (
                target.map(lambda parts, i=index: parts[i]) if isinstance(target, Regions) else target[index]
            )
            own, (feature, context) = level.encode(content)[0], level.encode(image)
            matched = self._matched(feature, own, pooled(part, own.shape, level.pad))
            blend = self.alpha * matched + (1 - self.alpha) * own
            image = crop_or_pad(level.decode(blend, context), content.shape[:2])
        return image

    def _matched(self, feature: Feature, own: Feature, parts: list[Region]) -> Feature:
        """Return the feature, pulled to the content's own, with the distribution of each region's style."""
        seconds = [part._replace(target=part.target.covariance) for part in parts]
        pulled = (1 - self.pull) * feature + self.pull * match_regions(match_covariance, own, seconds)
        return match_regions(match_slices, pulled, parts)
