"""Histograms of colours: pixels in [0, 1] counted where sorting all of them would take too long.

    h_c(b) = sum_p w_p [round(x_pc / d) = b]        every channel by itself, d = 1 / `STEPS`

Values of 8 bits lie in the middle of bins; others are off by at most half a bin, a 32nd of a level. Sums over
pixels merge. Of a large image every k-th row counts, so that about `PIXELS` do.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Mask, pytree

STEPS = 16 * 255
PIXELS = 2**21


@pytree
class Histogram:
    """The weight of every value of every channel; the values are `grid`."""

    counts: Float[Array, "b c"]

    @classmethod
    def of(cls, image: Feature, weight: Mask | None = None) -> "Histogram":
        """Count an image's pixels, in [0, 1]."""
        every = -(-image.shape[0] * image.shape[1] // PIXELS)
        dtype = jnp.promote_types(image.dtype, jnp.float32)
        pixels = jnp.clip(image[::every].astype(dtype), 0, 1).reshape(-1, image.shape[-1])
        weights = 1 if weight is None else weight[::every].astype(dtype).reshape(-1, 1)
        channels, bins = pixels.shape[1], STEPS + 1
        index = jnp.round(pixels * STEPS).astype(jnp.int32) + bins * jnp.arange(channels)
        counts = jnp.zeros(bins * channels, dtype).at[index].add(weights, mode="promise_in_bounds")
        return cls(counts.reshape(channels, bins).T)

    @property
    def grid(self) -> Float[Array, "b 1"]:
        """The values that are counted."""
        return jnp.linspace(0, 1, STEPS + 1, dtype=self.counts.dtype)[:, None]

    def merge(self, other: "Histogram") -> "Histogram":
        """Return the histogram of the pixels of both."""
        return Histogram(self.counts + other.counts)
