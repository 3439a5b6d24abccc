"""AdaIN's transform: give every channel the mean and deviation of the style's (Huang & Belongie 2017).

y = s_target (x - m) / s + m_target

On colours it is Reinhard's (Reinhard et al. 2001).
"""

from jaxstyle.core import Feature, Mask
from jaxstyle.statistics.moments import Moments


def match_moments(
    feature: Feature, target: Moments, weight: Mask | None = None, own: Moments | None = None
) -> Feature:
    """Return the feature with the mean and the deviation of `target` in every channel.

    `own` are the moments of all that the feature is a part of.
    """
    own = own or Moments.of(feature, weight)
    return (feature - own.mean) * (target.deviation / own.deviation) + target.mean
