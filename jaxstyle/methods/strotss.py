"""Style transfer by relaxed optimal transport and self-similarity (Kolkin et al. 2019, arXiv 1904.12785).

    image = argmin_x  a D(x; content) + R(x; style) + M(x; style) + P(x; style) / max(a, 1)

R is the relaxed earth mover's distance between hypercolumns, D the difference of self-similarities (for both
see `losses/transport.py`), M matches second moments layer by layer, P the colours along lines. The picture is
made coarse to fine, and a, the weight of the content, is halved from size to size.

Differs from the paper: pixels are optimised by L-BFGS, no Laplacian pyramid by RMSprop, from the content, not
from the style's mean colour; all places are compared, not 1,024 drawn anew at every step; layers count alike
in a hypercolumn, whatever their numbers; M holds no covariance between layers; P is sliced, not relaxed.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import jax.numpy as jnp

from jaxstyle.core import Image, Loss, Mask, pytree, static
from jaxstyle.losses import Gram, RelaxedTransport, SelfSimilarity, SlicedWasserstein, Variation
from jaxstyle.losses.hypercolumns import unit_scale
from jaxstyle.methods.descent import Descent, Target, style_loss
from jaxstyle.options import Count, Layers, Number

WEIGHT = 100.0  # L-BFGS takes no pair of steps whose curvature is below 1e-10


@pytree
class STROTSS(Descent):
    """Move the style's features to where they fit, and keep what is like what (Kolkin et al. 2019).

    Attributes:
        content_weight: weight of the content at full size; it doubles at each coarser size
        tv_weight: weight of the mean variation
        style_layers: layers that are compared, with weights; by default the encoder's own for style
    """

    PYRAMID = (100, 100, 100)

    content_weight: Number = 2.0
    tv_weight: Number = 0.5
    style_layers: Layers | None = None
    steps: Count = static(default=60)

    @property
    def tileable(self) -> bool:
        return False

    @property
    def weights(self) -> Mapping[str, float]:
        """The layers of a hypercolumn, with weights."""
        return self.style_layers or self.encoder.style_layers

    def at(self, times: int, steps: int) -> Self:
        weight = self.content_weight * 2**times
        return dataclasses.replace(super().at(times, steps), content_weight=weight)

    def target(self, style: Image, mask: Mask | None) -> Target:
        features = self.encoder(style, tuple(self.weights))
        share = 1 / sum(self.weights.values())
        moments = {name: share * weight for name, weight in self.weights.items()}
        transport = RelaxedTransport.of(features, unit_scale(features, self.weights, mask), mask)
        colors = SlicedWasserstein.relative(
            features, {"image": 1 / jnp.maximum(self.content_weight, 1)}, mask
        )
        return Target(transport + Gram.relative(features, moments, mask) + colors, style)

    def loss(self, content: Image, target: Any) -> Loss:
        features = self.encoder(content, tuple(self.weights))
        keep = SelfSimilarity.of(features, unit_scale(features, self.weights))
        smooth = self.tv_weight / (content.shape[0] * content.shape[1])
        return WEIGHT * (self.content_weight * keep + style_loss(target) + smooth * Variation())
