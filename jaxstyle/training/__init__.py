"""One loop; a paper adds its `init` and `loss`."""

from jaxstyle.training.decoders import WCTDecoders

RECIPES = {recipe.NAME: recipe for recipe in (WCTDecoders,)}

__all__ = ["RECIPES", "WCTDecoders"]
