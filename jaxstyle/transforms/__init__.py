"""Closed-form matches of one statistic of a feature; the same file name as the statistic's."""

from jaxstyle.transforms.covariance import match_covariance
from jaxstyle.transforms.moments import match_moments

__all__ = ["match_covariance", "match_moments"]
