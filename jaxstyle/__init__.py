"""Neural style transfer in JAX: every method a pair of pure functions, compiled.

from jaxstyle import Gatys, read, stylize, weights, write
write("out.png", stylize(Gatys(weights.load("vgg19-lite")), read("photo.jpg"), read("painting.jpg")))
"""

from importlib.metadata import version

from jaxstyle import losses, solvers, weights
from jaxstyle.core import InputError, stylize
from jaxstyle.image.io import read, write
from jaxstyle.image.resize import fit
from jaxstyle.methods import WCT, AdaIN, Gatys, Johnson, Linear

__version__ = version("jaxstyle")
__all__ = [
    "WCT",
    "AdaIN",
    "Gatys",
    "InputError",
    "Johnson",
    "Linear",
    "fit",
    "losses",
    "read",
    "solvers",
    "stylize",
    "weights",
    "write",
]
