"""One loop; a paper adds the network to begin with and the loss of one example."""

from jaxstyle.training.adain import AdaIN
from jaxstyle.training.decoders import WCTDecoders
from jaxstyle.training.johnson import Johnson
from jaxstyle.training.linear import Linear
from jaxstyle.training.lite_encoder import LiteEncoder
from jaxstyle.training.recipe import Recipe
from jaxstyle.training.unpooling import UnpoolingDecoder

RECIPES: dict[str, type[Recipe]] = {
    recipe.NAME: recipe for recipe in (Johnson, AdaIN, WCTDecoders, Linear, UnpoolingDecoder, LiteEncoder)
}
