"""Images, masks and features: the types of all that flows. Their heights and widths need not be equal."""

from jaxtyping import Array, Float

Image = Float[Array, "_ _ 3"]
Mask = Float[Array, "_ _"]
Feature = Float[Array, "_ _ _"]
Features = dict[str, Feature]
Scalar = Float[Array, ""] | float
Weights = dict[str, Mask]  # of the pixels, by layer
