"""Distances between what an image shows and what it should show; one file a statistic."""

from jaxstyle.losses.content import Content
from jaxstyle.losses.covariance import Gram
from jaxstyle.losses.moments import Moments
from jaxstyle.losses.variation import Variation

__all__ = ["Content", "Gram", "Moments", "Variation"]
