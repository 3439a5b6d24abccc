"""Neural style transfer in JAX: every method a pair of pure functions, compiled.

from jaxstyle import Gatys, read, stylize, weights, write
write("out.png", stylize(Gatys(weights.load("vgg19-lite")), read("photo.jpg"), read("painting.jpg")))
"""

from importlib.metadata import version

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # the names are in the stub
__version__ = version("jaxstyle")
