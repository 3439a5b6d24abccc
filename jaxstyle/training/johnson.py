"""Johnson's network for one style (Johnson, Alahi & Fei-Fei 2016).

    L = c |F(y) - F(x)|^2 + s |G(y) - G(style)|^2 + t TV(y),        y = net(x)

The loss is that of `methods/gatys.py`, on the output of a network instead of free pixels, with the same
loss objects: relative to their targets by default, so that one weight serves every encoder and style.

Differs from the paper: see `networks/johnson.py`; two epochs by default, as most codes and the Stanford
report, where the paper takes 40,000 steps of four images.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import jax
from flax import nnx
from jaxtyping import PRNGKeyArray

from jaxstyle.core import Encoder, Image, InputError, Loss, Scalar, pytree, static
from jaxstyle.losses import Content, Gram, Variation
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.options import Count, Layers, Number
from jaxstyle.training.recipe import Recipe


@pytree
class Johnson(Recipe):
    """Johnson's feed-forward network for one style.

    Attributes:
        content_weight: weight of the content
        style_weight: weight of the style
        tv_weight: weight of the total variation
        content_layers: layers of the content and their weights
        style_layers: layers of the style and their weights
        width: channels at full size
    """

    NAME: ClassVar[str] = "johnson"
    DECAYS: ClassVar[bool] = False
    DEFAULTS: ClassVar[dict[str, Any]] = {"batch_size": 4, "size": 256, "learning_rate": 1e-3}
    PRESETS: ClassVar[dict[str, str]] = {"stanford": "vgg16"}

    target: Loss | None = None
    content_weight: Number = 1.0
    style_weight: Number = 10.0
    tv_weight: Number = 1e-5
    content_layers: Layers = dataclasses.field(default_factory=lambda: {"relu3_1": 1.0})
    style_layers: Layers = dataclasses.field(
        default_factory=lambda: dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1"), 0.25)
    )
    content_loss: Callable[..., Loss] = static(default=Content.relative)
    style_loss: Callable[..., Loss] = static(default=Gram.relative)
    width: Count = static(default=32)

    @classmethod
    def stanford(cls, encoder: Encoder) -> "Johnson":
        """The Stanford report (Wang, Guo & Lu), for VGG-16: relu2_2, style 1e5, TV 1e-7, as printed.

        It takes style weights from 8e3 to 1e5 "depending on which style".
        """
        return cls(
            encoder,
            style_weight=1e5,
            tv_weight=1e-7,
            content_layers={"relu2_2": 1.0},
            style_layers=dict.fromkeys(("relu1_2", "relu2_2", "relu3_3", "relu4_3"), 1.0),
            content_loss=Content.mean,
            style_loss=Gram.mean,
        )

    def prepare(self, style: Image) -> "Johnson":
        features = jax.jit(lambda encoder: encoder(style, self.style_layers))(self.encoder)
        return self.replace(target=self.style_loss(features, self.style_layers))

    def network(self, rngs: nnx.Rngs) -> TransformNet:
        return TransformNet(self.width, rngs=rngs)

    def loss(self, params: TransformNet, example: dict[str, Image], key: PRNGKeyArray) -> dict[str, Scalar]:
        if self.target is None:
            raise InputError("johnson learns one style: give --style a picture")
        content = self.encoder(example["image"], self.content_layers)
        features = self.encoder(params(example["image"]), {**self.content_layers, **self.style_layers})
        keep = self.content_loss(content, self.content_layers)
        loss = self.content_weight * keep + self.style_weight * self.target + self.tv_weight * Variation()
        return loss.terms(features)

    def sample(self, params: TransformNet, example: dict[str, Image]) -> list[Image]:
        """Return the image and its picture in the style."""
        return [example["image"], params(example["image"])]
