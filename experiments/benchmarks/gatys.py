"""How fast is a step of Gatys' method, compiled by jaxstyle and written by hand in PyTorch?

    python -m experiments.benchmarks.gatys --out DIR [--sizes 256 512] [--steps 500]

The same weights, images and loss (`Gatys()`: relative content + 10 x relative Gram), the same L-BFGS
(rate 1, 100 pairs, no line search) from the content. Both sides must first agree on the loss and its
gradient at full precision. All variants then run in one process and take turns, a chunk of steps each,
so that what slows the machine down slows all of them; each optimises its own image. Medians, with the
fastest and the slowest round. On a GPU both sides compute in TF32 by default, but for jaxstyle's Gram
matrices, which are exact float32.

Expected: the best PyTorch takes at least 1.1 times as long for a step as jaxstyle. Two CPU cores:
about 20 minutes for 256 and 512 px; `--memory` runs every variant once more, in a process of its own.
"""

import argparse
import dataclasses
from functools import partial
from pathlib import Path

import jax
import numpy as np

from experiments.benchmarks.inputs import load, pictures
from experiments.benchmarks.machine import (
    THREADS,
    about,
    apart,
    clock,
    failure,
    memory,
    peak,
    torch_device,
)
from experiments.benchmarks.report import OURS, compare, megabytes, opening, save, spread, table
from experiments.benchmarks.torch_gatys import COMPILED, TorchGatys, set_up, ways
from jaxstyle.methods import Gatys
from jaxstyle.methods.descent import evaluate
from jaxstyle.solvers import LBFGS, Spectral

TOLERANCE, CHUNK, BAR, RACE = 1e-4, 10, 1.1, 0.6
SPECTRAL = f"{OURS}, spectral"
MODULE = "experiments.benchmarks.gatys"


@jax.jit
def _evaluate(encoder, loss, image):
    return jax.value_and_grad(lambda image: evaluate(encoder, loss, image)[0])(image)


class Jaxstyle:
    """The method as `descend` runs it."""

    def __init__(self, method, images, chunk):
        self.method, self.chunk = method, chunk
        self.content, style, self.probe = (jax.numpy.asarray(image) for image in images)
        self.target = jax.jit(Gatys.prepare)(method, style)
        self.loss = jax.jit(Gatys.loss)(method, self.content, self.target)

    def evaluate(self):
        return jax.block_until_ready(_evaluate(self.method.encoder, self.loss, self.probe))

    def restart(self):
        self.snapshots = self.method.descend(self.content, self.target, self.chunk)
        jax.block_until_ready(next(self.snapshots).image)

    def advance(self):
        return next(self.snapshots).history["loss"].tolist()


def variants(options, size):
    """Return how to build each variant, by name."""
    chunk = max(count for count in range(1, CHUNK + 1) if options.steps % count == 0)
    method = Gatys(load(options.weights), solver=LBFGS(options.steps))
    content, style = pictures(options, size)
    images = content, style, (content + style) / 2  # halfway neither loss is zero
    theirs = partial(TorchGatys, method, images, chunk, torch_device())
    spectral = dataclasses.replace(method, solver=Spectral(options.steps))
    ours = {OURS: method, SPECTRAL: spectral}
    built = {name: partial(Jaxstyle, own, images, chunk) for name, own in ours.items()}
    built |= ways(theirs, options.smoke)
    return {name: build for name, build in built.items() if name in (options.only or built)}


def check(options):
    """Compare loss and gradient at full precision and 128 px; return the largest relative error."""
    set_up(THREADS, fast=False)
    with jax.default_matmul_precision("highest"):
        every = variants(argparse.Namespace(**vars(options) | {"only": None}), 128)
        results = [build().evaluate() for name, build in every.items() if name != COMPILED]
    own, *others = [[np.asarray(part.tolist()) for part in result] for result in results]
    # The median of the pixels: where rounding decides a maximum, the gradient around it jumps.
    error = lambda a, b: float(np.median(np.abs(a - b)) / np.sqrt(np.mean(b**2)))
    worst = max(error(a, b) for other in others for a, b in zip(other, own, strict=True))
    assert worst < TOLERANCE, f"the two sides do not compute the same: relative error {worst:.1e}"
    set_up(THREADS)
    return worst


def begin(name, build):
    """Return a variant, compiled and back at its start, and its record; None where compilation fails.

    torch.compile may take the whole process down: 2.13 does, in the gradient of a reflected border. So it
    first has to end a small run in a process of its own.
    """
    try:
        if name == COMPILED:
            apart(MODULE, "--peak", "64", name)
        variant = build()
        gradient, _ = clock(variant.evaluate)
        variant.restart()
        chunk, _ = clock(variant.advance)
        return variant, {"first": {"gradient": gradient, "chunk": chunk}}
    except Exception as error:  # of which kind, differs between versions and causes
        if name != COMPILED:
            raise
        return None, {"failure": failure(error)}


