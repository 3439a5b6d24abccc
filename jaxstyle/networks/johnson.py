"""The image transformation network of Johnson, Alahi & Fei-Fei 2016: one style in one forward pass.

    c9s1-32, d64, d128, R128 x 5, u64, u32, c9s1-3        image -> image

c9s1: 9 x 9 convolution; d: 3 x 3 at stride 2; R: two 3 x 3 convolutions and the identity; u: enlarge
twice, then 3 x 3. Instance normalisation and relu after every convolution but the last; in a residual
no relu after the addition.

Conventions: sRGB in [0, 1] in and out, not clipped. Inside, the picture is drawn in 0..255 around
mid-grey, so that a step of Adam moves a pixel by a hundredth, not by its whole range (the Stanford
report found the same: better pictures, stabler training). The size is kept for any height and width.

Differs from the paper as the field does: instance for batch normalisation (Ulyanov et al. 2017),
enlarge-and-convolve for strided transposed convolutions (Odena et al. 2016), and every convolution
reflects at its border, where the paper reflects once by 40 pixels and lets the residuals shrink. The
last convolution is linear, as in the Stanford report; the paper scales a tanh.
"""

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from jaxstyle.core import Feature, Image, TooSmallError
from jaxstyle.networks.trained import Trained, he_normal
from jaxstyle.statistics.moments import Moments
from jaxstyle.tiling.passes import Maps, Pass, Size, run_whole

CONSTANT = 1e-5  # a deviation, in sizes of the largest channel's mean, that float32's rounding makes

SMALLEST = 5  # pixels a side: the first convolution reflects four


class InstanceNorm(nnx.Module):
    """Bring every channel, of these moments as a whole, to its own learned mean and deviation."""

    def __init__(self, channels: int):
        self.scale, self.shift = nnx.Param(jnp.ones(channels)), nnx.Param(jnp.zeros(channels))

    def __call__(self, x: Feature, stats: Moments) -> Feature:
        """Normalise; a channel that varies by rounding alone is constant, and would be noise else."""
        rounding = CONSTANT**2 * jnp.max(stats.mean**2)
        scale = jnp.where(stats.variance > rounding, self.scale[...] / stats.deviation, 0)
        return (x - stats.mean) * scale + self.shift[...]


class Layer(NamedTuple):
    """A convolution of the network; `shrink` pixels a side become `grow`, each sees `halo` beyond its own.

    All but the last are normalised, and then rectified. One that `adds`, the second of a residual, is instead
    added to what went into the first.
    """

    name: str
    halo: int = 1
    shrink: int = 1
    grow: int = 1
    adds: bool = False


class TransformNet(Trained):
    """A network from image to image of the same size, for one style.

    `width` is the number of channels at full size (the paper's 32), `residuals` that of its blocks.
    """

    def __init__(self, width: int = 32, residuals: int = 5, *, rngs: nnx.Rngs):
        self.width, self.residuals = width, residuals
        widths = [3, width, 2 * width, 4 * width, *[4 * width] * (2 * residuals), 2 * width, width]
        for layer, (inputs, outputs) in zip(self.layers[:-1], pairwise(widths), strict=True):
            side, name = 2 * layer.halo + 1, layer.name
            setattr(self, name, he_normal(rngs, side, side, inputs, outputs))
            setattr(self, f"{name}_norm", InstanceNorm(outputs))
        self.last = he_normal(rngs, 9, 9, width, 3)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The convolutions in order: what the forward pass, the tiles and the exporter walk."""
        down = partial(Layer, shrink=2)
        up = partial(Layer, grow=2)
        numbers = range(1, self.residuals + 1)
        residuals = [Layer(f"residual{i}_{half}", adds=half == "b") for i in numbers for half in "ab"]
        large = partial(Layer, halo=4)
        return (large("first"), down("down1"), down("down2"), *residuals, up("up1"), up("up2"), large("last"))

    def passes(self, size: Size) -> list[Pass]:
        """Return the network as a pass for every convolution, which normalises what the one before made.

        Raises `InputError` for an image too small to be reflected at its border.
        """
        if any(side < SMALLEST for side in size):
            raise TooSmallError(size, "the network", SMALLEST)
        passes, finer, before = [], [], None
        for layer, after in zip(self.layers, (*self.layers[1:], None), strict=True):

            def function(maps, stats, layer=layer, before=before, branches=bool(after and after.adds)):
                x = self._activated(before, maps, stats) if before else maps[0]
                y = getattr(self, layer.name)(x, stride=layer.shrink, upsample=layer.grow)
                return (x, y) if branches else (y,)

            out_size = tuple(-(-n // layer.shrink) * layer.grow for n in size)
            step = Pass(function, size, out_size, layer.halo, layer.shrink, layer.grow)
            statistics = lambda maps: [Moments.of(maps[-1])]
            passes.append(
                step._replace(statistics=statistics, passthrough=int(layer.adds)) if before else step
            )
            finer = [*finer, size] if layer.shrink > 1 else finer
            size, before = finer.pop() if layer.grow > 1 else out_size, layer
        draw = passes[-1].function
        return [
            *passes[:-1],
            passes[-1]._replace(function=lambda *arguments: ((127.5 + draw(*arguments)[0]) / 255,)),
        ]

    def _activated(self, layer: Layer, maps: Maps, stats: list) -> Feature:
        """Return what a convolution made, normalised: rectified, or added to what its residual began with."""
        normalised = getattr(self, f"{layer.name}_norm")(maps[-1], stats[0])
        return maps[0] + normalised if layer.adds else jax.nn.relu(normalised)

    def __call__(self, image: Image) -> Image:
        return run_whole(self.passes(image.shape[:2]), image)[0]
