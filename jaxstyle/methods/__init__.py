"""One paper, one file: `prepare(style) -> target`, `apply(content, target) -> image`."""

from jaxstyle.methods.adain import AdaIN
from jaxstyle.methods.gatys import Gatys
from jaxstyle.methods.johnson import Johnson
from jaxstyle.methods.linear import Linear
from jaxstyle.methods.wct import WCT

__all__ = ["WCT", "AdaIN", "Gatys", "Johnson", "Linear"]
