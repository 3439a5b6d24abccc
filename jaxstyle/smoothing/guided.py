"""The guided filter: in every window the nearest affine function of the content's colours (He et al. 2013).

    a_k = (S_k + e)^-1 cov_k(I, p),    b_k = mean_k(p) - a_k . mean_k(I),    x = mean(a) . I + mean(b)

I the content, p the result, per channel; S_k the covariance of I's colours in window k. The fast stand-in for
the matting Laplacian's solution (`closed_form.py`), which it approaches for small windows.

Conventions: colours in [0, 1]; square windows of 2 radius + 1 pixels, cut off at the border. Defaults of
PhotoWCT's code (Li et al. 2018).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle.core import Image, pytree, static
from jaxstyle.linalg import backward, factored, forward


def _sums(x: Float[Array, "... n"], radius: int) -> Float[Array, "... n"]:
    """Return the sums over 2 radius + 1 neighbours along the last axis, fewer at its ends."""
    count = x.shape[-1]
    ends = jnp.minimum(jnp.arange(count) + radius + 1, count), jnp.maximum(jnp.arange(count) - radius, 0)
    upto = jnp.pad(jnp.cumsum(x, -1), [(0, 0)] * (x.ndim - 1) + [(1, 0)])
    return upto[..., ends[0]] - upto[..., ends[1]]


def _box(x: Float[Array, "... h w"], radius: int) -> Float[Array, "... h w"]:
    """Return the sums over windows."""
    return _sums(_sums(x, radius).swapaxes(-1, -2), radius).swapaxes(-1, -2)


@pytree
class Guided:
    """Filter the result by windows in which the content guides it.

    `radius` in pixels; edges of less contrast than the root of `epsilon` are smoothed.
    """

    radius: int = static(default=35)
    epsilon: float = 1e-3

    def __call__(self, image: Image, content: Image) -> Image:
        guide, p = (jnp.moveaxis(x, -1, 0) for x in (content, image))
        center = jnp.mean(guide, (1, 2), keepdims=True)  # sums of small numbers round less
        guide = guide - center
        rows, columns = (_sums(jnp.ones(edge, guide.dtype), self.radius) for edge in guide.shape[1:])
        pixels = jnp.outer(rows, columns)
        mean = lambda x: _box(x, self.radius) / pixels
        mean_guide, mean_p = mean(guide), mean(p)
        covariance = mean(guide[:, None] * guide) - mean_guide[:, None] * mean_guide
        cross = mean(guide[:, None] * p) - mean_guide[:, None] * mean_p  # guide x result
        factor = factored(covariance + self.epsilon * jnp.eye(len(guide))[..., None, None])
        slope = jnp.stack(backward(factor, forward(factor, list(cross))))
        offset = mean_p - jnp.sum(slope * mean_guide[:, None], 0)
        x = jnp.sum(mean(slope) * guide[:, None], 0) + mean(offset)
        return jnp.clip(jnp.moveaxis(x, 0, -1), 0, 1)
