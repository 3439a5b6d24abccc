"""Neural style by patches (Li & Wand 2016, CNNMRF).

    image = argmin_x  a Content(x; content) + b MRF(x; style) + t Variation(x)

Local structure comes with the style: eyes onto eyes, bricks onto walls. Differs from the paper: one
resolution, no turned or scaled copies of the style, losses relative to their targets.
"""

from jaxstyle import losses
from jaxstyle.core import pytree, static
from jaxstyle.methods.gatys import Gatys, LayerLoss, Weights
from jaxstyle.options import Number


@pytree
class MRF(Gatys):
    """Repaint a photograph of the style's patches (Li & Wand 2016).

    Attributes:
        style_layers: layers whose patches are matched, with weights; by default the third and fourth
    """

    PRESETS = {}

    style_loss: LayerLoss = static(default=losses.MRF.relative)
    style_weight: Number = 10.0

    def layers_of_style(self) -> Weights:
        """Return the third and fourth of the encoder's: relu3_1 and relu4_1 of VGG, as in the paper."""
        return dict(list(self.encoder.style_layers.items())[2:4])
