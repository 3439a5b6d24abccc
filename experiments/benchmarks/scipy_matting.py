"""The matting Laplacian and the smoothing by it in SciPy, as the Python ports of the closed form do them.

All windows at once in NumPy, float64, coordinates to CSR; smoothing by `splu`, one factor for three channels.
"""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from jaxstyle.image.matting import EPSILON


def laplacian(image: np.ndarray) -> scipy.sparse.csr_array:
    """Return the matting Laplacian of (h, w, 3) in float64."""
    h, w, _ = image.shape
    places = np.lib.stride_tricks.sliding_window_view(np.arange(h * w).reshape(h, w), (3, 3)).reshape(-1, 9)
    colors = image.reshape(-1, 3).astype(np.float64)[places]
    apart = colors - colors.mean(1, keepdims=True)
    lifted = np.einsum("kic,kid->kcd", apart, apart) / 9 + EPSILON / 9 * np.eye(3)
    affinity = (1 + np.einsum("kic,kcd,kjd->kij", apart, np.linalg.inv(lifted), apart)) / 9
    rows, columns = np.repeat(places, 9, 1).ravel(), np.tile(places, 9).ravel()
    values = (np.eye(9) - affinity).ravel()
    return scipy.sparse.coo_array((values, (rows, columns)), (h * w, h * w)).tocsr()


def products(content: np.ndarray, image: np.ndarray, count: int) -> np.ndarray:
    """Build it and apply it again and again, to what it gave, scaled down."""
    matrix, flat = laplacian(content), image.reshape(-1, 3).astype(np.float64)
    for _ in range(count):
        flat = matrix @ flat / 16
    return flat.reshape(image.shape)


def smoothed(content: np.ndarray, image: np.ndarray, beta: float) -> np.ndarray:
    """Solve PhotoWCT's system for the picture near `image` whose edges are those of `content`."""
    h, w, _ = content.shape
    windows = np.outer(*(np.convolve(np.ones(edge - 2), np.ones(3)) for edge in (h, w))).ravel()
    near = scipy.sparse.diags_array((1 - beta) * windows)
    system = scipy.sparse.csc_array(near + beta * laplacian(content))
    flat = scipy.sparse.linalg.splu(system).solve(near @ image.reshape(-1, 3).astype(np.float64))
    return np.clip(flat, 0, 1).reshape(image.shape)


class Scipy:
    """A function of two pictures, in float64 whatever is asked for; a call is a step."""

    def __init__(
        self, function, content: np.ndarray, image: np.ndarray, steps: int, precision: str = "float64"
    ):
        self.function, self.pictures, self.steps = function, (content, image), steps

    def advance(self) -> list[float]:
        for _ in range(self.steps):
            self.output = self.function(*self.pictures)
        return []

    def result(self) -> dict[str, np.ndarray]:
        return {"result": self.output}
