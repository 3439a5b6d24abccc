"""Closed-form matches of one statistic of a feature; the same file name as the statistic's."""

from jaxstyle.transforms.covariance import match_covariance
from jaxstyle.transforms.moments import match_moments
from jaxstyle.transforms.patches import swap_patches
from jaxstyle.transforms.quantiles import match_histogram, match_quantiles
from jaxstyle.transforms.regions import match_regions, pooled
from jaxstyle.transforms.sliced import match_sliced
from jaxstyle.transforms.slices import match_slices

__all__ = [
    "match_covariance",
    "match_histogram",
    "match_moments",
    "match_quantiles",
    "match_regions",
    "match_sliced",
    "match_slices",
    "pooled",
    "swap_patches",
]
