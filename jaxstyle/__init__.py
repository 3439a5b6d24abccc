"""Neural style transfer in JAX: every method a pair of pure functions, compiled.

from jaxstyle import Gatys, read, stylize, weights, write
write("out.png", stylize(Gatys(weights.load("vgg19-lite")), read("photo.jpg"), read("painting.jpg")))
"""

from typing import Any

import lazy_loader

_imported, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # the names are in the stub


def __getattr__(name: str) -> Any:
    if name != "__version__":
        return _imported(name)
    from importlib.metadata import version  # a quarter of the time that the command's help takes

    return version("jaxstyle")
