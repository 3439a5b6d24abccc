"""Decoders: VGG-19 turned round, from the features at relu{level}_1 back to an image.

    conv{level}_1, up, ..., up, conv1_2, conv1_1 -> image        relu after every convolution but the last

after Li et al. 2017 (WCT) and Huang & Belongie 2017 (AdaIN). Conventions: 3 x 3 convolutions with a
reflected border; `up` repeats every pixel twice; the image is sRGB in [0, 1], not clipped.

Differs from the papers: the bundle's are thinner than VGG-19 (`THIN`; the papers' are `MIRROR`), and
the last convolution starts at mid-grey, kernel zero, which saves the first hundred steps.
"""

from collections.abc import Callable
from itertools import pairwise

import jax
import jax.numpy as jnp
from flax import nnx

from jaxstyle.core import Encoder, Feature, Image, InputError, Mask, TooSmallError
from jaxstyle.networks.conv import Conv
from jaxstyle.networks.trained import Trained, he_normal
from jaxstyle.networks.vgg import WIDTHS, Layer, conv_names

THIN = (32, 48, 96, 128, 128)
MIRROR = WIDTHS
LEVELS = (1, 2, 3, 4, 5)


def pad_to_multiple(image: Image | Mask, level: int) -> Image | Mask:
    """Return the image, or its mask, with its last row and column repeated to whole pixels of relu{level}_1.

    Raises `InputError` for an image too small for that layer.
    """
    unit = 2 ** (level - 1)
    if image.ndim == 3 and min(image.shape[:2]) <= unit:
        raise TooSmallError(image.shape, f"relu{level}_1", unit + 1)
    pads = [(0, -edge % unit) for edge in image.shape[:2]] + [(0, 0)] * (image.ndim - 2)
    return jnp.pad(image, pads, mode="edge") if any(map(any, pads)) else image


def encoded(encoder: Encoder, level: int, image: Image) -> Feature:
    """Return relu{level}_1 of an image of any size."""
    name = f"relu{level}_1"
    return encoder(pad_to_multiple(image, level), (name,))[name]


def decoded(decoder: Callable[[Feature], Image], feature: Feature, image: Image) -> Image:
    """Return what a feature like that of `image` decodes to: of the image's size, clipped to [0, 1]."""
    return jnp.clip(decoder(feature)[: image.shape[0], : image.shape[1]], 0, 1)


def mirrored(level: int) -> tuple[Layer, ...]:
    """Return VGG-19's convolutions from relu{level}_1 back to the image, in order."""
    layers = conv_names("vgg19")
    return layers[layers.index(f"conv{level}_1") :: -1]


class Decoder(Trained):
    """A network from the features at relu{level}_1 to an image in [0, 1], not clipped.

    `widths` are the channels at full, half, quarter, ... resolution.
    """

    conv1_1: Conv

    def __init__(self, level: int = 4, widths: tuple[int, ...] = THIN, *, rngs: nnx.Rngs):
        if level not in LEVELS or len(widths) < level:
            raise InputError(f"a decoder has a level of 1 to 5 and a width for each, not {level} of {widths}")
        self.level, self.widths = level, widths
        outputs = [3 if name == "conv1_1" else self._width(name) for name in self.layers]
        for name, pair in zip(self.layers, pairwise([WIDTHS[level - 1], *outputs]), strict=True):
            gain = 0.0 if name == "conv1_1" else 1.0
            setattr(self, name, he_normal(rngs, 3, 3, *pair, gain=gain))
        self.conv1_1.bias[...] += 0.5

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The convolutions from relu{level}_1 to the image, in order."""
        return mirrored(self.level)

    @property
    def halo(self) -> int:
        """How many pixels of the feature beyond its own a pixel of the image sees."""
        pixels = sum(2 ** (layer.block - 1) for layer in self.layers)
        return -(-pixels // 2 ** (self.level - 1))

    def _width(self, layer: Layer) -> int:
        """Return the channels after a convolution: the last of a block makes those of the block above."""
        return self.widths[layer.block - (layer.number == 1) - 1]

    def body(self, feature: Feature) -> Feature:
        """Return what the last convolution sees."""
        return self.through(self.layers[:-1], feature)

    def through(self, layers: tuple[Layer, ...], feature: Feature) -> Feature:
        """Return what the first of the convolutions make of a feature, relu included."""
        x, upsample = feature, 1
        for layer in layers:
            x = jax.nn.relu(getattr(self, layer)(x, upsample=upsample))
            upsample = 2 if layer.number == 1 else 1
        return x

    def __call__(self, feature: Feature) -> Image:
        return self.conv1_1(self.body(feature))


class Decoders(Trained):
    """One decoder for each of some levels of WCT: `level1` to `level5`."""

    def __init__(self, levels: tuple[int, ...] = LEVELS, widths: tuple[int, ...] = THIN, *, rngs: nnx.Rngs):
        self.levels, self.widths = levels, widths
        for level in levels:
            setattr(self, f"level{level}", Decoder(level, widths, rngs=rngs))

    def __getitem__(self, level: int) -> Decoder:
        if level not in self.levels:
            raise InputError(f"no decoder for level {level}: there are {', '.join(map(str, self.levels))}")
        return getattr(self, f"level{level}")

    def only(self, levels: tuple[int, ...]) -> "Decoders":
        """Return the decoders of some of these levels, the parameters shared."""
        part = nnx.eval_shape(lambda: Decoders(levels, self.widths, rngs=nnx.Rngs(0)))
        for level in levels:
            setattr(part, f"level{level}", self[level])
        return part
