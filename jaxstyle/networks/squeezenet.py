"""SqueezeNet 1.1 as an encoder with named layers (Iandola et al. 2016).

    fire(x) = [relu(conv1x1(s)), relu(conv3x3(s))],   s = relu(conv1x1(x))

Layers: conv1, relu1, pool1, fire2, fire3, pool3, fire4, fire5, pool5, fire6, ..., fire9. conv1 has
stride 2 and no padding; pools take 3 x 3 at stride 2 and round up (Caffe's ceil mode). Parameters:
`{"conv1": ..., "fire2.squeeze1x1": {"kernel", "bias"}, "fire2.expand1x1": ..., ...}`. torchvision
numbers these modules: fire2 is 3, fire3 is 4, fire4 is 6, fire5 is 7.

Differs from the paper: no classifier.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax

from jaxstyle.core import Feature
from jaxstyle.networks.conv import Conv
from jaxstyle.networks.encoder import TORCHVISION, Encoder, caffe

LAYERS = ("conv1", "relu1", "pool1", "fire2", "fire3", "pool3", "fire4", "fire5", "pool5")
LAYERS += ("fire6", "fire7", "fire8", "fire9")
FIRES = {"fire2": (64, 16, 64), "fire3": (128, 16, 64), "fire4": (128, 32, 128), "fire5": (256, 32, 128)}
FIRES |= {"fire6": (256, 48, 192), "fire7": (384, 48, 192), "fire8": (384, 64, 256), "fire9": (512, 64, 256)}


def ceil_max_pool(x: Feature) -> Feature:
    """Take the maximum of 3 x 3 blocks at stride 2, the last one over what is left."""
    h, w = (size // 2 for size in x.shape[:2])
    x = jnp.pad(
        x, ((0, 2 * h + 1 - x.shape[0]), (0, 2 * w + 1 - x.shape[1]), (0, 0)), constant_values=-jnp.inf
    )
    windows = [x[i : i + 2 * h : 2, j : j + 2 * w : 2] for i in range(3) for j in range(3)]
    return jnp.max(jnp.stack(windows), 0)


def point_conv(x: Feature, kernel) -> Feature:
    """Convolve 1 x 1: a matrix product."""
    return x @ kernel[0, 0]


def strided_conv(x: Feature, kernel) -> Feature:
    """Convolve at stride 2 without padding."""
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x[None], kernel, (2, 2), "VALID", dimension_numbers=layout)[0]


class Fire(nnx.Module):
    """Squeeze to a few channels, expand to many."""

    def __init__(self, squeeze: dict, point: dict, square: dict):
        self.squeeze, self.point, self.square = Conv(**squeeze), Conv(**point), Conv(**square)

    def __call__(self, x: Feature) -> Feature:
        s = jax.nn.relu(self.squeeze(x, point_conv))
        parts = self.point(s, point_conv), self.square(s, border="constant", trained=False)
        return jax.nn.relu(jnp.concatenate(parts, -1))


class SqueezeNet(Encoder):
    """An encoder with the layers `conv1, relu1, ..., fire9`, as deep as the weights go."""

    FLAVOURS = {"torchvision": TORCHVISION, "caffe": caffe(104, 117, 123)}
    NAMES = LAYERS

    def __init__(self, parameters: dict, flavour: str, pool: Callable[[Feature], Feature] = ceil_max_pool):
        super().__init__(flavour, pool)
        self.conv1 = Conv(**parameters["conv1"])
        self.fires = tuple(name for name in FIRES if f"{name}.squeeze1x1" in parameters)
        for name in self.fires:
            parts = (parameters[f"{name}.{part}"] for part in ("squeeze1x1", "expand1x1", "expand3x3"))
            setattr(self, name, Fire(*parts))

    @property
    def layers(self) -> tuple[str, ...]:
        last = self.fires[-1] if self.fires else "pool1"
        return LAYERS[: LAYERS.index(last) + 1]

    @property
    def content_layers(self) -> dict[str, float]:
        """fire2, as in Shuvo's course paper."""
        return {"fire2": 1.0}

    @property
    def style_layers(self) -> dict[str, float]:
        """relu1, fire3, fire4 and fire5, as in Shuvo's course paper; equal weights that add up to 1."""
        return dict.fromkeys(("relu1", "fire3", "fire4", "fire5"), 0.25)

    def reduction(self, layer: str) -> int:
        return 2 ** (1 + sum(name.startswith("pool") for name in LAYERS[: LAYERS.index(layer) + 1]))

    def stage(self, name: str, x: Feature) -> Feature:
        if name == "conv1":
            return self.conv1(x, strided_conv)
        if name == "relu1":
            return jax.nn.relu(x)
        return self.pool(x) if name.startswith("pool") else getattr(self, name)(x)


def random_parameters(seed: int) -> dict:
    """Return He-normal float32 parameters, the same on every machine."""
    generator = np.random.default_rng(seed)

    def conv(size: int, inputs: int, outputs: int) -> dict:
        kernel = generator.standard_normal((size, size, inputs, outputs)) * np.sqrt(2 / (size**2 * inputs))
        bias = 0.1 * generator.standard_normal(outputs)
        return {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}

    parameters = {"conv1": conv(3, 3, 64)}
    for name, (inputs, squeezed, expanded) in FIRES.items():
        parameters[f"{name}.squeeze1x1"] = conv(1, inputs, squeezed)
        parameters[f"{name}.expand1x1"] = conv(1, squeezed, expanded)
        parameters[f"{name}.expand3x3"] = conv(3, squeezed, expanded)
    return parameters
