"""How long does a transfer in closed form take, compiled by jaxstyle and written by hand in PyTorch?

    python -m experiments.benchmarks.transfer --out DIR [--tasks wct adain] [--size N] [--content F --style F]

From content and style to the image, `stylize` as it is:

    wct-original   WCT by VGG-19, the original decoders of levels 3, 2 and 1; where JAXSTYLE_WEIGHTS has them
    wct            WCT by the bundle, levels 5 to 1
    adain          AdaIN by the bundle
    johnson        a bundled network of Johnson's, 24 channels wide
    whitening      WCT's transform alone, on the features at relu4_1 (64 x 64 x 512 for 512 px), each way

The same weights, levels and alpha; PyTorch takes the roots by `torch.linalg.svd`, as the published codes
of WCT do, in one row and in whitening also by `eigh`. First both sides must agree in float64. Then every
variant gets a process of its own, and they take turns: medians, with the fastest and the slowest turn,
and what memory the process took at most. On a GPU both sides compute in TF32 (jaxstyle's covariances,
roots: float32).

Two CPU cores: about 10 minutes. Expected there: the best PyTorch (torch.compile) takes 1.29
(wct-original), 1.26 (wct) and 1.12 (adain) times as long as jaxstyle; the bars are 1.2, 1.2 and 1.
"""

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
import torch

from experiments.benchmarks.apart import Apart, Turns
from experiments.benchmarks.inputs import pictures
from experiments.benchmarks.machine import THREADS, about, torch_device
from experiments.benchmarks.report import OURS, compare, megabytes, opening, save, spread, table
from experiments.benchmarks.torch_gatys import CHANNELS_LAST, COMPILED, set_up, ways
from experiments.benchmarks.torch_transfer import (
    Drawn,
    Matched,
    TorchTransfer,
    Transfer,
    eigh,
    match_covariance,
    match_moments,
    svd,
)
from jaxstyle import weights
from jaxstyle.core import Method, stylize
from jaxstyle.methods import WCT, AdaIN, Johnson
from jaxstyle.networks.decoders import encoded
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.transforms import match_covariance as matched
from jaxstyle.transforms.covariance import cholesky, newton_schulz, zca
from weights.port import wct_decoders

MODULE = "experiments.benchmarks.transfer"
CHECK, EXACT = 64, 1e-9
BARS = {"wct-original": 1.2, "wct": 1.2, "adain": 1.0, "johnson": 1.1, "whitening": None}
ORIGINAL = Path(os.environ.get("JAXSTYLE_WEIGHTS", "")) / "wct_decoders_1-3.safetensors"


class Jaxstyle:
    """A function of arrays and pytrees of them, compiled."""

    def __init__(self, function: Callable, arguments: tuple, precision=jnp.float32):
        self.function = jax.jit(function)
        self.arguments = jax.tree.map(lambda leaf: jnp.asarray(leaf, precision), arguments)

    def run(self) -> None:
        self.output = jax.block_until_ready(self.function(*self.arguments))

    def result(self) -> np.ndarray:
        """Return what the last run gave."""
        return np.asarray(self.output)


def transfer(method: Method, content, style):
    return stylize(method, content, style)


def whiten(way: Callable, feature, style):
    return matched(feature, Covariance.of(style), way=way)


def wct_original(options, size: int) -> dict[str, Callable]:
    decoders = wct_decoders.ported(ORIGINAL)
    return wct(options, size, WCT(weights.load("vgg19-normalised"), decoders, levels=(3, 2, 1)))


def wct_bundled(options, size: int) -> dict[str, Callable]:
    decoders = weights.load("wct-decoders")
    return wct(options, size, WCT(weights.load("vgg19-lite"), decoders, levels=(5, 4, 3, 2, 1)))


def wct(options, size: int, method: WCT) -> dict[str, Callable]:
    images = pictures(options, size)
    theirs = lambda root: partial(Transfer, method, partial(match_covariance, root))
    build = lambda root: partial(TorchTransfer, theirs(root), images, torch_device())
    ours = {OURS: partial(Jaxstyle, transfer, (method, *images))}
    other = {"PyTorch eager, channels_last, eigh": partial(build(eigh), layout=CHANNELS_LAST)}
    return ours | ways(build(svd), options.smoke) | other


def adain(options, size: int) -> dict[str, Callable]:
    method, images = AdaIN(weights.load("vgg19-lite"), weights.load("adain")), pictures(options, size)
    theirs = partial(TorchTransfer, partial(Transfer, method, match_moments), images, torch_device())
    return {OURS: partial(Jaxstyle, transfer, (method, *images))} | ways(theirs, options.smoke)


def whitening(options, size: int) -> dict[str, Callable]:
    encode = jax.jit(partial(encoded, weights.load("vgg19-lite"), 4))
    features = tuple(np.asarray(encode(image)) for image in pictures(options, size))
    ours = {OURS: zca, f"{OURS}, cholesky": cholesky, f"{OURS}, newton_schulz": newton_schulz}
    theirs = {"PyTorch svd": svd, "PyTorch eigh": eigh}
    build = lambda root: partial(Matched, partial(match_covariance, root))
    return {name: partial(Jaxstyle, partial(whiten, way), features) for name, way in ours.items()} | {
        name: partial(TorchTransfer, build(root), features, torch_device()) for name, root in theirs.items()
    }


