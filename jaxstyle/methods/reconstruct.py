"""Reconstruction: what layers know of one picture (Mahendran & Vedaldi 2015; Gatys et al. 2016, figure 1).

    image = argmin_x  a Content(x; picture) + b Gram(x; picture) + t Variation(x)        from noise

With `content_layers` alone the scene comes back, the blurrier the deeper the layer; with `style_layers`
alone a texture, of larger pieces the deeper. Content and style are the same picture here.
"""

from typing import Any

from jaxstyle.core import Image, Loss, Mask, pytree, static
from jaxstyle.losses import Content, Gram, Variation
from jaxstyle.methods.descent import Descent, Target, style_loss
from jaxstyle.methods.starts import UnstyledStart, from_noise
from jaxstyle.options import Layers, Number


@pytree
class Reconstruct(Descent):
    """Draw from noise what layers of the encoder know of a picture.

    Attributes:
        encoder: the network that sees the picture; vgg19-lite comes with the library
        content_layers: layers whose features are given back, with weights
        style_layers: layers whose second moments are given back, with weights
        tv_weight: weight of the total variation: smoother above 0
    """

    content_layers: Layers | None = None
    style_layers: Layers | None = None
    tv_weight: Number = 0.0
    init: UnstyledStart = static(default=from_noise)

    def target(self, style: Image, mask: Mask | None) -> Target:
        weights = self.style_layers or {}
        return Target(Gram.relative(self.encoder(style, tuple(weights)), weights, mask), style)

    def loss(self, content: Image, target: Any) -> Loss:
        weights = self.content_layers or ({} if self.style_layers else self.encoder.content_layers)
        keep = Content.relative(self.encoder(content, tuple(weights)), weights)
        return keep + style_loss(target) + self.tv_weight * Variation()
