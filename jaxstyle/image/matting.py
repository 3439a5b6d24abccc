"""The matting Laplacian: what a picture may become without its edges moving (Levin, Lischinski & Weiss 2008).

    L_ij = sum over the 3 x 3 windows k that hold i and j of
           delta_ij - 1/9 (1 + (I_i - m_k)^T (S_k + e/9 1)^-1 (I_j - m_k))    m_k, S_k: mean, covariance in k

p^T L p is small where p is, in every window, nearly an affine function of the colours of I: the photorealism
of Luan et al. 2017. L is symmetric and positive semi-definite, its rows add up to zero.

Conventions: colours in [0, 1], e = 1e-7 as in both papers' code, windows inside the picture only. A pixel
shares windows with its 5 x 5 neighbours, so L has 25 bands. Symmetry gives half of them and the rows' sum
the diagonal, so 12 are kept, -L_ij for the neighbours j `AHEAD` of i, and

    (L p)_i = sum_j -L_ij (p_i - p_j)

is a stencil, exactly zero for a constant p whatever the rounding. Built in float64: e is near the rounding of
float32, in which L is wrong by 1e-3. Kept in the type of the image.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import sparse
from jaxtyping import Array, Float

from jaxstyle.core import Image, Scalar, TooSmallError, pytree
from jaxstyle.linalg import factored, forward

SIDE, REACH = 3, 2
EPSILON = 1e-7
WITHIN = list(itertools.product(range(SIDE), repeat=2))
AHEAD = [(y, x) for y in range(REACH + 1) for x in range(-REACH, REACH + 1) if (y, x) > (0, 0)]

Map = Float[Array, "h w"]
Picture = Float[Array, "h w c"]


def _weights(image: Float[Array, "3 h w"], epsilon: float) -> Float[Array, "12 h w"]:
    """Return -L_ij for the pairs of pixels i and those `AHEAD`, summed over the windows of both.

    Sums over a window's pixels are written out: three times faster than reductions on a CPU.
    """
    h, w = (edge - SIDE + 1 for edge in image.shape[1:])
    count, channels = len(WITHIN), range(len(image))
    window = [image[:, y : y + h, x : x + w] for y, x in WITHIN]
    mean = lax.optimization_barrier(sum(window) / count)
    apart = [pixel - mean for pixel in window]
    lifted = [
        [sum(pixel[c] * pixel[d] for pixel in apart) / count + epsilon / count * (c == d) for d in channels]
        for c in channels
    ]
    factor = lax.optimization_barrier(factored(jnp.asarray(lifted)))
    white = [forward(factor, list(pixel)) for pixel in apart]

    def part(i: int, j: int) -> Map:
        y, x = WITHIN[i]
        affinity = (1 + sum(a * b for a, b in zip(white[i], white[j], strict=True))) / count
        return jnp.pad(affinity, ((y, REACH - y), (x, REACH - x)))

    pairs = {offset: [] for offset in AHEAD}
    for (i, a), (j, b) in itertools.combinations(enumerate(WITHIN), 2):
        pairs[b[0] - a[0], b[1] - a[1]].append(part(i, j))
    return jnp.stack([sum(parts[1:], parts[0]) for parts in pairs.values()])


@pytree
class Laplacian:
    """The matting Laplacian of a picture; `weights` are -L_ij for the twelve neighbours `AHEAD` of i."""

    weights: Float[Array, "12 h w"]

    @classmethod
    def of(cls, image: Image, epsilon: float = EPSILON) -> "Laplacian":
        """Build it, on the device; a constant to differentiation.

        Raises `InputError` for a picture smaller than a window.
        """
        if min(image.shape[:2]) < SIDE:
            raise TooSmallError(image.shape, "a matting Laplacian", SIDE)
        with jax.enable_x64(True):
            wide = jnp.moveaxis(lax.stop_gradient(image), -1, 0).astype(jnp.float64)
            return cls(jax.jit(_weights)(wide, epsilon).astype(image.dtype))

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width of the picture."""
        return self.weights.shape[1:]

    @property
    def windows(self) -> Map:
        """The number of windows of every pixel: 9 but near the border."""
        rows, columns = (jnp.convolve(jnp.ones(edge - SIDE + 1), jnp.ones(SIDE)) for edge in self.shape)
        return jnp.outer(rows, columns).astype(self.weights.dtype)

    @property
    def diagonal(self) -> Map:
        """L_ii for every pixel."""
        return -self._neighbours(lambda weight, _: -weight)

    def _neighbours(self, term) -> Array:
        """Return the sum of `term(weight, offset)` over the 24 neighbours of every pixel."""
        h, w = self.shape
        padded = jnp.pad(self.weights, ((0, 0), (REACH, REACH), (REACH, REACH)))
        total = jnp.zeros(())
        for weight, back, (y, x) in zip(self.weights, padded, AHEAD, strict=True):
            behind = back[REACH - y : REACH - y + h, REACH - x : REACH - x + w]
            total += term(weight, (y, x)) + term(behind, (-y, -x))
        return total

    def matvec(self, p: Map | Picture) -> Map | Picture:
        """Return L p for every channel of a picture."""
        h, w = self.shape
        flat = jnp.moveaxis(p.reshape(h, w, -1), -1, 0)
        around = jnp.pad(flat, ((0, 0), (REACH, REACH), (REACH, REACH)))
        at = lambda y, x: around[:, REACH + y : REACH + y + h, REACH + x : REACH + x + w]
        product = self._neighbours(lambda weight, offset: weight * (flat - at(*offset)))
        return jnp.moveaxis(product, 0, -1).reshape(p.shape)

    def energy(self, p: Map | Picture) -> Scalar:
        """Return the sum over channels of p^T L p, whose gradient is 2 L p."""
        return _energy(self, p)

    def to_bcoo(self) -> sparse.BCOO:
        """Return the matrix for `jax.experimental.sparse`, pixels in the order of rows: (h w, h w)."""
        h, w = self.shape
        places = np.arange(h * w).reshape(h, w)
        entries = [(self.diagonal, places, places)]
        for weight, (y, x) in zip(self.weights, AHEAD, strict=True):
            here = np.s_[: h - y, max(0, -x) : w - max(0, x)]
            there = np.s_[y:, max(0, x) : w + min(0, x)]
            entries += [(-weight[here], places[i], places[j]) for i, j in ((here, there), (there, here))]
        data, rows, columns = (
            jnp.concatenate([jnp.ravel(part) for part in kind]) for kind in zip(*entries, strict=True)
        )
        indices = jnp.stack([rows, columns], 1)
        return sparse.BCOO((data, indices), shape=(h * w, h * w), unique_indices=True)


@jax.custom_vjp
def _energy(laplacian: Laplacian, p: Map | Picture) -> Scalar:
    return jnp.vdot(p, laplacian.matvec(p))


def _forward(laplacian, p):
    product = laplacian.matvec(p)
    return jnp.vdot(p, product), product


_energy.defvjp(_forward, lambda product, cotangent: (None, 2 * cotangent * product))
