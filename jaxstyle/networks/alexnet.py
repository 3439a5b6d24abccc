"""AlexNet as an encoder with named layers, in the form of torchvision (Krizhevsky 2014).

    conv{i} = conv(previous) + bias,   relu{i} = max(conv{i}, 0),   pool{i} = maximum of 3 x 3 at stride 2

Layers: conv1, relu1, pool1, conv2, relu2, pool2, conv3, relu3, conv4, relu4, conv5, relu5, pool5. conv1 has
stride 4; borders are zero, 2 pixels of conv1 and half the kernel of the others; pools drop what is left over.
Parameters: `{"conv1": {"kernel": (11, 11, 3, 64), "bias": (64,)}, ...}`.

It is the network on which LPIPS is mostly reported, see `metrics/lpips.py`.

Differs from the paper: no classifier.
"""

from collections.abc import Callable

import jax
import numpy as np
from jax import lax

from jaxstyle.core import Feature
from jaxstyle.networks.conv import Conv
from jaxstyle.networks.encoder import TORCHVISION, Encoder
from jaxstyle.networks.squeezenet import ceil_max_pool

LAYERS = ("conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "conv3", "relu3", "conv4", "relu4")
LAYERS += ("conv5", "relu5", "pool5")
KERNELS = {
    "conv1": (11, 11, 3, 64),
    "conv2": (5, 5, 64, 192),
    "conv3": (3, 3, 192, 384),
    "conv4": (3, 3, 384, 256),
    "conv5": (3, 3, 256, 256),
}
STRIDES = {"conv1": 4, "conv2": 1}  # of the large kernels


def floor_max_pool(x: Feature) -> Feature:
    """Take the maximum of 3 x 3 blocks at stride 2, whole ones only."""
    h, w = ((size - 1) // 2 * 2 + 1 for size in x.shape[:2])
    return ceil_max_pool(x[:h, :w])


def large_conv(x: Feature, kernel, stride: int) -> Feature:
    """Convolve at a stride with a border of 2 zeros."""
    layout = ("NHWC", "HWIO", "NHWC")
    strides = (stride, stride)
    return lax.conv_general_dilated(x[None], kernel, strides, ((2, 2), (2, 2)), dimension_numbers=layout)[0]


class AlexNet(Encoder):
    """An encoder with the layers `conv1, relu1, ..., pool5`, as deep as the weights go."""

    FLAVOURS = {"torchvision": TORCHVISION}
    NAMES = LAYERS

    def __init__(self, parameters: dict, flavour: str, pool: Callable[[Feature], Feature] = floor_max_pool):
        super().__init__(flavour, pool)
        self.convs = tuple(sorted(parameters))
        for name in self.convs:
            setattr(self, name, Conv(**parameters[name]))

    @property
    def layers(self) -> tuple[str, ...]:
        last = self.convs[-1].replace("conv", "relu")
        return LAYERS if last == "relu5" else LAYERS[: LAYERS.index(last) + 1]

    @property
    def content_layers(self) -> dict[str, float]:
        """relu3, or the last one before it."""
        return {self._relus()[:3][-1]: 1.0}

    @property
    def style_layers(self) -> dict[str, float]:
        """relu1 to relu5 as deep as the weights go, with equal weights that add up to 1."""
        return dict.fromkeys(self._relus(), 1 / len(self.convs))

    def _relus(self) -> list[str]:
        return [conv.replace("conv", "relu") for conv in self.convs]

    def reduction(self, layer: str) -> int:
        return 4 * 2 ** sum(name.startswith("pool") for name in LAYERS[: LAYERS.index(layer) + 1])

    def stage(self, name: str, x: Feature) -> Feature:
        if name in STRIDES:
            return getattr(self, name)(x, large_conv, stride=STRIDES[name])
        if name.startswith("conv"):
            return getattr(self, name)(x, border="constant", trained=False)
        return jax.nn.relu(x) if name.startswith("relu") else self.pool(x)


def random_parameters(seed: int) -> dict:
    """Return He-normal float32 parameters, the same on every machine."""
    generator, parameters = np.random.default_rng(seed), {}
    for name, shape in KERNELS.items():
        kernel = generator.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:3]))
        bias = 0.1 * generator.standard_normal(shape[3])
        parameters[name] = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
    return parameters
