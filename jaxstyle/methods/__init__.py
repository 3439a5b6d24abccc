"""The methods, by family; one paper, one file."""

from jaxstyle.methods.adain import AdaIN
from jaxstyle.methods.colors import ColorHistogram, Monge, Pitie, Reinhard
from jaxstyle.methods.deep_photo import DeepPhoto
from jaxstyle.methods.dream import Dream
from jaxstyle.methods.gatys import Gatys
from jaxstyle.methods.histogram import Histogram
from jaxstyle.methods.johnson import Johnson
from jaxstyle.methods.linear import Linear
from jaxstyle.methods.mmd import MMD
from jaxstyle.methods.mrf import MRF
from jaxstyle.methods.photo_wct import PhotoWCT
from jaxstyle.methods.reconstruct import Reconstruct
from jaxstyle.methods.style_swap import StyleSwap
from jaxstyle.methods.wct import WCT
from jaxstyle.methods.wct2 import WCT2

FAMILIES = {
    "by descent on the image": {"gatys": Gatys, "mrf": MRF, "mmd": MMD},
    "in one pass, any style": {
        "adain": AdaIN,
        "wct": WCT,
        "histogram": Histogram,
        "style-swap": StyleSwap,
        "linear": Linear,
    },
    "of photographs, which stay photographs": {"deep-photo": DeepPhoto, "photo-wct": PhotoWCT, "wct2": WCT2},
    "in one pass, a network for each style": {"johnson": Johnson},
    "of colours": {
        "reinhard": Reinhard,
        "monge": Monge,
        "pitie": Pitie,
        "color-histogram": ColorHistogram,
    },
    "of one picture": {"reconstruct": Reconstruct, "dream": Dream},
}
METHODS = {name: method for family in FAMILIES.values() for name, method in family.items()}

__all__ = [
    "FAMILIES",
    "METHODS",
    "MMD",
    "MRF",
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
    "PhotoWCT",
    "Pitie",
    "Reconstruct",
    "Reinhard",
    "StyleSwap",
]
