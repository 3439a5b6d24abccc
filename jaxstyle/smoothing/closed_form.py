"""PhotoWCT's second step: the result, made smooth along the content's matting affinities (Li et al. 2018).

    x = (1 - b) (1 - b D^-1 W)^-1 y        L = D - W the content's matting Laplacian, D its windows by pixel

x minimises (1 - b) |x - y|^2 + b x^T L x, the first norm weighed by D: the content and constants stay as they
are. ((1 - b) D + b L) x = (1 - b) D y is symmetric and positive definite: conjugate gradients from the guided
filter's answer, preconditioned by the diagonal, one product with L a step, no matrix.

Convention: the paper's b is 0.9999, L's e is 1e-7. Differs from the paper, whose D^-1/2 W D^-1/2 is the same
where D is 9 but fades at the border, and from its code, which factorises the sparse matrix: this stops when
the residual is below `tolerance` of the right side's, and takes at most `steps`.
"""

import jax.numpy as jnp
from jax.scipy.sparse.linalg import cg

from jaxstyle.core import Image, pytree, static
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
    steps: int = static(default=1000)

    def __call__(self, image: Image, content: Image) -> Image:
        laplacian = Laplacian.of(content, self.epsilon)
        near = (1 - self.beta) * laplacian.windows[..., None]
        diagonal = near + self.beta * laplacian.diagonal[..., None]
        system = lambda x: near * x + self.beta * laplacian.matvec(x)
        scaled = lambda residual: residual / diagonal
        first = Guided(2)(image, content)
        x, _ = cg(system, near * image, first, tol=self.tolerance, maxiter=self.steps, M=scaled)
        return jnp.clip(x, 0, 1)
