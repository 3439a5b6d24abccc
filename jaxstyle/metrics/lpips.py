"""LPIPS: the distance of two pictures, by features that judgements weigh (Zhang et al. 2018).

    d = sum_l mean_p sum_c w_lc (x_lpc - y_lpc)^2        x_l, y_l: features over their length, per pixel

w: the published "linear heads", version 0.1, one a layer (richzhang/PerceptualSimilarity, BSD-2). Those for
AlexNet and VGG-16 come with the weights `alexnet` and `vgg16`; those for SqueezeNet 1.1 are the authors'
`squeeze.pth`. They were fitted on torchvision's weights: on others, such as the Caffe SqueezeNet's, the
number is a distance of the same kind, not one to compare with published ones.
"""

from pathlib import Path

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle import weights
from jaxstyle.core import Encoder, Feature, Image, InputError, Scalar, pytree
from jaxstyle.weights import torchfile
from jaxstyle.weights.parameters import HEADS_OF


@pytree
class LPIPS:
    """A measure on pairs of images of one size: 0 for the same; of photographs rarely over 0.8."""

    encoder: Encoder
    heads: dict[str, Float[Array, " c"]]

    @classmethod
    def load(cls, name: str = "alexnet") -> "LPIPS":
        """Return the measure of the weights `name`: alexnet, on which it is mostly reported, or vgg16.

        They are downloaded where that is the only way. Raises `InputError` for weights without heads.
        """
        return cls(weights.load_encoder(name), weights.load_heads(name))

    @classmethod
    def read(cls, path: str | Path, encoder: Encoder) -> "LPIPS":
        """Read the heads of a published file for the encoder; raises `InputError` where they do not fit."""
        heads = [jnp.ravel(head) for head in torchfile.read(path).values()]
        for layers in HEADS_OF.values():
            if set(layers) <= set(encoder.layers) and len(layers) == len(heads):
                return cls(encoder, dict(zip(layers, heads, strict=True)))
        raise InputError(f"{path}: {len(heads)} heads, which do not fit the encoder; see metrics/lpips.py")

    def __call__(self, image: Image, other: Image) -> Scalar:
        if image.shape != other.shape:
            raise InputError("LPIPS takes two images of one size")
        features, goals = self.encoder(image, self.heads), self.encoder(other, self.heads)
        difference = lambda name: jnp.mean((_unit(features[name]) - _unit(goals[name])) ** 2, (0, 1))
        return sum((jnp.dot(head, difference(name)) for name, head in self.heads.items()), jnp.zeros(()))


def _unit(feature: Feature) -> Feature:
    return feature / jnp.sqrt(jnp.sum(feature**2, -1, keepdims=True) + 1e-20)
