"""DeepDream (Mordvintsev, Olah & Tyka 2015): let a picture excite layers, and see what it turns into.

    image = argmin_x  Activation(x; picture) + a Content(x; picture) + t Variation(x)

Differs from the authors' notebook: Adam at one resolution instead of normalised steps in octaves.
"""

from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxstyle.core import Encoder, Image, Loss, Mask, Sum, pytree, static
from jaxstyle.losses import Activation, Content, Variation
from jaxstyle.methods.descent import Descent, Start, Target, from_content
from jaxstyle.methods.gatys import Weights
from jaxstyle.optimizers import Adam, Optimizer

DEFAULT = {"relu4_1": 1.0}


@pytree
class Dream(Descent):
    """Let a picture excite layers of the encoder more and more.

    `encoder`: the network that sees the picture; vgg19-lite comes with the library
    `layers`: layers to excite, with weights; by default relu4_1
    `content_weight`: weight of the content loss
    `tv_weight`: weight of the total variation: smoother above 0
    `optimizer`: Adam; L-BFGS as in PyTorch, with a filter it learns, or with optax's line search
    `steps`: steps of the optimiser
    `init`: the first image
    `seed`: seed of the noise
    """

    NEEDS_STYLE = False

    encoder: Encoder
    layers: Weights | None = None
    content_weight: float = 0.0
    tv_weight: float = 1e-5
    optimizer: Optimizer = Adam(0.01)
    steps: int = static(default=100)
    init: Start = static(default=from_content)
    seed: ArrayLike = 0

    def prepare(self, style: Image, mask: Mask | None = None) -> Target:
        return Target(Sum([]), style)

    def loss(self, content: Image, target: Any) -> Loss:
        excited, kept = self.layers or DEFAULT, self.encoder.content_layers
        features = self.encoder(content, (*excited, *kept))
        dream = Activation.relative(features, excited)
        keep = Content.relative(features, kept)
        return dream + self.content_weight * keep + self.tv_weight * Variation(jnp.square)
