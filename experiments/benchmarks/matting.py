"""How long do the matting Laplacian and the smoothing by it take, beside SciPy's sparse matrices?

    python -m experiments.benchmarks.matting --out DIR [--content F] [--result F]

`laplacian`  build it and apply it 100 times to a picture of 512 px: SciPy as the Python ports of the closed
             form do it, all windows at once in NumPy, float64, coordinates to CSR, products with it
`smoothing`  the closed form of PhotoWCT, 800 x 538, beta 0.9999: SciPy builds the same system and solves it
             by `scipy.sparse.linalg.splu`, one factor for three channels

Each side in a process of its own, in turns, `laplacian` 5 and `smoothing` 2 of them: medians, with the
fastest and the slowest, what memory the process took at most, and the distance of the results. Compiling
is in the first call, which is not counted. Without --content, --result: noise.

Expected on two CPU cores, 5 minutes: at least 10 times and 5 times faster, and the solution equal to 1e-3.
"""

import argparse
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from PIL import Image

from experiments.benchmarks.apart import Turns
from experiments.benchmarks.inputs import picture
from experiments.benchmarks.machine import THREADS, about
from experiments.benchmarks.report import OURS, compare, megabytes, save, spread, table
from experiments.benchmarks.torch_gatys import set_up
from jaxstyle.image.matting import EPSILON, Laplacian
from jaxstyle.smoothing import ClosedForm

PRODUCTS, BETA = 100, 0.9999
SIZES = {"laplacian": (512, 512), "smoothing": (538, 800)}
TURNS = {"laplacian": 5, "smoothing": 2}
BARS = {"laplacian": 10.0, "smoothing": 5.0}
NEAR = 1e-3


def products(laplacian: Laplacian, p: jax.Array) -> jax.Array:
    """Apply L again and again, to what it gave, scaled down."""
    return jax.lax.fori_loop(0, PRODUCTS, lambda _, p: laplacian.matvec(p) / 16, p)


class Ours:
    """Both tasks, compiled."""

    def __init__(self, task: str, content: np.ndarray, result: np.ndarray):
        self.pair = jnp.asarray(content), jnp.asarray(result)
        ways = {
            "laplacian": lambda content, result: products(Laplacian.of(content), result),
            "smoothing": lambda content, result: ClosedForm(BETA)(result, content),
        }
        self.function = jax.jit(ways[task])

    def run(self) -> None:
        self.output = jax.block_until_ready(self.function(*self.pair))

    def result(self) -> np.ndarray:
        return np.asarray(self.output)


def laplacian(image: np.ndarray) -> scipy.sparse.csr_array:
    """Return the matting Laplacian in float64, all windows at once."""
    h, w, _ = image.shape
    places = np.lib.stride_tricks.sliding_window_view(np.arange(h * w).reshape(h, w), (3, 3)).reshape(-1, 9)
    colors = image.reshape(-1, 3).astype(np.float64)[places]
    apart = colors - colors.mean(1, keepdims=True)
    lifted = np.einsum("kic,kid->kcd", apart, apart) / 9 + EPSILON / 9 * np.eye(3)
    affinity = (1 + np.einsum("kic,kcd,kjd->kij", apart, np.linalg.inv(lifted), apart)) / 9
    rows, columns = np.repeat(places, 9, 1).ravel(), np.tile(places, 9).ravel()
    values = (np.eye(9) - affinity).ravel()
    return scipy.sparse.coo_array((values, (rows, columns)), (h * w, h * w)).tocsr()


class Scipy:
    """Both tasks by sparse matrices."""

    def __init__(self, task: str, content: np.ndarray, result: np.ndarray):
        self.task, self.content, self.image = task, content, result

    def run(self) -> None:
        matrix, flat = laplacian(self.content), self.image.reshape(-1, 3).astype(np.float64)
        if self.task == "laplacian":
            for _ in range(PRODUCTS):
                flat = matrix @ flat / 16
        else:
            h, w, _ = self.content.shape
            windows = np.outer(*(np.convolve(np.ones(edge - 2), np.ones(3)) for edge in (h, w))).ravel()
            near = scipy.sparse.diags_array((1 - BETA) * windows)
            system = scipy.sparse.csc_array(near + BETA * matrix)
            flat = np.clip(scipy.sparse.linalg.splu(system).solve(near @ flat), 0, 1)
        self.output = flat.reshape(self.image.shape)

    def result(self) -> np.ndarray:
        return self.output


def given(path: Path | None, size: tuple[int, int], seed: int) -> np.ndarray:
    """Return a file or noise at a size."""
    if path is None:
        return picture(max(size), seed)[: size[0], : size[1]]
    image = Image.open(path).convert("RGB").resize(size[::-1], Image.Resampling.LANCZOS)
    return np.asarray(image, np.float32) / 255


def turn(worker, record: dict) -> None:
    seconds, _ = worker.call("run")
    record["step"].append(seconds)


def measure(options, task: str) -> dict:
    """Time both sides in turns; return their records."""
    pair = given(options.content, SIZES[task], 1), given(options.result, SIZES[task], 2)
    builds = {OURS: partial(Ours, task, *pair), "SciPy": partial(Scipy, task, *pair)}
    turns = Turns(builds, options.threads)
    turns.workers[OURS].call("run")  # compiles
    for _ in range(TURNS[task]):
        turns.each(turn)
    results = [worker.call("result")[1] for worker in turns.workers.values()]
    off = float(np.max(np.abs(results[0] - results[1])) / np.max(np.abs(results[1])))
    return {"variants": turns.end(), "off": off}


COLUMNS = {"seconds": lambda record: spread(record["step"]), "peak memory, MB": megabytes}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="experiments.benchmarks.matting")
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    parser.add_argument("--content", type=Path, help="a photograph")
    parser.add_argument("--result", type=Path, help="what is smoothed")
    parser.set_defaults(threads=THREADS)
    options = parser.parse_args(arguments)
    set_up(options.threads)
    facts, sections = about() | {"threads": THREADS}, []
    for task in SIZES:
        found = measure(options, task)
        facts[task] = found | compare(found["variants"], BARS[task])
        title = f"{task}, {SIZES[task][1]} x {SIZES[task][0]}"
        sections.append(table(title, found["variants"], COLUMNS, BARS[task]))
        sections.append(f"The results are {found['off']:.0e} of the largest value apart.\n")
        assert found["off"] < NEAR, f"{task}: the two sides do not give the same: {found['off']:.1e}"
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    title = f"# Matting: jaxstyle and SciPy {scipy.__version__} on {facts['device']}"
    head = f"{title}\n\n{facts['date']}; {versions}.\n"
    save(options.out, "matting", facts, head + "".join(sections))


if __name__ == "__main__":
    main()
