"""GPDM: the patches of the style, without a network (Elnekave & Weiss 2022).

    x <- mean over the patches that hold a pixel of  a T(P(x)) + (1 - a) P(x)        `passes` times a size
    x_k = enlarged x_{k-1} + d (content_k - enlarged content_{k-1})                  from coarse to fine

P: all squares of `patch` x `patch` pixels, of an image whose border is reflected, so that each pixel is in as
many; T: mean and covariance, then sliced transport (`transforms/slices.py`). d, `detail`, is how much of the
photograph's detail comes back at every size; it is 1 where a is 0, so that nothing happens then.

Differs from the paper: T moves patches in closed form along a few rotations, where it takes steps of Adam on
the sliced distance, along new directions each time; its transfer has no term of the content but a coarse size
to begin at; here details of the photograph come back. Each size is twice the one before.
"""

from typing import Any

import jax
import jax.numpy as jnp

from jaxstyle.core import Image, Mask, Method, part_of, pytree, static
from jaxstyle.image.masks import pool_mask
from jaxstyle.image.resize import octaves, resize
from jaxstyle.linalg import rotations
from jaxstyle.options import Count, Seed, Share
from jaxstyle.statistics.patches import assemble, middles, patches
from jaxstyle.statistics.slices import Slices
from jaxstyle.transforms import match_regions, match_slices, pooled


@pytree
class GPDM(Method):
    """Match the distribution of the style's patches of pixels, without a network (Elnekave & Weiss 2022).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
        detail: how much of the photograph's detail comes back at every size
        patch: pixels a side of a patch
        sizes: how many sizes are gone through, the last the picture's own, each twice the one before
        passes: how often patches are matched at each size
        rotations: how many random sets of axes are matched in each pass, one after another
        seed: seed of the axes
    """

    alpha: Share = 1.0
    detail: Share = 0.4
    patch: Count = static(default=7)
    sizes: Count = static(default=3)
    passes: Count = static(default=4)
    rotations: Count = static(default=4)
    seed: Seed = 0

    def prepare(self, style: Image, mask: Mask | None = None) -> list[Slices]:
        axes = rotations(jax.random.key(self.seed), self.rotations, self.patch**2 * style.shape[-1])

        def summary(image: Image) -> Slices:
            weight = None if mask is None else middles(pool_mask(mask, image.shape), self.patch)
            return Slices.of(patches(image, self.patch), axes, weight)

        return [summary(image) for image in octaves(style, self.sizes)]

    def apply(self, content: Image, target: Any) -> Image:
        photographs = [*octaves(content, self.sizes)]
        before = image = photographs[0]
        keep = 1 - self.alpha * (1 - self.detail)
        for size, photograph in enumerate(photographs):
            edges = photograph.shape[:2]
            image = resize(image, *edges) + keep * (photograph - resize(before, *edges))
            image, before = self._matched(image, part_of(target, size)), photograph
        return jnp.clip(image, 0, 1)

    def _matched(self, image: Image, target: Any) -> Image:
        border, (height, width) = self.patch - 1, image.shape[:2]
        reflected = lambda mask: jnp.pad(pool_mask(mask, image.shape), border, "reflect")
        at_patches = lambda mask: middles(reflected(mask), self.patch)
        parts = pooled(target, (height + border, width + border), at_patches)

        def step(image: Image, _: None) -> tuple[Image, None]:
            wide = jnp.pad(image, ((border, border), (border, border), (0, 0)), "reflect")
            source = patches(wide, self.patch)
            moved = match_regions(match_slices, source, parts)
            wide = assemble(source + self.alpha * (moved - source), self.patch, wide.shape)
            return wide[border : border + height, border : border + width], None

        return jax.lax.scan(step, image, None, self.passes)[0]
