"""Distances between what an image shows and what it should show; one file a statistic."""

from jaxstyle.losses.activation import Activation
from jaxstyle.losses.content import Content
from jaxstyle.losses.covariance import Gram
from jaxstyle.losses.hypercolumns import Hypercolumns
from jaxstyle.losses.kernels import MMD, LinearMMD, PolynomialMMD
from jaxstyle.losses.masked import Masked
from jaxstyle.losses.moments import Moments
from jaxstyle.losses.patches import MRF
from jaxstyle.losses.photoreal import Photoreal
from jaxstyle.losses.quantiles import Histograms, SlicedWasserstein
from jaxstyle.losses.transport import RelaxedTransport, SelfSimilarity
from jaxstyle.losses.variation import Variation

__all__ = [
    "MMD",
    "MRF",
    "Activation",
    "Content",
    "Gram",
    "Histograms",
    "Hypercolumns",
    "LinearMMD",
    "Masked",
    "Moments",
    "Photoreal",
    "PolynomialMMD",
    "RelaxedTransport",
    "SelfSimilarity",
    "SlicedWasserstein",
    "Variation",
]
