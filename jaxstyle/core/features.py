"""Images, masks and features: the types of all that flows."""

from jaxtyping import Array, Float

Image = Float[Array, "h w 3"]
Mask = Float[Array, "h w"]
Feature = Float[Array, "h w c"]
Features = dict[str, Feature]
Scalar = Float[Array, ""] | float
Weights = dict[str, Mask]  # of the pixels, by layer
