"""The linear transfer network of Li, Liu, Kautz & Yang 2019: a learned matrix instead of a computed one.

    y = U M_s M_c K (f - m) + m_s,        M_x = matrix(V(g) V(g)^T / (h w)),  g = f_x - m_x

K and U are 1 x 1 convolutions to `matrix` channels and back, V three 3 x 3 convolutions, `matrix` a fully
connected layer on the flattened second moments. m, m_s are the means of content and style.

The file holds the decoder too, which is not trained here. Differs from the paper's code: reflected
borders, and matrices that start near the identity.
"""

from itertools import pairwise

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxstyle.core import Feature, InputError, Mask
from jaxstyle.networks.conv import Conv
from jaxstyle.networks.decoders import LEVELS, THIN, Decoder
from jaxstyle.networks.trained import Trained, he_normal
from jaxstyle.networks.vgg import WIDTHS
from jaxstyle.statistics.covariance import second_moment
from jaxstyle.statistics.moments import weighted_mean


class Matrix(nnx.Module):
    """A matrix learned from a centred feature by its second moments."""

    conv1: Conv
    conv2: Conv
    conv3: Conv

    def __init__(self, channels: int, matrix: int, *, rngs: nnx.Rngs):
        widths = (channels, channels // 2, channels // 4, matrix)
        for i, pair in enumerate(pairwise(widths), 1):
            setattr(self, f"conv{i}", he_normal(rngs, 3, 3, *pair))
        noise = jax.random.normal(rngs.params(), (matrix**2, matrix**2))
        self.kernel = nnx.Param(0.1 / matrix * noise)
        self.bias = nnx.Param(jnp.eye(matrix).reshape(-1))

    def __call__(self, centred: Feature, weight: Mask | None) -> Float[Array, "m m"]:
        x = jax.nn.relu(self.conv1(centred))
        x = jax.nn.relu(self.conv2(x))
        moments = second_moment(self.conv3(x), weight)
        flat = moments.reshape(-1) @ self.kernel[...] + self.bias[...]
        return flat.reshape(moments.shape)


class LinearTransfer(Trained):
    """Two matrix networks, compression and decoder for the features at relu{level}_1."""

    def __init__(self, level: int = 4, matrix: int = 32, widths: tuple[int, ...] = THIN, *, rngs: nnx.Rngs):
        if level not in LEVELS:
            raise InputError(f"level {level} is none of 1 to 5")
        self.level, self.matrix, self.widths = level, matrix, widths
        channels = WIDTHS[level - 1]
        self.content = Matrix(channels, matrix, rngs=rngs)
        self.style = Matrix(channels, matrix, rngs=rngs)
        self.compress = he_normal(rngs, 1, 1, channels, matrix, gain=0.5**0.5)
        self.expand = he_normal(rngs, 1, 1, matrix, channels, gain=0.5**0.5)
        self.decoder = Decoder(level, widths, rngs=rngs)

    def __call__(
        self,
        content: Feature,
        style: Feature,
        content_weight: Mask | None = None,
        style_weight: Mask | None = None,
    ) -> Feature:
        """Return the features of the content, transformed; masks say what counts of it and of the style."""
        mean, target = weighted_mean(content, content_weight), weighted_mean(style, style_weight)
        matrix = self.style(style - target, style_weight) @ self.content(content - mean, content_weight)
        compressed = self.compress(content - mean)
        return self.expand(compressed @ matrix.T) + target
