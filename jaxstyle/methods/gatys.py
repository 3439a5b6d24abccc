"""Neural style by optimisation (Gatys, Ecker & Bethge, CVPR 2016).

    image = argmin_x  a Content(x; content) + b 100^(2s - 1) Gram(x; style) + t Variation(x)

The strength s moves from the content, 0, to the style, 1; at 1/2 it leaves the weights as they are.
Any other loss of `losses/` can stand for `Gram`: see `LOSSES`, and `mrf.py` and `mmd.py` for papers.

The default is this library's own: losses relative to their targets, so that one style weight means
the same for every encoder and depth, from the content, coarse to fine by L-BFGS: 200 steps at a quarter of
the size, 200 at half, 80 at full size, at a weight that leaves a face a face. The presets are the sources',
each at one size and exact in its loss; where a source is silent, the docstring says what was chosen. All
optimise pixels in [0, 1] (the sources: 0..255 less the mean); L-BFGS does not mind but for the length of its
first step.
"""

from collections.abc import Callable
from typing import Annotated, Any

import jax.numpy as jnp

from jaxstyle.core import Encoder, Image, Loss, Mask, pytree, static
from jaxstyle.losses import (
    MMD,
    MRF,
    Content,
    Gram,
    Histograms,
    LinearMMD,
    Moments,
    PolynomialMMD,
    SlicedWasserstein,
    Variation,
)
from jaxstyle.methods.descent import Descent, Target, style_loss
from jaxstyle.methods.starts import from_noise
from jaxstyle.networks.pooling import average_pool
from jaxstyle.networks.vgg import WIDTHS
from jaxstyle.optimizers import LBFGS, Adam
from jaxstyle.options import Count, Layers, Number, Share, one_of

LayerLoss = Callable[..., Loss]  # (features, weights[, mask of the style])
Weights = dict[str, float]


LOSSES: dict[str, LayerLoss] = {
    "gram": Gram.relative,
    "moments": Moments.relative,
    "mmd-linear": LinearMMD.relative,
    "mmd-polynomial": PolynomialMMD.relative,
    "mmd-gaussian": MMD.relative,
    "histogram": Histograms.relative,
    "gram-histogram": Histograms.with_gram,
    "sliced": SlicedWasserstein.relative,
    "mrf": MRF.relative,
}


def _is_tileable(loss: LayerLoss) -> bool:
    """Tell whether what a loss's constructor, such as `Gram.relative`, makes can be tiled."""
    return getattr(loss, "__self__", Loss).tileable


def firsts(kind: str, weights: list[float]) -> Weights:
    """Return the first layers of a kind in every block, with weights."""
    return {f"{kind}{block}_1": weight for block, weight in enumerate(weights, 1)}


