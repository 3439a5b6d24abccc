"""How fast is a training step, compiled by jaxstyle and written by hand in PyTorch?

    python -m experiments.benchmarks.training --out DIR [--tasks johnson decoders] [--levels 1 2 3] [--size N]

`johnson`: the network of width 32 with 5 residuals for one style, 4 images of 256 px. `decoders`: WCT's
decoders, all levels at once, 4 images of 128 px. Default losses through `vgg19-lite`, Adam(1e-3); the same
first weights, and from uint8 on the same batch in every step. The jaxstyle side is `training.loop`'s step.

First both sides must agree in float64 on the loss and on the gradient of every parameter. Then every
variant gets a process of its own, and they take turns, some steps each: medians and quartiles of the
turns, and what memory the process took at most. torch.compile may crash, and its process with it (on a CPU
2.13 writes beyond its memory in the gradient of a reflected border): that is a row of the table. On a GPU
both sides compute in TF32 (jaxstyle's Gram matrices: float32), and the table has their share of the
roofline: the operations of the step over those of a large product of matrices in the same time. Of several
GPUs take one, by CUDA_VISIBLE_DEVICES=0.

Two CPU cores: about 10 minutes. Expected there: best PyTorch / jaxstyle 0.92 (johnson, against torch.compile;
eager 1.10) and 0.79 (decoders, against eager channels_last; eager 1.0): the goal of 1 is missed.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
import torch

from experiments.benchmarks.apart import Apart, Turns
from experiments.benchmarks.inputs import picture
from experiments.benchmarks.machine import THREADS, about, clock, on_gpu, torch_device
from experiments.benchmarks.report import OURS, compare, megabytes, opening, quartiles, save, table
from experiments.benchmarks.torch_gatys import COMPILED, set_up, ways
from experiments.benchmarks.torch_training import TorchTraining
from experiments.benchmarks.training_tasks import TASKS, Jaxstyle

CHECK, EXACT, BAR = 32, 1e-5, 1.0
TOLERANCE = {False: 1e-4, True: 1e-2}  # of the first loss; on a GPU: TF32
FLOOR = 1e-4
MODULE = "experiments.benchmarks.training"
SIZES = {"johnson": 256, "decoders": 128}


def size_of(options, task: str) -> int:
    return options.size or SIZES[task]


def variants(options, task: str, size: int) -> dict[str, Callable]:
    """Return how to build each variant, by name."""
    network, recipe, loss = TASKS[task](options, size)
    batch = np.stack([picture(size, seed % 4) for seed in range(options.batch_size)])
    batch = np.round(255 * batch).astype(np.uint8)
    theirs = partial(TorchTraining, loss, network, batch, torch_device())
    return {OURS: partial(Jaxstyle, recipe, network, batch)} | ways(theirs, options.smoke)


def gradient_error(moments: dict[str, np.ndarray], own: dict[str, np.ndarray]) -> float:
    """Return the largest |a - b| / |b| of a tensor, |b| at least `FLOOR` times that of all together.

    For what stands before a normalisation may have no gradient at all, but rounding.
    """
    norm = np.linalg.norm
    floor = FLOOR * norm([norm(b) for b in own.values()])
    return max(float(norm(moments[name] - b) / max(norm(b), floor)) for name, b in own.items())


def check(options, task: str) -> dict[str, float]:
    """Compare loss and gradient of a first step in float64; return the largest relative errors.

    In float32, rounding decides some of the maxima in ReLU and pooling, and the gradient jumps there.
    """
    builds = variants(options, task, CHECK)
    with jax.enable_x64(True):
        own = builds.pop(OURS)(compute=jnp.float64)
        loss, moments = own.advance(1)[0], own.moments()
    errors = {"loss": 0.0, "gradient": 0.0}
    for build in (build for name, build in builds.items() if name != COMPILED):
        other = build(precision=torch.float64)
        errors["loss"] = max(errors["loss"], abs(other.advance(1)[0] / loss - 1))
        errors["gradient"] = max(errors["gradient"], gradient_error(other.moments(), moments))
    assert max(errors.values()) < EXACT, f"{task}: the two sides do not compute the same: {errors}"
    return errors


def first(worker: Apart, record: dict) -> None:
    record["first"], record["loss"] = worker.call("advance", 1)
    _, record["moments"] = worker.call("moments")


def turn(steps: int, worker: Apart, record: dict) -> None:
    seconds, losses = worker.call("advance", steps)
    record["step"].append(seconds / steps)
    record["loss"] += losses


def measure(options, task: str, size: int) -> dict[str, dict]:
    """Time all variants in turns; return their records by name."""
    turns = Turns(variants(options, task, size), options.threads)
    turns.each(first)
    for _ in range(options.repeats):
        turns.each(partial(turn, options.steps))
    budget = turns.workers[OURS].call("flops")[1] / matmul_peak() if on_gpu() else None
    records = turns.end()
    moments, loss = records[OURS]["moments"], records[OURS]["loss"][0]
    for record in (record for record in records.values() if "failure" not in record):
        record["gradient_error"] = gradient_error(record.pop("moments"), moments)
        record |= {"share": budget / median(record["step"])} if budget else {}
        error = abs(record["loss"][0] / loss - 1)
        assert error < TOLERANCE[on_gpu()], f"{task}: the losses of the first step differ by {error:.1e}"
    return records


def matmul_peak(side: int = 8192) -> float:
    """Return the operations a second of a product of matrices, in the precision of the steps."""
    a = jax.random.normal(jax.random.key(0), (side, side))
    product = jax.jit(jnp.matmul)
    seconds = [clock(lambda: jax.block_until_ready(product(a, a)))[0] for _ in range(11)]
    return 2 * side**3 / min(seconds)


def columns(options) -> dict[str, Callable[[dict], str]]:
    """Return what the table shows of a record."""
    shown = {
        "first step, s": lambda record: f"{record['first']:.3g}",
        "step, s": lambda record: quartiles(record["step"]),
        "images/s": lambda record: f"{options.batch_size / median(record['step']):.3g}",
        "loss at 1": lambda record: f"{record['loss'][0]:.7g}",
        f"loss at {1 + options.repeats * options.steps}": lambda record: f"{record['loss'][-1]:.5g}",
        "first gradient off by": lambda record: f"{record['gradient_error']:.0e}",
        "peak memory, MB": megabytes,
    }
    share = {"of the roofline": lambda record: f"{record['share']:.1%}"}
    return shown | share if on_gpu() else shown


def text(options, facts: dict, tasks: dict[str, dict]) -> str:
    """Return the report in Markdown."""
    prose = (
        f" Weights {options.weights}, Adam, the same batch in every step; each variant in its own process, in"
        f" turns. The first step compiles. A step: median (quartiles) of {options.repeats} turns of"
        f" {options.steps} steps; a loss is that before the step of this number. The first gradient: the"
        " largest relative error of a parameter's against jaxstyle's; where rounding decides a maximum, it"
        " jumps. Memory: compilation included. All in float32, on a GPU TF32 (jaxstyle's Gram matrices:"
        " float32).\n"
    )
    sections = []
    for name, task in tasks.items():
        title = f"{name}, {options.batch_size} x {task['size']} x {task['size']}"
        errors = task["errors"]
        sections += [
            table(title, task["variants"], columns(options), BAR),
            f"In float64, at {CHECK} px, both sides agree on the loss to {errors['loss']:.0e} and on the"
            f" gradient of every parameter to {errors['gradient']:.0e}.\n",
        ]
    return opening("A training step", facts) + prose + "".join(sections)


def parse(arguments):
    parser = argparse.ArgumentParser(prog=MODULE)
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=[*TASKS])
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="of the decoders")
    parser.add_argument("--size", type=int, help="side in pixels (johnson: 256, decoders: 128)")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--steps", type=int, default=2, help="steps in a turn")
    parser.add_argument("--repeats", type=int, default=10, help="turns")
    parser.add_argument("--weights", default="vgg19-lite", help="a name, or synthetic")
    parser.add_argument(
        "--smoke", action="store_true", help="tiny, one thread, no torch.compile: does it run?"
    )
    parser.set_defaults(threads=THREADS)
    options = parser.parse_args(arguments)
    if options.smoke:
        options.size, options.batch_size, options.levels = 32, 2, [2]
        options.steps, options.repeats, options.threads = 1, 2, 1
    return options


def main(arguments=None):
    options = parse(arguments)
    set_up(options.threads)
    names = ("threads", "weights", "levels", "batch_size", "steps", "repeats")
    facts = about() | {name: getattr(options, name) for name in names}
    tasks = {}
    for task in options.tasks:
        errors, size = check(options, task), size_of(options, task)
        records = measure(options, task, size)
        tasks[task] = {"size": size, "errors": errors, "variants": records} | compare(records, BAR)
    save(options.out, "training", facts | {"tasks": tasks}, text(options, facts, tasks))


if __name__ == "__main__":
    main()
