"""Roots of covariance matrices: by eigenvalues, by Cholesky's factors, and by products alone.

Eigenvalues near the rounding error of the largest are noise: `power` leaves out the directions of those
below 4 c epsilon of it (c channels, epsilon of float32), at most `FLOOR`. `cholesky` and `newton_schulz`,
which do not see eigenvalues, add `FLOOR` times the mean of the diagonal to it instead.

`modulus` is the positive factor of the polar decomposition, |M| = (M^T M)^(1/2) = V S V^T of M = U S V^T.
Through the singular values of M, not the eigenvalues of M^T M, it keeps directions whose squares would be
lost in rounding, so nothing has to be left out.

`newton_schulz` is the coupled iteration of Higham (Functions of Matrices, 2008, eq. 6.35):

    Y <- Y (3 I - Z Y) / 2,    Z <- (3 I - Z Y) Z / 2        Y -> A^(1/2), Z -> A^(-1/2)

products only, so a GPU runs it at full speed. It takes about log(condition) / log(1.5) steps before it
converges quadratically.

On a CPU JAX's eigenvalues come from SciPy's OpenBLAS, whose threads fight XLA's for the same cores (512
channels: three times slower on two). So it gets one, unless the environment says otherwise.
"""

import os
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Float

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when SciPy is first loaded

FLOOR = 1e-5
STEPS = 22

Matrix = Float[Array, "c c"]
Fields = Float[Array, "c c *shape"]


def product(*factors: Float[Array, "_ _"]) -> Float[Array, "_ _"]:
    """Return the product of matrices at full precision on every device."""
    result = factors[0]
    for factor in factors[1:]:
        result = jnp.matmul(result, factor, precision="highest")
    return result


@sequential_vmap
def eigh(matrix: Matrix) -> tuple[Array, Matrix]:
    """Return eigenvalues and axes, of a batch one after another.

    A CPU takes a batch to the threads that wait for it: two such at once never end (jaxlib 0.10).
    """
    values, axes = jnp.linalg.eigh(matrix)
    return values, axes


@sequential_vmap
def _svd(matrix: Matrix) -> tuple[Matrix, Array, Matrix]:
    """Return U, S and V^T, of a batch one after another: see `eigh`."""
    left, values, right = jnp.linalg.svd(matrix)
    return left, values, right


