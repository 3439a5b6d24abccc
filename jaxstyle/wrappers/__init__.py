"""A method in, a method out: what works for all of them."""

from jaxstyle.wrappers.color import Luminance, Matched
from jaxstyle.wrappers.refine import Refined
from jaxstyle.wrappers.smooth import Smoothed
from jaxstyle.wrappers.sweep import sweep

__all__ = ["Luminance", "Matched", "Refined", "Smoothed", "sweep"]
