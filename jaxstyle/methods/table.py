"""Which methods there are. Looking imports no JAX; the class of a method is imported when it is asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jaxstyle.core import Method


class Entry(NamedTuple):
    """A method: where its class is, the weights of its network, and whether it looks at a style."""

    name: str
    family: str
    summary: str
    where: str
    weights: str | None = None
    needs_style: bool = True

    def load(self) -> type["Method"]:
        """Return the class."""
        module, _, name = self.where.partition(":")
        return getattr(import_module(f"jaxstyle.methods.{module}"), name)


DESCENT, PASS, NETWORK = (
    "by descent on the image",
    "in one pass, any style",
    "in one pass, a network for each style",
)
PHOTOGRAPHS, COLORS, ALONE = "of photographs, which stay photographs", "of colours", "of one picture"
ENTRIES = (
    Entry(
        "gatys",
        DESCENT,
        "Repaint a photograph: keep its features, match the second moments of a style's.",
        "gatys:Gatys",
    ),
    Entry("mrf", DESCENT, "Repaint a photograph of the style's patches (Li & Wand 2016).", "mrf:MRF"),
    Entry(
        "mmd", DESCENT, "Repaint a photograph: match kernel means of features (Li et al. 2017).", "mmd:MMD"
    ),
    Entry(
        "nnst",
        DESCENT,
        "Rebuild a photograph of the style's nearest features, from coarse to fine (Kolkin et al. 2022).",
        "nnst:NNST",
    ),
    Entry(
        "strotss",
        DESCENT,
        "Move the style's features to where they fit, and keep what is like what (Kolkin et al. 2019).",
        "strotss:STROTSS",
    ),
    Entry(
        "adain",
        PASS,
        "Match mean and deviation of the features, then decode (Huang & Belongie 2017).",
        "adain:AdaIN",
        "adain",
    ),
    Entry(
        "wct",
        PASS,
        "Match mean and covariance of the features, level by level (Li et al. 2017).",
        "wct:WCT",
        "wct-decoders",
    ),
    Entry(
        "histogram",
        PASS,
        "Match the histogram of every channel of the features, level by level.",
        "histogram:Histogram",
        "wct-decoders",
    ),
    Entry(
        "optimal",
        PASS,
        "Match the joint distribution of the features by sliced transport (Risser 2020).",
        "optimal:OptimalTextures",
        "wct-decoders",
    ),
    Entry(
        "style-swap",
        PASS,
        "Replace the patches of the features by the style's most like them (Chen & Schmidt 2016).",
        "style_swap:StyleSwap",
        "wct-decoders",
    ),
    Entry(
        "gpdm",
        PASS,
        "Match the distribution of the style's patches of pixels, without a network (Elnekave & Weiss 2022).",
        "gpdm:GPDM",
    ),
    Entry(
        "linear",
        PASS,
        "Transform the features by a matrix that two networks make of the pair (Li et al. 2019).",
        "linear:Linear",
        "linear",
    ),
    Entry(
        "deep-photo",
        PHOTOGRAPHS,
        "Give a photograph the light of another, region by region, its edges kept.",
        "deep_photo:DeepPhoto",
    ),
    Entry(
        "photo-wct",
        PHOTOGRAPHS,
        "Match mean and covariance of features level by level, pooling undone; then smooth (Li et al. 2018).",
        "photo_wct:PhotoWCT",
        "photo-wct",
    ),
    Entry(
        "wct2",
        PHOTOGRAPHS,
        "Match mean and covariance of features and of their wavelets, in one pass (Yoo et al. 2019).",
        "wct2:WCT2",
        "wct2",
    ),
    Entry(
        "johnson",
        NETWORK,
        "Apply a network trained for one style (Johnson et al. 2016).",
        "johnson:Johnson",
        needs_style=False,
    ),
    Entry(
        "reinhard",
        COLORS,
        "Match mean and deviation of the colours in l alpha beta (Reinhard et al. 2001).",
        "colors:Reinhard",
    ),
    Entry(
        "monge",
        COLORS,
        "Match mean and covariance of the colours by the least movement (Pitie & Kokaram 2007).",
        "colors:Monge",
    ),
    Entry(
        "pitie",
        COLORS,
        "Match the whole distribution of the colours by sliced transport (Pitie et al. 2005).",
        "colors:Pitie",
    ),
    Entry("color-histogram", COLORS, "Match the histograms of red, green and blue.", "colors:ColorHistogram"),
    Entry(
        "reconstruct",
        ALONE,
        "Draw from noise what layers of the encoder know of a picture.",
        "reconstruct:Reconstruct",
        needs_style=False,
    ),
    Entry(
        "dream",
        ALONE,
        "Let a picture excite layers of the encoder more and more.",
        "dream:Dream",
        needs_style=False,
    ),
)
TABLE = {entry.name: entry for entry in ENTRIES}


class Classes(Mapping[str, type["Method"]]):
    """The classes of the methods by name, each imported when it is asked for."""

    def __getitem__(self, name: str) -> type["Method"]:
        return TABLE[name].load()

    def __contains__(self, name: object) -> bool:
        return name in TABLE

    def __iter__(self) -> Iterator[str]:
        return iter(TABLE)

    def __len__(self) -> int:
        return len(TABLE)


METHODS = Classes()
