"""AdaIN's transform: give every channel the mean and deviation of the style's (Huang & Belongie 2017).

y = s_target (x - m) / s + m_target
"""

from jaxstyle.core import Feature
from jaxstyle.statistics.moments import Moments


def match_moments(feature: Feature, target: Moments) -> Feature:
    """Return the feature with the mean and the deviation of `target` in every channel."""
    own = Moments.of(feature)
    return (feature - own.mean) * (target.deviation / own.deviation) + target.mean
