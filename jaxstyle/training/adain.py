"""AdaIN's decoder: one network for all styles (Huang & Belongie 2017).

    t = AdaIN(F(content), F(style)),    y = D(t)
    L = c mean((F(y) - t)^2) + s sum_l (mean (m(y) - m(style))^2 + mean (s(y) - s(style))^2) + w weave(y)

F at relu4_1 for the content, relu1_1 to relu4_1 for the style; `weave.py`, which the paper lacks, keeps the
decoder from making cloth of flat areas. Means over channels, with the weight 10 of naoto0804's code; the
paper's code sums over channels and takes 1e-2, which weighs the deep layers more.
"""

from typing import Any, ClassVar

import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import PRNGKeyArray

from jaxstyle.core import Image, Scalar, pytree, static
from jaxstyle.losses import Moments
from jaxstyle.networks.decoders import THIN, Decoder, Decoders
from jaxstyle.options import Levels, Number
from jaxstyle.statistics import moments
from jaxstyle.training.recipe import Recipe
from jaxstyle.training.weave import weave
from jaxstyle.transforms import match_moments

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
LONGEST = 500.0  # of batches of four, by the default weights, half the gradients are longer than 390


@pytree
class AdaIN(Recipe):
    """AdaIN's decoder for any style, from pairs of photographs and styles.

    Attributes:
        content_weight: weight of the content
        style_weight: weight of the style
        weave_weight: weight against threads and cells that repeat
        widths: the decoder's channels at full, half, quarter, eighth size; those of `start` if there is one
    """

    NAME: ClassVar[str] = "adain"
    SOURCES: ClassVar[tuple[str, ...]] = ("image", "style")
    DEFAULTS: ClassVar[dict[str, Any]] = {"batch_size": 8, "size": 256, "learning_rate": 1e-4}

    content_weight: Number = 1.0
    style_weight: Number = 10.0
    weave_weight: Number = 1000.0
    widths: Levels = static(default=THIN)

    def network(self, rngs: nnx.Rngs) -> Decoder:
        return Decoder(4, self.widths, rngs=rngs)

    def init(self, rngs: nnx.Rngs) -> Decoder:
        """Return the decoder to begin with; of WCT's decoders it is that of level 4."""
        start = self.start[4] if isinstance(self.start, Decoders) else self.start
        widths = start.widths if isinstance(start, Decoder) else self.widths
        return Recipe.init(self.replace(start=start, widths=widths), rngs)

    def optimizer(self, learning_rate: float, steps: int) -> optax.GradientTransformation:
        """Return Adam for gradients cut to a norm of `LONGEST`: one odd pair cost what 500 steps had won."""
        return optax.chain(optax.clip_by_global_norm(LONGEST), super().optimizer(learning_rate, steps))

    def loss(self, params: Decoder, example: dict[str, Image], key: PRNGKeyArray) -> dict[str, Scalar]:
        """Return the terms of the loss for one pair."""
        style = self.encoder(example["style"], LAYERS)
        content = self.encoder(example["image"], LAYERS[-1:])["relu4_1"]
        target = match_moments(content, moments.Moments.of(style["relu4_1"]))
        image = params(target)
        features = self.encoder(image, LAYERS)
        match = Moments.mean(style, dict.fromkeys(LAYERS, self.style_weight))
        distance = self.content_weight * jnp.mean((features["relu4_1"] - target) ** 2)
        return {"content": distance, "style": match(features), "weave": self.weave_weight * weave(image)}

    def sample(self, params: Decoder, example: dict[str, Image]) -> list[Image]:
        """Return the photograph, the style, and one in the other."""
        features = (self.encoder(example[name], LAYERS[-1:])["relu4_1"] for name in self.SOURCES)
        content, style = features
        return [example["image"], example["style"], params(match_moments(content, moments.Moments.of(style)))]
