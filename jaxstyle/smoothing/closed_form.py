"""PhotoWCT's second step: the result, made smooth along the content's matting affinities (Li et al. 2018).

    x = (1 - b) (1 - b S)^-1 y        S = D^-1/2 W D^-1/2,  L = D - W the content's matting Laplacian

With z = D^-1/2 x the system ((1 - b) D + b L) z = (1 - b) D^1/2 y is symmetric and positive definite:
conjugate gradients from the guided filter's answer, preconditioned by the diagonal, one product with L a
step, no matrix.

Convention: the paper's b is 0.9999, L's e is 1e-7. Differs from the code, which factorises the sparse matrix:
stops when the residual is below `tolerance` of the right side's, and takes at most `steps`.
"""

import jax.numpy as jnp
from jax.scipy.sparse.linalg import cg

from jaxstyle.core import Image, pytree
from jaxstyle.image.matting import EPSILON, Laplacian
from jaxstyle.smoothing.guided import Guided


@pytree
class ClosedForm:
    """Solve for the picture that is near the result and smooth where the content is.

    `beta` below 1: how much smoothness weighs.
    """

    beta: float = 0.9999
    epsilon: float = EPSILON
    tolerance: float = 1e-3
    steps: int = 1000

    def __call__(self, image: Image, content: Image) -> Image:
        laplacian = Laplacian.of(content, self.epsilon)
        degree = laplacian.windows[..., None]
        system = lambda z: (1 - self.beta) * degree * z + self.beta * laplacian.matvec(z)
        diagonal = (1 - self.beta) * degree + self.beta * laplacian.diagonal[..., None]
        right = (1 - self.beta) * jnp.sqrt(degree) * image
        first = Guided(2)(image, content) / jnp.sqrt(degree)
        z, _ = cg(
            system,
            right,
            first,
            tol=self.tolerance,
            maxiter=self.steps,
            M=lambda residual: residual / diagonal,
        )
        return jnp.clip(z * jnp.sqrt(degree), 0, 1)
