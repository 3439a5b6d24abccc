"""Neural style transfer in JAX: every method a pair of pure functions, compiled.

from jaxstyle import Gatys, read, stylize, weights, write
write("out.png", stylize(Gatys(weights.load("vgg19-lite")), read("photo.jpg"), read("painting.jpg")))
"""

from importlib.metadata import version

from jaxstyle import losses, solvers, transforms, weights
from jaxstyle.core import Chain, InputError, Regions, stylize
from jaxstyle.image.io import read, write
from jaxstyle.image.resize import fit
from jaxstyle.methods import (
    MMD,
    MRF,
    WCT,
    WCT2,
    AdaIN,
    ColorHistogram,
    DeepPhoto,
    Dream,
    Gatys,
    Histogram,
    Johnson,
    Linear,
    Monge,
    PhotoWCT,
    Pitie,
    Reconstruct,
    Reinhard,
    StyleSwap,
)
from jaxstyle.wrappers import Luminance, Matched, Smoothed, sweep

__version__ = version("jaxstyle")
__all__ = [
    "MMD",
    "MRF",
    "WCT",
    "WCT2",
    "AdaIN",
    "Chain",
    "ColorHistogram",
    "DeepPhoto",
    "Dream",
    "Gatys",
    "Histogram",
    "InputError",
    "Johnson",
    "Linear",
    "Luminance",
    "Matched",
    "Monge",
    "PhotoWCT",
    "Pitie",
    "Reconstruct",
    "Regions",
    "Reinhard",
    "Smoothed",
    "StyleSwap",
    "fit",
    "losses",
    "read",
    "solvers",
    "stylize",
    "sweep",
    "transforms",
    "weights",
    "write",
]