@pytree
class Gatys(Descent):
    """Repaint a photograph: keep its features, match the second moments of a style's.

    Attributes:
        strength: 0, hardly any style, to 1, hardly any content: 0.01 to 100 times the style weight
        content_weight: weight of the content loss
        style_weight: weight of the style loss
        tv_weight: weight of the total variation: smoother above 0
        style_loss: which statistic of the style is matched
        content_layers: layers that keep the content, with weights; by default the encoder's own
        style_layers: layers that carry the style, with weights; by default the encoder's own
    """

    PYRAMID = (200, 200)
    PRESETS = {
        "paper": "vgg19",
        "author": "vgg19",
        "stanford": "vgg16",
        "squeezenet": "squeezenet",
        "icfp": "vgg19",
    }

    strength: Share = 0.5
    content_weight: Number = 1.0
    style_weight: Number = 30.0
    tv_weight: Number = 0.0
    content_layers: Layers | None = None
    style_layers: Layers | None = None
    content_loss: LayerLoss = static(default=Content.relative)
    style_loss: Annotated[LayerLoss, one_of(LOSSES)] = static(default=Gram.relative)
    variation: Callable = static(default=jnp.square)
    steps: Count = static(default=80)

    def target(self, style: Image, mask: Mask | None) -> Any:
        weights = self.style_layers or self.layers_of_style()
        return Target(self.style_loss(self.encoder(style, tuple(weights)), weights, mask), style)

    @property
    def tileable(self) -> bool:
        return super().tileable and _is_tileable(self.style_loss) and _is_tileable(self.content_loss)

    def layers_of_style(self) -> Weights:
        """Return the layers that carry the style where none are given."""
        return self.encoder.style_layers

    def loss(self, content: Image, target: Any) -> Loss:
        weights = self.content_layers or self.encoder.content_layers
        keep = self.content_loss(self.encoder(content, tuple(weights)), weights)
        smooth = Variation(self.variation)
        weight = self.style_weight * 10 ** (4 * self.strength - 2)
        return self.content_weight * keep + weight * style_loss(target) + self.tv_weight * smooth

    @classmethod
    def paper(cls, encoder: Encoder) -> "Gatys":
        """Gatys et al. 2016 as printed: conv layers, average pooling, white noise, ratio 1e-3.

        Half the sum of squares for the content; 1/4 and equal weights 1/5 for the style. The paper
        names L-BFGS but no number of steps: 500.
        """
        return cls(
            encoder.with_pool(average_pool),
            steps=500,
            pyramid=(),
            init=from_noise,
            style_weight=1e3,
            content_layers={"conv4_2": 1.0},
            style_layers=firsts("conv", [1 / 20] * 5),
            content_loss=Content.half_sum,
            style_loss=Gram.mean,
        )

    @classmethod
    def author(cls, encoder: Encoder) -> "Gatys":
        """Gatys' PyTorch code: relu layers, max pooling, style 1e3 / c^2, from the content, 500 steps.

        (leongatys/PytorchNeuralStyleTransfer; its second pass at 800 px is left out.)
        """
        return cls(
            encoder,
            steps=500,
            pyramid=(),
            style_weight=1.0,
            content_layers={"relu4_2": 1.0},
            style_layers=firsts("relu", [1e3 / width**2 for width in WIDTHS]),
            content_loss=Content.mean,
            style_loss=Gram.mean,
        )

    @classmethod
    def stanford(cls, encoder: Encoder) -> "Gatys":
        """The Stanford report (Wang, Guo & Lu), for VGG-16: relu2_2, style 1e5, TV 1e-5, from noise.

        It gives weights and layers (sections 3, 4.1), 300 to 500 steps, but neither the optimiser (here
        L-BFGS, 500) nor the exponent and unit of the total variation (here squares, in [0, 1]).
        """
        return cls(
            encoder,
            steps=500,
            pyramid=(),
            init=from_noise,
            style_weight=1e5,
            tv_weight=1e-5,
            content_layers={"relu2_2": 1.0},
            style_layers=dict.fromkeys(("relu1_2", "relu2_2", "relu3_3", "relu4_3"), 1.0),
            content_loss=Content.mean,
            style_loss=Gram.mean,
        )

    @classmethod
    def squeezenet(cls, encoder: Encoder) -> "Gatys":
        """Shuvo's course paper, for SqueezeNet 1.1: content layer 3, style layers 1, 4, 6, 7, noise.

        It numbers the modules of torchvision's `features` and says that lower layers weigh more and
        that weights were searched at random, not which were found: here those of the Stanford CS231n
        exercise with the same layers (style 2e4, 500, 12, 1; content 6e-2; TV 2e-2), 200 steps of
        Adam at 0.1.
        """
        return cls(
            encoder,
            optimizer=Adam(0.1),
            steps=200,
            pyramid=(),
            init=from_noise,
            content_weight=6e-2,
            style_weight=1.0,
            tv_weight=2e-2,
            content_layers={"fire2": 1.0},
            style_layers={"relu1": 2e4, "fire3": 500.0, "fire4": 12.0, "fire5": 1.0},
            content_loss=Content.sum,
            style_loss=Gram.mean,
        )

    @classmethod
    def icfp(cls, encoder: Encoder) -> "Gatys":
        """The ICFP presentation (Unlusoy, Menssen & Cerrada): the author's layers, style 100, rate 0.2.

        200 epochs of L-BFGS, read as 200 steps; it gives conv layers, and 1e3 / c^2 for the style.
        """
        return cls(
            encoder,
            optimizer=LBFGS(learning_rate=0.2),
            steps=200,
            pyramid=(),
            style_weight=100.0,
            content_layers={"conv4_2": 1.0},
            style_layers=firsts("conv", [1e3 / width**2 for width in WIDTHS]),
            content_loss=Content.mean,
            style_loss=Gram.mean,
        )
