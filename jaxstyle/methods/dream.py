"""DeepDream (Mordvintsev, Olah & Tyka 2015): let a picture excite layers, and see what it turns into.

    image = argmin_x  Activation(x; picture) + a Content(x; picture) + t Variation(x)

Differs from the authors' notebook: Adam at one resolution instead of normalised steps in octaves.
"""

from typing import Annotated, Any

import jax.numpy as jnp

from jaxstyle.core import Image, Loss, Mask, Sum, pytree, static
from jaxstyle.losses import Activation, Content, Variation
from jaxstyle.methods.descent import Descent, Target
from jaxstyle.methods.starts import UnstyledStart, from_content
from jaxstyle.optimizers import OPTIMIZERS, Adam, Optimizer
from jaxstyle.options import Count, Layers, Number, one_of

DEFAULT = {"relu4_1": 1.0}


@pytree
class Dream(Descent):
    """Let a picture excite layers of the encoder more and more.

    Attributes:
        encoder: the network that sees the picture; vgg19-lite comes with the library
        layers: layers to excite, with weights; by default relu4_1
        content_weight: weight of the content loss
        tv_weight: weight of the total variation: smoother above 0
    """

    layers: Layers | None = None
    content_weight: Number = 0.0
    tv_weight: Number = 1e-5
    optimizer: Annotated[Optimizer, one_of(OPTIMIZERS)] = Adam(0.01)
    steps: Count = static(default=100)
    init: UnstyledStart = static(default=from_content)

    def target(self, style: Image, mask: Mask | None) -> Target:
        return Target(Sum([]), style)

    def loss(self, content: Image, target: Any) -> Loss:
        excited, content_layers = self.layers or DEFAULT, self.encoder.content_layers
        features = self.encoder(content, (*excited, *content_layers))
        dream = Activation.relative(features, excited)
        keep = Content.relative(features, content_layers)
        return dream + self.content_weight * keep + self.tv_weight * Variation(jnp.square)
