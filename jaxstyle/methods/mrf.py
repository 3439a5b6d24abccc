"""Neural style by patches (Li & Wand 2016, CNNMRF).

    image = argmin_x  a Content(x; content) + b MRF(x; style) + t Variation(x)

Local structure comes with the style: eyes onto eyes, bricks onto walls. Differs from the paper: one
resolution, no turned or scaled copies of the style, losses relative to their targets.
"""

from jaxstyle import losses
from jaxstyle.core import pytree, static
from jaxstyle.methods.gatys import Gatys, LayerLoss, Weights


@pytree
class MRF(Gatys):
    """Repaint a photograph of the style's patches (Li & Wand 2016).

    `encoder`: the network that sees content and style; vgg19-lite comes with the library
    `content_weight`: weight of the content loss
    `style_weight`: weight of the style loss
    `tv_weight`: weight of the total variation: smoother above 0
    `content_layers`: layers that keep the content, with weights; by default the encoder's own
    `style_layers`: layers whose patches are matched, with weights; by default the third and fourth
    `optimizer`: L-BFGS as in PyTorch, with a filter it learns, or with optax's line search; Adam
    `steps`: steps of the optimiser
    `init`: the first image
    `seed`: seed of the noise
    """

    PRESETS = {}

    style_loss: LayerLoss = static(default=losses.MRF.relative)
    style_weight: float = 10.0

    def layers_of_style(self) -> Weights:
        """Return the third and fourth of the encoder's: relu3_1 and relu4_1 of VGG, as in the paper."""
        return dict(list(self.encoder.style_layers.items())[2:4])
