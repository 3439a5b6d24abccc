"""A method in, a method out: what works for all of them."""

from jaxstyle.wrappers.color import Luminance, Matched
from jaxstyle.wrappers.smooth import Smoothed
from jaxstyle.wrappers.sweep import sweep
from jaxstyle.wrappers.tiled import Tiled

__all__ = ["Luminance", "Matched", "Smoothed", "Tiled", "sweep"]
