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

import re
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


class Layer(str):
    """A layer by its name, such as "relu4_1" or "pool3": equal to it, but it knows what the name says.

    `kind` is conv, relu or pool; all layers of a `block` but its pool have one resolution; `number` is that
    of the convolution in its block, from 1, and 0 of a pool.
    """

    kind: str
    block: int
    number: int

    def __init__(self, name: str):
        self.kind, block, number = re.fullmatch(r"([a-z]+)(\d+)(?:_(\d+))?", name).groups()  # pyright: ignore
        self.block, self.number = int(block), int(number or 0)


def _layers(convs: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return all layers of a network of these convolutions, in order."""
    layers: list[Layer] = []
    for conv in convs:
        if conv.number == 1 and conv.block > 1:
            layers.append(Layer(f"pool{conv.block - 1}"))
        layers += [conv, Layer(conv.replace("conv", "relu"))]
    return (*layers, Layer("pool5")) if convs[-1] in ("conv5_3", "conv5_4") else tuple(layers)


def conv_names(network: str) -> tuple[Layer, ...]:
    """Return the convolutions of "vgg16" or "vgg19" in order."""
    blocks = enumerate(BLOCKS[network], 1)
    return tuple(Layer(f"conv{block}_{i}") for block, depth in blocks for i in range(1, depth + 1))


class VGG(Encoder):
    """An encoder with the layers `conv1_1, relu1_1, ..., pool5`, by `max_pool` or `average_pool`."""

    FLAVOURS = {"torchvision": TORCHVISION, "caffe": CAFFE, "normalised": CAFFE}
    NAMES = _layers(conv_names("vgg19"))
    tileable = True

    def __init__(self, parameters: dict, flavour: str, pool: Callable[[Feature], Feature] = max_pool):
        super().__init__(flavour, pool)
        self.convs = tuple(map(Layer, sorted(parameters)))
        for name in self.convs:
            setattr(self, name, Conv(**parameters[name]))

    @property
    def layers(self) -> tuple[Layer, ...]:
        return _layers(self.convs)

    @property
    def content_layers(self) -> dict[str, float]:
        """relu4_2, or relu4_1 where the weights end there."""
        return {"relu4_2" if "relu4_2" in self.layers else "relu4_1": 1.0}

    @property
    def style_layers(self) -> dict[str, float]:
        """relu1_1 to relu5_1 as deep as the weights go, with equal weights that add up to 1."""
        names = [layer for layer in self.layers if layer.kind == "relu" and layer.number == 1]
        return dict.fromkeys(names, 1 / len(names))

    def reduction(self, layer: str) -> int:
        return 2 ** (Layer(layer).block - (Layer(layer).kind != "pool"))

    def halo(self, layer: str) -> int:
        """A convolution sees a pixel beyond at its own resolution, pooling none."""
        before = self.layers[: self.layers.index(layer) + 1]
        return sum(self.reduction(each) for each in before if each.kind == "conv")

    def stage(self, name: str, x: Feature) -> Feature:
        kind = Layer(name).kind
        if kind == "conv":
            border = "reflect" if self.flavour == "normalised" else "constant"
            return getattr(self, name)(x, border=border, trained=False)
        return jax.nn.relu(x) if kind == "relu" else self.pool(x)


def random_parameters(network: str, seed: int) -> dict:
    """Return He-normal float32 parameters of "vgg16" or "vgg19", the same on every machine."""
    generator, parameters, channels = np.random.default_rng(seed), {}, 3
    for name in conv_names(network):
        width = WIDTHS[name.block - 1]
        kernel = generator.standard_normal((3, 3, channels, width), np.float32) * np.sqrt(2 / (9 * channels))
        bias = 0.1 * generator.standard_normal(width, np.float32)
        parameters[name] = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
        channels = width
    return parameters
