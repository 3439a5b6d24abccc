"""VGG-16 and VGG-19 as encoders with named layers (Simonyan & Zisserman 2015).

    conv{b}_{i} = conv3x3(previous) + bias,   relu{b}_{i} = max(conv{b}_{i}, 0),   pool{b} halves the size

The network is its parameters: `{"conv1_1": {"kernel": (3, 3, c, o), "bias": (o,)}, ...}`. How many
convolutions a block has, and how deep the network goes, is read off their names, so one class is
VGG-16, VGG-19, either cut off where the weights end, and `vgg19-lite`, whose convolutions carry a
`lift` (see `Conv`).

| flavour | input | border | origin |
|---|---|---|---|
| torchvision | RGB, ImageNet mean and standard deviation | zeros | torchvision.models |
| caffe | BGR in 0..255, mean subtracted | zeros | the authors' Caffe models (Gatys et al. 2016) |
| normalised | BGR in 0..255, mean subtracted | reflected | filters at mean activation 1 (AdaIN, WCT) |

Differs from the paper: no classifier. Average pooling is the choice of Gatys et al. 2016.
"""

from collections.abc import Callable

import jax
import numpy as np

from jaxstyle.core import Feature
from jaxstyle.networks.conv import Conv
from jaxstyle.networks.encoder import TORCHVISION, Encoder, caffe
from jaxstyle.networks.pooling import max_pool

BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)
CAFFE = caffe(103.939, 116.779, 123.68)


def _names(convs: tuple[str, ...]) -> tuple[str, ...]:
    names: list[str] = []
    for conv in convs:
        if conv.endswith("_1") and names:
            names.append(f"pool{int(conv[4]) - 1}")
        names += [conv, conv.replace("conv", "relu")]
    return (*names, "pool5") if convs[-1] in ("conv5_3", "conv5_4") else tuple(names)


def conv_names(network: str) -> tuple[str, ...]:
    """Return the convolutions of "vgg16" or "vgg19" in order."""
    return tuple(f"conv{b}_{i}" for b, depth in enumerate(BLOCKS[network], 1) for i in range(1, depth + 1))


class VGG(Encoder):
    """An encoder with the layers `conv1_1, relu1_1, ..., pool5`, by `max_pool` or `average_pool`."""

    FLAVOURS = {"torchvision": TORCHVISION, "caffe": CAFFE, "normalised": CAFFE}
    NAMES = _names(conv_names("vgg19"))

    def __init__(self, parameters: dict, flavour: str, pool: Callable[[Feature], Feature] = max_pool):
        super().__init__(flavour, pool)
        self.convs = tuple(sorted(parameters))
        for name in self.convs:
            setattr(self, name, Conv(**parameters[name]))

    @property
    def layers(self) -> tuple[str, ...]:
        return _names(self.convs)

    @property
    def content_layers(self) -> dict[str, float]:
        """relu4_2, or relu4_1 where the weights end there."""
        return {"relu4_2" if "relu4_2" in self.layers else "relu4_1": 1.0}

    @property
    def style_layers(self) -> dict[str, float]:
        """relu1_1 to relu5_1 as deep as the weights go, with equal weights that add up to 1."""
        names = [name for name in self.layers if name.startswith("relu") and name.endswith("_1")]
        return dict.fromkeys(names, 1 / len(names))

    def reduction(self, layer: str) -> int:
        return 2 ** (int(layer[4]) - (not layer.startswith("pool")))

    def reach(self, layer: str) -> int:
        """A convolution sees a pixel beyond at its own resolution, pooling none."""
        before = self.layers[: self.layers.index(layer) + 1]
        return sum(self.reduction(name) for name in before if name.startswith("conv"))

    def stage(self, name: str, x: Feature) -> Feature:
        if name.startswith("conv"):
            border = "reflect" if self.flavour == "normalised" else "constant"
            return getattr(self, name)(x, border=border, trained=False)
        return jax.nn.relu(x) if name.startswith("relu") else self.pool(x)


def random_parameters(network: str, seed: int) -> dict:
    """Return He-normal float32 parameters of "vgg16" or "vgg19", the same on every machine."""
    generator, parameters, channels = np.random.default_rng(seed), {}, 3
    for name in conv_names(network):
        width = WIDTHS[int(name[4]) - 1]
        kernel = generator.standard_normal((3, 3, channels, width), np.float32) * np.sqrt(2 / (9 * channels))
        bias = 0.1 * generator.standard_normal(width, np.float32)
        parameters[name] = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
        channels = width
    return parameters
