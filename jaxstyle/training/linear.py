"""The linear transfer network (Li, Liu, Kautz & Yang 2019): a matrix for every pair in one forward pass.

    y = D(transfer(F(content), F(style)))
    L = c |F(y) - F(content)|^2 + s sum_l |G_l(y) - G_l(style)|^2

F at relu4_1 for the content, relu1_1 to relu4_1 for the style. The decoder D is that of a file of WCT
decoders and stays as it is.

Differs from the paper's code: the terms are relative to their targets' sizes, and so are the weights;
no separate term for the means, which are in the uncentred Gram matrices.
"""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import PRNGKeyArray

from jaxstyle.core import Image, InputError, Scalar, pytree, static
from jaxstyle.losses import Content, Gram
from jaxstyle.networks.decoders import THIN, Decoders
from jaxstyle.networks.linear import LinearTransfer
from jaxstyle.options import Count, Number
from jaxstyle.training.recipe import Recipe

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


@pytree
class Linear(Recipe):
    """The linear transfer network for any style, from pairs of photographs and styles.

    Attributes:
        content_weight: weight of the content
        style_weight: weight of the style
        level: the features relu{level}_1 are transformed
        matrix: rows and columns of the learned matrix
    """

    NAME: ClassVar[str] = "linear"
    SOURCES: ClassVar[tuple[str, ...]] = ("image", "style")
    DEFAULTS: ClassVar[dict[str, Any]] = {"batch_size": 8, "size": 256, "learning_rate": 1e-4}

    content_weight: Number = 1.0
    style_weight: Number = 10.0
    level: Count = static(default=4)
    matrix: Count = static(default=32)
    widths: tuple[int, ...] = static(default=THIN)

    def network(self, rngs: nnx.Rngs) -> LinearTransfer:
        return LinearTransfer(self.level, self.matrix, self.widths, rngs=rngs)

    def init(self, rngs: nnx.Rngs) -> LinearTransfer:
        """Return the network to begin with: untrained, but with a decoder of WCT's; or a copy of `start`."""
        if self.start is None:
            raise InputError("linear needs decoders: --start wct-decoders, or a file of them")
        if not isinstance(self.start, Decoders):
            return Recipe.init(self, rngs)
        network = self.replace(widths=self.start.widths).network(rngs)
        network.decoder = jax.tree.map(jnp.array, self.start[self.level])
        return network

    def transfer(self, params: LinearTransfer, image: Image, style: Image) -> Image:
        """Return the image in the style, not clipped."""
        name = f"relu{self.level}_1"
        content, style = (self.encoder(x, (name,))[name] for x in (image, style))
        return jax.lax.stop_gradient(params.decoder)(params(content, style))

    def loss(self, params: LinearTransfer, example: dict[str, Image], key: PRNGKeyArray) -> dict[str, Scalar]:
        layers: dict[str, float] = {name: 1 / len(LAYERS) for name in LAYERS}
        keep = Content.relative(self.encoder(example["image"], LAYERS[-1:]), dict.fromkeys(LAYERS[-1:], 1.0))
        match = Gram.relative(self.encoder(example["style"], LAYERS), layers)
        loss = self.content_weight * keep + self.style_weight * match
        return loss.terms(self.encoder(self.transfer(params, **example), LAYERS))

    def sample(self, params: LinearTransfer, example: dict[str, Image]) -> list[Image]:
        return [*example.values(), self.transfer(params, **example)]
