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

import jax
import jax.numpy as jnp
from flax import nnx

from jaxstyle.core import Feature, Image, TooSmallError
from jaxstyle.networks.convolution import doubling_conv, halving_conv, large_conv
from jaxstyle.networks.decoders import trained_conv
from jaxstyle.networks.trained import Seed, Trained, he_normal, part
from jaxstyle.statistics.moments import Moments
from jaxstyle.windows import Pass, Size, whole

CONSTANT = 1e-5  # a deviation, in sizes of the largest channel's mean, that float32's rounding makes

SMALLEST = 5  # pixels a side: the first convolution reflects four


class InstanceNorm(nnx.Module):
    """Bring every channel, of these moments as a whole, to its own learned mean and deviation."""

    def __init__(self, channels: int):
        self.scale, self.shift = nnx.Param(jnp.ones(channels)), nnx.Param(jnp.zeros(channels))

    def __call__(self, x: Feature, own: Moments) -> Feature:
        """Normalise; a channel that varies by rounding alone is constant, and would be noise else."""
        rounding = CONSTANT**2 * jnp.max(own.mean**2)
        scale = jnp.where(own.variance > rounding, self.scale[...] / own.deviation, 0)
        return (x - own.mean) * scale + self.shift[...]


class TransformNet(Trained):
    """A network from image to image of the same size, for one style.

    `width` is the number of channels at full size (the paper's 32), `residuals` that of its blocks.
    """

    def __init__(self, width: int = 32, residuals: int = 5, seed: Seed = 0):
        self.width, self.residuals = width, residuals
        widths = [3, width, 2 * width, 4 * width, *[4 * width] * (2 * residuals), 2 * width, width]
        key = part(seed, type(self).__name__)
        for name, (inputs, outputs) in zip(self.layers, pairwise(widths), strict=True):
            side = 9 if name == "first" else 3
            setattr(self, name, he_normal(part(key, name), side, side, inputs, outputs))
            setattr(self, f"{name}_norm", InstanceNorm(outputs))
        self.last = he_normal(part(key, "last"), 9, 9, width, 3)

    @property
    def layers(self) -> tuple[str, ...]:
        """The convolutions with a normalisation, in order."""
        residuals = [f"residual{i}_{half}" for i in range(1, self.residuals + 1) for half in "ab"]
        return ("first", "down1", "down2", *residuals, "up1", "up2")

    def passes(self, size: Size) -> list[Pass]:
        """Return the network as a pass for every convolution, which normalises what the one before made.

        A map that a residual will be added to goes past its second convolution, first.

        Raises `InputError` for an image too small to be reflected at its border.
        """
        if any(side < SMALLEST for side in size):
            raise TooSmallError(size, "the network", SMALLEST)
        sizes = [tuple(-(-n // 2**level) for n in size) for level in range(3)]
        norm = lambda name, x, own: getattr(self, f"{name}_norm")(x, own[0])
        active = lambda name, maps, own: jax.nn.relu(norm(name, maps[-1], own))
        added = lambda name, maps, own: maps[0] + norm(name, maps[1], own)
        conv = lambda name, x, convolve=trained_conv: getattr(self, name)(x, convolve)
        step = partial(Pass, measure=lambda maps: [Moments.of(maps[-1])])

        passes = [Pass(lambda maps, own: (conv("first", maps[0], large_conv),), size, size, 4)]
        for level, (name, before) in enumerate((("down1", "first"), ("down2", "down1"))):

            def down(maps, own, name=name, before=before):
                return (conv(name, active(before, maps, own), halving_conv),)

            passes.append(step(down, sizes[level], sizes[level + 1], 1, 2))
        enter, before = active, "down2"
        for i in range(1, self.residuals + 1):
            a, b = f"residual{i}_a", f"residual{i}_b"

            def first(maps, own, enter=enter, before=before, a=a):
                x = enter(before, maps, own)
                return x, conv(a, x)

            def second(maps, own, a=a, b=b):
                return (conv(b, active(a, maps, own)),)

            passes += [step(first, sizes[2], sizes[2], 1), step(second, sizes[2], sizes[2], 1, past=1)]
            enter, before = added, b
        for level, name in ((2, "up1"), (1, "up2")):

            def up(maps, own, enter=enter, name=name, before=before):
                return (conv(name, enter(before, maps, own), doubling_conv),)

            passes.append(step(up, sizes[level], tuple(2 * n for n in sizes[level]), 1, 1, 2))
            enter, before = active, name
        last = lambda maps, own: ((127.5 + self.last(active("up2", maps, own), large_conv)) / 255,)
        return [*passes, step(last, size, size, 4)]

    def __call__(self, image: Image) -> Image:
        return whole(self.passes(image.shape[:2]), image)[0]
