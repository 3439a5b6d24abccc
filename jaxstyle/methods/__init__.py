"""The methods, by family; one paper, one file. `table` lists them, and imports none."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # the names are in the stub
