"""Decoders that are given what pooling threw away, and so keep every edge where it was.

    conv4_1, up, conv3_4, ..., up, conv1_2, conv1_1 -> image        relu after every convolution but the last

as in `decoders.py`, but `up` puts the features of a block back with the help of the encoder's, before it
pooled them (`Skip`):

| `unpool` | up | paper |
|---|---|---|
| `max` | every value at the place of the maximum, zeros around it | PhotoWCT, Li et al. 2018 |
| `sum` | the inverse Haar transform with the encoder's three details | WCT2, Yoo et al. 2019 |
| `cat` | its four addends side by side, and the features themselves: 5 times the channels | WCT2's default |

The Haar transform of 2 x 2 pixels a b / c d, whose first band is average pooling:

    low = (a+b+c+d)/4   rows = (a+b-c-d)/4   columns = (a-b+c-d)/4   diagonal = (a-b-c+d)/4

Differs from the papers: one network, entered at any level, where PhotoWCT has one for each; a convolution is
thin, with a 1 x 1 one to lift it to VGG's width (`RANKS`); the paper's bands are twice as large, which would
not be what an encoder with average pooling sees.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from jaxstyle.core import Encoder, Feature, FeatureHook, Image, InputError, identity_hook, unknown_name
from jaxstyle.networks.conv import Conv
from jaxstyle.networks.decoders import mirrored, pad_to_multiple
from jaxstyle.networks.pooling import average_pool, first_maximum, max_pool, quarters, unpool_to
from jaxstyle.networks.trained import Trained, he_normal
from jaxstyle.networks.vgg import BLOCKS, WIDTHS, Layer

LEVELS = (1, 2, 3, 4)
RANKS = (16, 24, 36, 48)
Details = tuple[Feature, ...]  # rows, columns, diagonal


class Skip(NamedTuple):
    """Features before they are pooled, and the details that average pooling loses."""

    before: Feature
    details: Details


def haar(x: Feature) -> tuple[Feature, Details]:
    """Return the mean of 2 x 2 blocks and the three details; an odd last row or column is dropped."""
    a, b, c, d = quarters(x)
    return (a + b + c + d) / 4, ((a + b - c - d) / 4, (a - b + c - d) / 4, (a - b - c + d) / 4)


def interleaved(a: Feature, b: Feature, c: Feature, d: Feature) -> Feature:
    """Return the image whose 2 x 2 blocks are a b / c d."""
    h, w, channels = a.shape
    rows = jnp.stack([jnp.stack([a, b], 2), jnp.stack([c, d], 2)], 1)
    return rows.reshape(2 * h, 2 * w, channels)


def unhaar(low: Feature, details: Details) -> Feature:
    """Return what `haar` took apart."""
    rows, columns, diagonal = details
    top, bottom, left, right = low + rows, low - rows, columns + diagonal, columns - diagonal
    return interleaved(top + left, top - left, bottom + right, bottom - right)


def unpool_max(x: Feature, skip: Skip) -> Feature:
    """Put every value where the first maximum of its block was."""
    return unpool_to(first_maximum(skip.before), x)


def unpool_sum(x: Feature, skip: Skip) -> Feature:
    """Undo average pooling."""
    return unhaar(x, skip.details)


def unpool_cat(x: Feature, skip: Skip) -> Feature:
    """Undo average pooling but for the sum, and add the features before it."""
    none = jnp.zeros_like(x)
    alone = lambda index: tuple(detail if index == i else none for i, detail in enumerate(skip.details))
    return jnp.concatenate(
        [skip.before, unhaar(x, (none,) * 3), *(unhaar(none, alone(index)) for index in range(3))], axis=-1
    )


UNPOOLS = {"max": unpool_max, "sum": unpool_sum, "cat": unpool_cat}


class Unpooling(Trained):
    """A network from the features at relu{l}_1, l from 1 to `level`, and the skips above, to an image."""

    conv1_1: Conv

    def __init__(
        self, level: int = 4, unpool: str = "max", ranks: tuple[int, ...] = RANKS, *, rngs: nnx.Rngs
    ):
        if unpool not in UNPOOLS:
            raise unknown_name("unpooling", unpool, UNPOOLS)
        if level not in LEVELS or len(ranks) < level:
            raise InputError(
                f"such a decoder has a level of 1 to 4 and a rank for each, not {level} of {ranks}"
            )
        self.level, self.unpool, self.ranks = level, unpool, ranks
        for name in self.layers[:-1]:
            inputs = WIDTHS[name.block - 1] * (5 if unpool == "cat" and self._unpooled(name) else 1)
            outputs = WIDTHS[name.block - 1 - (name.number == 1)]
            setattr(self, name, thin(rngs, inputs, outputs, ranks[name.block - 1]))
        self.conv1_1 = he_normal(rngs, 3, 3, WIDTHS[0], 3, gain=0.0)
        self.conv1_1.bias[...] += 0.5

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The convolutions from relu{level}_1 to the image, in order."""
        return mirrored(self.level)

    @property
    def pool(self) -> Callable[[Feature], Feature]:
        """The pooling that it undoes."""
        return max_pool if self.unpool == "max" else average_pool

    def encoded(
        self, encoder: Encoder, image: Image, level: int, hook: FeatureHook = identity_hook
    ) -> tuple[Feature, dict[int, Skip]]:
        """Return relu{level}_1 of an image of any size, and the skips of the blocks before.

        `hook(layer, feature)` stands for relu1_1, relu2_1, ... in what follows.
        """
        names = encoder.layers
        before = {block: names[names.index(f"pool{block}") - 1] for block in range(1, level)}
        name = f"relu{level}_1"
        changes = lambda layer: layer.kind == "relu" and layer.number == 1
        changed = lambda layer, x: hook(layer, x) if changes(Layer(layer)) else x
        network = encoder.with_pool(self.pool)
        features = network(pad_to_multiple(image, level), (name, *before.values()), changed)
        skips = {block: Skip(features[layer], haar(features[layer])[1]) for block, layer in before.items()}
        return features[name], skips

    def __call__(self, feature: Feature, skips: dict[int, Skip], hook: FeatureHook = identity_hook) -> Image:
        """Return the image, not clipped, of features from the block that follows the skips'.

        `hook(layer, feature)` stands for what is decoded so far at relu3_1, relu2_1, relu1_1.
        """
        x, level = feature, len(skips) + 1
        for layer in self.layers[self.layers.index(f"conv{level}_1") :]:
            if layer.number == 1 and layer.block < level:
                x = hook(f"relu{layer.block}_1", x)
            if self._unpooled(layer) and layer.block < level:
                x = UNPOOLS[self.unpool](x, skips[layer.block])
            x = getattr(self, layer)(x)
            x = x if layer == "conv1_1" else jax.nn.relu(x)
        return x

    def _unpooled(self, layer: Layer) -> bool:
        """Tell whether a convolution sees what was unpooled: the last of its block."""
        return layer.block < self.level and layer.number == BLOCKS["vgg19"][layer.block - 1]


def thin(rngs: nnx.Rngs, inputs: int, outputs: int, rank: int) -> Conv:
    """Return a random convolution of a rank, which keeps the variance of relu features."""
    conv = he_normal(rngs, 3, 3, inputs, rank)
    lift = rank**-0.5 * jax.random.normal(rngs.params(), (rank, outputs))
    return Conv(conv.kernel[...], jnp.zeros(outputs), lift)
