"""Transfer in closed form: the frame of every method that matches a statistic without descent.

    image = decode(a T(f, t) + (1 - a) f),    f = encode(content),    t = the statistic of encode(style)

A method says what f is (features at a layer, colours in some space), which statistic t, which transform
T. `alpha` goes from the content's own f, 0, to the style's, 1. `Recoded` are the methods on features: one
network encodes, another that was trained for it decodes. `Multilevel` are chains of them.
"""

from typing import Any

from jax import Array

from jaxstyle.core import Chain, Encoder, Feature, Image, Mask, Method
from jaxstyle.image.masks import at
from jaxstyle.networks.decoders import Decoder, decoded, encoded
from jaxstyle.transforms import match_regions


class Transfer(Method):
    """Match one statistic in closed form: a subclass says which, and of what."""

    alpha: Array | float

    def encode(self, image: Image) -> Feature:
        """Return what is matched."""
        raise NotImplementedError

    def decode(self, feature: Feature, content: Image) -> Image:
        """Return the image of the content's size that a feature stands for, in [0, 1]."""
        raise NotImplementedError

    def summary(self, feature: Feature, weight: Mask | None) -> Any:
        """Return the statistic of a style's feature."""
        raise NotImplementedError

    def match(self, feature: Feature, target: Any, weight: Mask | None) -> Feature:
        """Return the feature with the target's statistic."""
        raise NotImplementedError

    def prepare(self, style: Image, mask: Mask | None = None) -> Any:
        feature = self.encode(style)
        return self.summary(feature, None if mask is None else at(mask, feature))

    def apply(self, content: Image, target: Any) -> Image:
        feature = self.encode(content)
        matched = match_regions(self.match, feature, target)
        return self.decode(self.alpha * matched + (1 - self.alpha) * feature, content)


class Recoded(Transfer):
    """Match the features at relu{level}_1; the content is padded to whole feature pixels, and cropped."""

    encoder: Encoder
    network: Decoder
    level: int

    def encode(self, image: Image) -> Feature:
        return encoded(self.encoder, self.level, image)

    def decode(self, feature: Feature, content: Image) -> Image:
        return decoded(self.network, feature, content)


class Multilevel(Method):
    """The same transfer at one level of the encoder after another, from the coarsest to the finest."""

    alpha: Array | float
    levels: tuple[int, ...]

    def at(self, level: int) -> Transfer:
        """Return the transfer at one level."""
        raise NotImplementedError

    @property
    def chain(self) -> Chain:
        """The transfers in order."""
        return Chain([self.at(level) for level in self.levels])

    def prepare(self, style: Image, mask: Mask | None = None) -> list[Any]:
        return self.chain.prepare(style, mask)

    def apply(self, content: Image, target: Any) -> Image:
        return self.chain.apply(content, target)
