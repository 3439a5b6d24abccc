"""The methods, by family; one paper, one file."""

from jaxstyle.methods.adain import AdaIN
from jaxstyle.methods.colors import ColorHistogram, Monge, Pitie, Reinhard
from jaxstyle.methods.dream import Dream
from jaxstyle.methods.gatys import Gatys
from jaxstyle.methods.histogram import Histogram
from jaxstyle.methods.johnson import Johnson
from jaxstyle.methods.linear import Linear
from jaxstyle.methods.mmd import MMD
from jaxstyle.methods.mrf import MRF
from jaxstyle.methods.reconstruct import Reconstruct
from jaxstyle.methods.style_swap import StyleSwap
from jaxstyle.methods.wct import WCT

FAMILIES = {
    "by descent on the image": {"gatys": Gatys, "mrf": MRF, "mmd": MMD},
    "in one pass, any style": {
        "adain": AdaIN,
        "wct": WCT,
        "histogram": Histogram,
        "style-swap": StyleSwap,
        "linear": Linear,
    },
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
    "AdaIN",
    "ColorHistogram",
    "Dream",
    "Gatys",
    "Histogram",
    "Johnson",
    "Linear",
    "Monge",
    "Pitie",
    "Reconstruct",
    "Reinhard",
    "StyleSwap",
]
