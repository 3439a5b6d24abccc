"""Neural style as a maximum mean discrepancy (Li, Wang, Liu & Hou 2017, "Demystifying ...").

    image = argmin_x  a Content(x; content) + b MMD_k(x; style) + t Variation(x)

| preset | kernel k | what it is |
|---|---|---|
| `gaussian` (default) | exp(-g abs(x - y)^2) | a new loss |
| `polynomial` | (x . y)^2 | Gatys' |
| `linear` | x . y | means alone |
| `bn` | - | mean and deviation: BN-statistics |

Differs from the paper: losses relative to their targets instead of a scale for each kernel; L-BFGS
instead of Adam; random Fourier features instead of random pairs.
"""

from jaxstyle import losses
from jaxstyle.core import Encoder, pytree, static
from jaxstyle.methods.gatys import Gatys, LayerLoss
from jaxstyle.options import Number


@pytree
class MMD(Gatys):
    """Repaint a photograph: match kernel means of features (Li et al. 2017)."""

    PRESETS = dict.fromkeys(("gaussian", "polynomial", "linear", "bn"), "vgg19-lite")

    style_weight: Number = 100.0
    style_loss: LayerLoss = static(default=losses.MMD.relative)

    @classmethod
    def gaussian(cls, encoder: Encoder) -> "MMD":
        """exp(-g |x - y|^2), one over g the mean squared distance of two pixels of the style."""
        return cls(encoder)

    @classmethod
    def polynomial(cls, encoder: Encoder) -> "MMD":
        """(x . y)^2: the Gram loss."""
        return cls(encoder, style_loss=losses.PolynomialMMD.relative)

    @classmethod
    def linear(cls, encoder: Encoder) -> "MMD":
        """x . y: the means of the channels alone."""
        return cls(encoder, style_loss=losses.LinearMMD.relative)

    @classmethod
    def bn(cls, encoder: Encoder) -> "MMD":
        """BN-statistics: mean and deviation of every channel."""
        return cls(encoder, style_loss=losses.Moments.relative)