def measure(options, size):
    """Time all variants in turns; return their records by name."""
    begun = {name: begin(name, build) for name, build in variants(options, size).items()}
    running = {name: (variant, record) for name, (variant, record) in begun.items() if variant}
    for variant, record in running.values():
        variant.restart()
        record |= {"gradient": [], "step": [], "loss": []}
    for _ in range(options.repeats):
        for variant, record in running.values():
            record["gradient"].append(clock(variant.evaluate)[0])
    while len(running[OURS][1]["loss"]) < options.steps:
        for variant, record in running.values():
            seconds, losses = clock(variant.advance)
            record["step"].append(seconds / len(losses))
            record["loss"] += losses
    return raced({name: record for name, (_, record) in begun.items()})


def raced(records):
    """Note in what steps and seconds each reaches the last loss of the best PyTorch; return the records."""
    goal = records[compare(records, BAR)["best"]]["loss"][-1]
    for record in (record for record in records.values() if "failure" not in record):
        there = np.asarray(record["loss"]) <= goal
        if there.any():
            steps = int(there.argmax()) + 1
            chunk = len(record["loss"]) // len(record["step"])
            seconds = np.cumsum(np.repeat(record["step"], chunk))[steps - 1]
            record["goal"] = {"loss": goal, "steps": steps, "seconds": float(seconds)}
    return records


def verdict(records):
    """Return the line about the race."""
    best = compare(records, BAR)["best"]
    goals = {name: record["goal"] for name, record in records.items() if "goal" in record}
    if SPECTRAL not in goals:
        return f"\nThe spectral solver did not reach the last loss of {best}.\n"
    share = goals[SPECTRAL]["seconds"] / goals[best]["seconds"]
    met = "met" if share <= RACE else "missed"
    return (
        f"\nThe last loss of {best}, {goals[best]['loss']:.5g}, is reached by the spectral solver in"
        f" {goals[SPECTRAL]['steps']} steps, in **{share:.2f}** of the time. At most {RACE}: **{met}**.\n"
    )


def reached(record):
    """Return a cell of the race."""
    return f"{record['goal']['steps']} in {record['goal']['seconds']:.0f} s" if "goal" in record else "-"


def run(options, size, name):
    """Run one variant to the end."""
    variant = variants(options, size)[name]()
    variant.restart()
    for _ in range(options.steps // variant.chunk):
        variant.advance()


def text(facts, sizes):
    """Return the report in Markdown."""
    steps = facts["steps"]
    columns = {
        "first gradient, s": lambda record: f"{record['first']['gradient']:.3g}",
        "first chunk, s": lambda record: f"{record['first']['chunk']:.3g}",
        "loss and gradient, s": lambda record: spread(record["gradient"]),
        "L-BFGS step, s": lambda record: spread(record["step"]),
        f"loss at {steps // 2}": lambda record: f"{record['loss'][steps // 2 - 1]:.5g}",
        f"loss at {steps}": lambda record: f"{record['loss'][-1]:.5g}",
        "steps and seconds to the best PyTorch's last loss": reached,
        "peak memory, MB": megabytes,
    }
    prose = (
        f" Weights {facts['weights']}, L-BFGS from the content, {steps} steps. Median (fastest..slowest"
        " round), all variants in turns in one process. The first calls compile; a loss is that before the"
        " step of this number, and rounding alone makes long descents drift apart. At full precision both"
        f" sides agree on loss and gradient to {facts['error']:.0e}; the times are those of the defaults, on"
        " a GPU TF32 (jaxstyle's Gram matrices: float32).\n"
    )
    tables = [
        table(f"{size} x {size}", records, columns, BAR) + verdict(records) for size, records in sizes.items()
    ]
    return opening("A step of Gatys' method", facts) + prose + "".join(tables)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="experiments.benchmarks.gatys")
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="sides in pixels")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=7, help="rounds of the loss and gradient alone")
    parser.add_argument("--weights", default="vgg19-normalised", help="a name, or synthetic")
    parser.add_argument("--content", type=Path, help="a picture; default: made of noise")
    parser.add_argument("--style", type=Path, help="a picture; default: made of noise")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="variants by their names in the table")
    parser.add_argument("--memory", action="store_true", help="measure the peak memory too (Linux)")
    parser.add_argument("--smoke", action="store_true", help="64 px, 5 steps, no torch.compile: does it run?")
    parser.add_argument("--peak", nargs=2, metavar=("SIZE", "NAME"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.smoke:
        options.sizes, options.steps, options.repeats = [64], 5, 2
    return options


def main(arguments=None):
    options = parse(arguments)
    set_up(THREADS)
    if options.peak:
        size, name = int(options.peak[0]), options.peak[1]
        before = memory("VmRSS")
        run(options, size, name)
        print(peak(before, name == OURS))
        return
    facts = about() | {"weights": options.weights, "steps": options.steps, "error": check(options)}
    sizes = {size: measure(options, size) for size in options.sizes}
    for size, records in sizes.items() if options.memory else ():
        for name, record in records.items():
            record |= {} if "failure" in record else {"peak": apart(MODULE, "--peak", str(size), name)}
    results = {size: {"variants": records} | compare(records, BAR) for size, records in sizes.items()}
    save(options.out, "gatys", facts | {"sizes": results}, text(facts, sizes))


if __name__ == "__main__":
    main()
