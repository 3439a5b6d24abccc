from .adain import AdaIN
from .colors import ColorHistogram, Monge, Pitie, Reinhard
from .deep_photo import DeepPhoto
from .dream import Dream
from .gatys import Gatys
from .gpdm import GPDM
from .histogram import Histogram
from .johnson import Johnson
from .linear import Linear
from .mmd import MMD
from .mrf import MRF
from .nnst import NNST
from .optimal import OptimalTextures
from .photo_wct import PhotoWCT
from .reconstruct import Reconstruct
from .strotss import STROTSS
from .style_swap import StyleSwap
from .table import METHODS, TABLE
from .wct import WCT
from .wct2 import WCT2

__all__ = [
    "GPDM",
    "METHODS",
    "MMD",
    "MRF",
    "NNST",
    "STROTSS",
    "TABLE",
    "WCT",
    "WCT2",
    "AdaIN",
    "ColorHistogram",
    "DeepPhoto",
    "Dream",
    "Gatys",
    "Histogram",
    "Johnson",
    "Linear",
    "Monge",
    "OptimalTextures",
    "PhotoWCT",
    "Pitie",
    "Reconstruct",
    "Reinhard",
    "StyleSwap",
]
