"""Neural neighbour style transfer, by optimisation (Kolkin et al. 2022, arXiv 2203.13215).

    image = argmin_x  Hypercolumns(x; T) + t Variation(x) / pixels
    T_p = of the style's hypercolumns the nearest to  (1 - a) F(content)_p + a F(x_0)_p

x_0 is what the coarser size made, enlarged; at the coarsest a = 0. T is chosen once a size. There is no loss
of the content: the choice knows where things are. See `losses/hypercolumns.py` for F, distance and nearest.

Differs from the paper: pixels are optimised by L-BFGS, no Laplacian pyramid by Adam, so a little variation is
taken off; the loss holds the length of the hypercolumns, too, which contrast needs then; it begins at the
content, not at a blurred one; of the style at most `VECTORS` hypercolumns are looked at, on a grid, none of
them turned; the encoder's layers for style stand for all of VGG-16's convolutions. Left out are a last pass
with each layer's own neighbours, chosen anew at every step, and its colours after the transfer
(`--keep-color` keeps the content's).
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxstyle.core import Features, Image, Loss, Mask, Scalar, pytree, static
from jaxstyle.image.masks import pool_mask
from jaxstyle.losses import Hypercolumns, Variation
from jaxstyle.losses.hypercolumns import hypercolumns, match, unit_scale
from jaxstyle.methods.descent import Descent, style_loss
from jaxstyle.options import Count, Layers, Number, Share
from jaxstyle.statistics.patches import Patches

VECTORS = 8192  # of a style at most: choosing takes their number times that of the content's
WEIGHT = 1000.0  # L-BFGS takes no pair of steps whose curvature is below 1e-10


class Neighbors(NamedTuple):
    """A style, summarised: its hypercolumns, the scale of their layers, and its picture to start from."""

    columns: Patches
    scale: dict[str, Scalar]
    style: Image


@pytree
class NNST(Descent):
    """Rebuild a photograph of the style's nearest features, from coarse to fine (Kolkin et al. 2022).

    Attributes:
        alpha: share of what the coarser size made in choosing neighbours; the rest is the photograph's
        tv_weight: weight of the mean variation: 0 leaves a grain where neighbours do not fit together
        style_layers: layers that are compared, with weights; by default the encoder's own for style
    """

    PYRAMID = (100, 100, 100)

    alpha: Share = 0.25
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

    def target(self, style: Image, mask: Mask | None) -> Neighbors:
        features = self.encoder(style, tuple(self.weights))
        scale = unit_scale(features, self.weights, mask)
        columns = hypercolumns(features, scale)
        stride = math.ceil(math.sqrt(columns.shape[0] * columns.shape[1] / VECTORS))
        pooled = None if mask is None else pool_mask(mask, columns.shape)
        return Neighbors(Patches.of(columns, 1, pooled, stride), scale, style)

    def loss(self, content: Image, target: Any) -> Loss:
        return self.loss_from(content, target, None)

    def loss_from(self, content: Image, target: Any, initial: Image | None) -> Loss:
        query = self._query(content, initial)

        def nearest(style: Neighbors, weight: Mask | None) -> Loss:
            columns = hypercolumns(query, style.scale)
            pooled = None if weight is None else pool_mask(weight, columns.shape)
            return Hypercolumns(match(style.columns, columns, pooled), style.scale)

        smooth = self.tv_weight / (content.shape[0] * content.shape[1])
        return WEIGHT * (style_loss(target, nearest) + smooth * Variation())

    def _query(self, content: Image, initial: Image | None) -> Features:
        features = self.encoder(content, tuple(self.weights))
        if initial is None:
            return features
        painted = self.encoder(initial, tuple(self.weights))
        return {name: (1 - self.alpha) * features[name] + self.alpha * painted[name] for name in features}
