from . import losses as losses
from . import optimizers as optimizers
from . import transforms as transforms
from . import weights as weights
from .api import stylize
from .core import Chain, InputError, Regions, Snapshot
from .image.io import read, write
from .image.resize import fit
from .methods import (
    GPDM,
    MMD,
    MRF,
    NNST,
    STROTSS,
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
    OptimalTextures,
    PhotoWCT,
    Pitie,
    Reconstruct,
    Reinhard,
    StyleSwap,
)
from .tiling import Tiled
from .wrappers import Luminance, Matched, Refined, Smoothed, sweep

__version__: str
__all__ = [
    "GPDM",
    "MMD",
    "MRF",
    "NNST",
    "STROTSS",
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
    "OptimalTextures",
    "PhotoWCT",
    "Pitie",
    "Reconstruct",
    "Refined",
    "Regions",
    "Reinhard",
    "Smoothed",
    "Snapshot",
    "StyleSwap",
    "Tiled",
    "fit",
    "losses",
    "optimizers",
    "read",
    "stylize",
    "sweep",
    "transforms",
    "weights",
    "write",
]
