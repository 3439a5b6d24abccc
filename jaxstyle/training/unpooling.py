"""The decoder of PhotoWCT and of WCT2: features and what pooling lost, back to the image.

    L = sum_l mean((D(F_l(x), skips of x) - x)^2)        l = 1 .. level, D entered at relu{l}_1

The encoder pools as the decoder unpools: by the maximum for PhotoWCT (Li et al. 2018), by the mean, the first
band of the Haar transform, for WCT2 (Yoo et al. 2019).

Differs from the papers: one decoder for all levels; pixels alone, no feature term.
"""

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
from flax import nnx
from jaxtyping import PRNGKeyArray

from jaxstyle.core import Image, Scalar, pytree, static
from jaxstyle.networks.unpooling import RANKS, UNPOOLS, Unpooling
from jaxstyle.options import Levels, one_of
from jaxstyle.training.recipe import Recipe


@pytree
class UnpoolingDecoder(Recipe):
    """A decoder that is given what pooling lost, for PhotoWCT (max) and WCT2 (sum, cat).

    Attributes:
        unpool: how: max, sum or cat
        ranks: of the convolutions at full, half, quarter, eighth size
    """

    NAME: ClassVar[str] = "unpooling"
    DEFAULTS: ClassVar[dict[str, Any]] = {"batch_size": 4, "size": 128, "learning_rate": 1e-3}

    unpool: Annotated[str, one_of([*UNPOOLS])] = static(default="max")
    ranks: Levels = static(default=RANKS)

    def network(self, rngs: nnx.Rngs) -> Unpooling:
        return Unpooling(4, self.unpool, self.ranks, rngs=rngs)

    def outputs(self, params: Unpooling, image: Image) -> list[Image]:
        """Return what the decoder makes of an image's features at each level."""
        levels = range(1, params.level + 1)
        return [params(*params.encoded(self.encoder, image, level)) for level in levels]

    def loss(self, params: Unpooling, example: dict[str, Image], key: PRNGKeyArray) -> dict[str, Scalar]:
        """Return the error of the pixels by level."""
        image = example["image"]
        outputs = enumerate(self.outputs(params, image), 1)
        return {f"pixel{level}": jnp.mean((output - image) ** 2) for level, output in outputs}

    def sample(self, params: Unpooling, example: dict[str, Image]) -> list[Image]:
        """Return the image, and what each level makes of its features."""
        return [example["image"], *self.outputs(params, example["image"])]
