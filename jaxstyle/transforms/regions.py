"""Any transform, region by region: the content's own statistics and the target's are those of one region.

y = sum_k m_k T(x; w_k, t_k) + (1 - sum_k m_k) x        w_k: m_k, times the weight of the pixels
"""

from collections.abc import Callable
from typing import Any

from jaxstyle.core import Feature, Mask, regions
from jaxstyle.image.masks import at

Match = Callable[[Feature, Any, Mask | None], Feature]


def match_regions(match: Match, feature: Feature, target: Any) -> Feature:
    """Return `match(feature, target, None)`, or of `core.Regions` their blend, each where its mask is."""
    blend = feature
    for part, mask, weight in regions(target):
        if mask is None or weight is None:
            return match(feature, part, None)
        changed = match(feature, part, at(weight, feature))
        blend = blend + at(mask, feature)[..., None] * (changed - feature)
    return blend