def johnson(options, size: int) -> dict[str, Callable]:
    method, images = Johnson(weights.load("johnson-strokes")), pictures(options, size)
    theirs = partial(TorchTransfer, partial(Drawn, method.network), images, torch_device())
    return {OURS: partial(Jaxstyle, transfer, (method, *images))} | ways(theirs, options.smoke)


TASKS = {
    "wct-original": wct_original,
    "wct": wct_bundled,
    "adain": adain,
    "johnson": johnson,
    "whitening": whitening,
}


def distance(result: np.ndarray, own: np.ndarray) -> float:
    """Return |a - b| / |b|."""
    return float(np.linalg.norm(result - own) / np.linalg.norm(own))


def check(options, task: str) -> float:
    """Run both sides in float64 on small pictures; return the largest relative distance."""
    builds, worst = TASKS[task](options, CHECK), 0.0
    with jax.enable_x64(True):
        own = builds.pop(OURS)(precision=jnp.float64)
        own.run()
    torch.set_default_dtype(torch.float64)  # the mean colour too
    for build in (build for name, build in builds.items() if name != COMPILED and OURS not in name):
        other = build(precision=torch.float64)
        other.run()
        worst = max(worst, distance(other.result(), own.result()))
    torch.set_default_dtype(torch.float32)
    assert worst < EXACT, f"{task}: the two sides do not compute the same: relative distance {worst:.1e}"
    return worst


def first(worker: Apart, record: dict) -> None:
    record["first"], _ = worker.call("run")
    _, record["result"] = worker.call("result")


def turn(worker: Apart, record: dict) -> None:
    record["step"].append(worker.call("run")[0])


def measure(options, task: str) -> dict[str, dict]:
    """Time all variants in turns; return their records by name."""
    turns = Turns(TASKS[task](options, options.size), options.threads)
    turns.each(first)
    for _ in range(options.repeats):
        turns.each(turn)
    records = turns.end()
    own, seconds = records[OURS]["result"], median(records[OURS]["step"])
    for record in (record for record in records.values() if "failure" not in record):
        record["distance"] = distance(record.pop("result"), own)
        record["ratio"] = median(record["step"]) / seconds
    return records


def text(options, facts: dict, tasks: dict[str, dict]) -> str:
    """Return the report in Markdown."""
    columns = {
        "first call, s": lambda record: f"{record['first']:.3g}",
        "call, s": lambda record: spread(record["step"]),
        "times jaxstyle's": lambda record: f"{record['ratio']:.2f}",
        "result off by": lambda record: f"{record['distance']:.0e}",
        "peak memory, MB": megabytes,
    }
    prose = (
        f" Content and style of {options.size} px, prepared and applied in one call; each variant in its own"
        " process, in turns. The first call compiles. A call: median (fastest..slowest) of"
        f" {options.repeats}. PyTorch: inference mode, roots by SVD where not said otherwise. The result: its"
        " relative distance from jaxstyle's; in float32, rounding decides which directions are above the"
        " floor, and the ways of `whitening` differ in what they do with those below, `cholesky` by a"
        " rotation too. Memory: compilation included.\n"
    )
    sections = []
    for name, task in tasks.items():
        sections += [
            table(name, task["variants"], columns, BARS[name]),
            f"In float64, at {CHECK} px, both sides agree to {task['error']:.0e}.\n",
        ]
    return opening("A transfer in closed form", facts) + prose + "".join(sections)


def parse(arguments):
    parser = argparse.ArgumentParser(prog=MODULE)
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    known = [name for name in TASKS if name != "wct-original" or ORIGINAL.is_file()]
    parser.add_argument("--tasks", nargs="+", choices=known, default=known)
    parser.add_argument("--size", type=int, default=512, help="side in pixels, a multiple of 16")
    parser.add_argument("--repeats", type=int, default=9, help="turns")
    parser.add_argument("--content", type=Path, help="a picture; default: made of noise")
    parser.add_argument("--style", type=Path, help="a picture; default: made of noise")
    parser.add_argument(
        "--smoke", action="store_true", help="tiny, one thread, no torch.compile: does it run?"
    )
    parser.set_defaults(threads=THREADS)
    options = parser.parse_args(arguments)
    if options.smoke:
        options.size, options.repeats, options.threads = 64, 2, 1
    return options


def main(arguments=None):
    options = parse(arguments)
    set_up(options.threads)
    facts = about() | {name: getattr(options, name) for name in ("threads", "size", "repeats")}
    tasks = {}
    for task in options.tasks:
        error, records = check(options, task), measure(options, task)
        tasks[task] = {"error": error, "variants": records} | compare(records, BARS[task])
    save(options.out, "transfer", facts | {"tasks": tasks}, text(options, facts, tasks))


if __name__ == "__main__":
    main()
