"""Any transform, region by region: the content's own statistics and the target's are those of one region.

y = sum_k m_k T(x; w_k, t_k) + (1 - sum_k m_k) x        w_k: m_k, times the weight of the pixels
"""

from collections.abc import Callable
from typing import Any

from jaxstyle.core import Feature, Mask, Region, regions
from jaxstyle.image.masks import pool_mask

Match = Callable[[Feature, Any, Mask | None], Feature]


def pooled(
    target: Any, shape: tuple[int, ...], pad: Callable[[Mask], Mask] = lambda mask: mask
) -> list[Region]:
    """Return the regions of a target, masks padded as the picture is, at the resolution of a feature."""
    padded = lambda mask: mask if mask.shape == (1, 1) else pad(mask)
    pool = lambda mask: None if mask is None else pool_mask(padded(mask), shape)
    return [Region(part, pool(mask), pool(weight)) for part, mask, weight in regions(target)]


def match_regions(match: Match, feature: Feature, parts: list[Region]) -> Feature:
    """Return `match(feature, target, None)` of one style, or of regions their blend, each where its mask is.

    The masks are at the feature's resolution: see `pooled`.
    """
    blend = feature
    for part, mask, weight in parts:
        if mask is None:
            return match(feature, part, None)
        blend = blend + mask[..., None] * (match(feature, part, weight) - feature)
    return blend