@sequential_vmap
def _qr(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Return Q and R, of a batch one after another: see `eigh`."""
    q, r = jnp.linalg.qr(matrix)
    return q, r


def _powers(values: Array, exponent: float) -> tuple[Array, Array]:
    """Return the powers of the eigenvalues above the floor, and which these are."""
    floor = min(FLOOR, 4 * len(values) * float(jnp.finfo(jnp.float32).eps))
    kept = values > jnp.maximum(floor * values[-1], jnp.finfo(values.dtype).tiny)
    return jnp.where(kept, jnp.where(kept, values, 1.0) ** exponent, 0.0), kept


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _power(matrix: Matrix, exponent: float) -> Matrix:
    values, axes = eigh(matrix)
    return product(axes * _powers(values, exponent)[0], axes.T)


@_power.defjvp
def _power_jvp(exponent: float, primals, tangents):
    """Differentiate by quotients of differences (Daleckii & Krein 1965): equal eigenvalues do no harm."""
    values, axes = eigh(primals[0])
    powers, kept = _powers(values, exponent)
    gap, middle = values[:, None] - values, (values[:, None] + values) / 2
    near = kept[:, None] & kept & (jnp.abs(gap) < 1e-2 * middle)
    slope = exponent * jnp.where(near, middle, 1.0) ** (exponent - 1)
    apart = (powers[:, None] - powers) / jnp.where(gap == 0, 1.0, gap)
    change = product(axes.T, (tangents[0] + tangents[0].T) / 2, axes) * jnp.where(near, slope, apart)
    return product(axes * powers, axes.T), product(axes, change, axes.T)


def power(matrix: Matrix, exponent: float) -> Matrix:
    """Return a symmetric power of a covariance on the directions above the floor; zero of a zero matrix."""
    return _power(matrix.astype(jnp.promote_types(matrix.dtype, jnp.float32)), exponent)


@jax.custom_jvp
def modulus(matrix: Matrix) -> Matrix:
    """Return (M^T M)^(1/2) of any square matrix, by singular values."""
    _, values, right = _svd(matrix)
    return product(right.T * values, right)


@modulus.defjvp
def _modulus_jvp(primals, tangents):
    """Solve |M| X + X |M| = d(M^T M) in the axes of |M|; its quotients are bounded whatever the values."""
    left, values, right = _svd(primals[0])
    inner = product(left.T, tangents[0], right.T)
    sums = values[:, None] + values
    share = jnp.where(sums > 0, values[:, None] / jnp.where(sums > 0, sums, 1.0), 0.5)  # s_i / (s_i + s_j)
    change = share * inner
    return product(right.T * values, right), product(right.T, change + change.T, right)


def lifted(matrix: Matrix) -> Matrix:
    """Return the matrix with the floor added to its diagonal: never singular."""
    matrix = matrix.astype(jnp.promote_types(matrix.dtype, jnp.float32))
    size = len(matrix)
    return matrix + (FLOOR * jnp.trace(matrix) / size + jnp.finfo(matrix.dtype).tiny ** 0.5) * jnp.eye(size)


def cholesky(matrix: Matrix) -> Matrix:
    """Return the lower triangular factor of a lifted covariance."""
    return jnp.linalg.cholesky(lifted(matrix))


def newton_schulz(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Return the symmetric root of a lifted covariance and its inverse."""
    matrix = lifted(matrix)
    scale = jnp.linalg.norm(matrix)
    identity = jnp.eye(len(matrix), dtype=matrix.dtype)

    def step(pair, _):
        y, z = pair
        middle = (3 * identity - product(z, y)) / 2
        return (product(y, middle), product(middle, z)), None

    (y, z), _ = lax.scan(step, (matrix / scale, identity), None, STEPS)
    return y * jnp.sqrt(scale), z / jnp.sqrt(scale)


def rotations(key: Array, count: int, size: int) -> Float[Array, "count size size"]:
    """Return random rotations and reflections: the Q of QR of normal matrices, of uniform (Haar) law."""
    normal = jax.random.normal(key, (count, size, size))
    q, r = lax.map(_qr, normal)
    return q * jnp.sign(jnp.diagonal(r, axis1=-2, axis2=-1))[:, None]


# Small systems, one a pixel: channels first, elementwise, so that the pixels fill the device's vectors.


def factored(matrices: Fields) -> list[list[Array]]:
    """Return the rows of F, lower triangular, of positive definite matrices F F^T."""
    factor: list[list[Array]] = []
    for c in range(len(matrices)):
        row: list[Array] = []
        for d in range(c + 1):
            known = factor[d] if d < c else row
            rest = matrices[c, d] - sum(row[e] * known[e] for e in range(d))
            row.append(jnp.sqrt(rest) if c == d else rest / factor[d][d])
        factor.append(row)
    return factor


def forward(factor: list[list[Array]], right: list[Array]) -> list[Array]:
    """Return F^-1 b."""
    solved: list[Array] = []
    for row, b in zip(factor, right, strict=True):
        solved.append((b - sum(f * x for f, x in zip(row, solved, strict=False))) / row[-1])
    return solved


def backward(factor: list[list[Array]], right: list[Array]) -> list[Array]:
    """Return F^-T b."""
    columns = [[row[c] for row in factor[c:]] for c in range(len(factor))]
    turned = [column[::-1] for column in columns[::-1]]  # the same system from its last unknown on
    return forward(turned, right[::-1])[::-1]
