"""Whitening and colouring transforms (Li et al. 2017): any style, level by level.

    x <- D_l(a WCT(F_l(x), F_l(style)) + (1 - a) F_l(x))        for l in levels

F_l = relu{l}_1, D_l its decoder. Differs from the paper: roots by eigenvalues of the covariance with a
relative floor (`linalg.py`); the content is padded to whole feature pixels at each level. Levels and alpha
are those of the authors' Lua code; the preset's alpha is that of the PyTorch port, which also adds the
identity to the content's covariance. Levels 4 to 1 keep more of a small photograph.
"""

from functools import partial
from typing import Annotated, ClassVar

from jax import Array

from jaxstyle.core import Chain, Encoder, pytree, static
from jaxstyle.methods.transfer import Composed, Level, Transfer
from jaxstyle.networks.decoders import Decoder, Decoders
from jaxstyle.options import Levels, Share, one_of
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.transforms import match_covariance
from jaxstyle.transforms.covariance import WHITENINGS, Whitening, zca


def whitened(
    encoder: Encoder, decoder: Decoder, level: int, alpha: Array | float, whitening: Whitening = zca
) -> Transfer:
    """Return WCT at a single level."""
    match = partial(match_covariance, whitening=whitening)
    return Transfer(Level(encoder, decoder, level), Covariance.of, match, alpha, merges=True)


@pytree
class WCT(Composed):
    """Match mean and covariance of the features, level by level (Li et al. 2017).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
        levels: of the encoder, in order
        whitening: which of the matrices that do so
    """

    PRESETS: ClassVar[dict[str, str | None]] = {"pytorch": None}

    encoder: Encoder
    network: Decoders
    alpha: Share = 0.6
    levels: Levels = static(default=(5, 4, 3, 2, 1))
    whitening: Annotated[Whitening, one_of(WHITENINGS)] = static(default=zca)

    @classmethod
    def pytorch(cls, encoder: Encoder, network: Decoders) -> "WCT":
        """The PyTorch port (sunshineatnoon): alpha 1."""
        return cls(encoder, network, 1.0)

    @property
    def method(self) -> Chain:
        level = lambda n: whitened(self.encoder, self.network[n], n, self.alpha, self.whitening)
        return Chain([level(n) for n in self.levels])
