"""How fast is jaxstyle beside PyTorch (and SciPy), task by task, in one run?

    python -m experiments.benchmarks.speed --out DIR [--tasks gatys johnson ...] [--sizes 256 512 1024]

For every task of `tasks.py` at every size: the same weights, pictures and mathematics on both sides, PyTorch
eager in both memory layouts and by torch.compile. What an earlier run with the same versions left in the
folder stays in the table until it is measured again. First, both sides must agree in float64 at 64 px.
Then every variant gets a process of its own, and they take turns, so that what slows the machine slows all of
them: median, fastest and slowest, 95th percentile, and what memory the process took at most. The first call
compiles; what it takes more than the median is told apart. A descent starts at the content and goes on from
turn to turn: `to the loss` is how many steps and seconds it takes to within a thousandth of what the best
PyTorch had at last. The roofline: the operations of jaxstyle's program, over those of a large product of
matrices in the same time. On a GPU both sides compute in TF32 (jaxstyle's covariances: float32).

The race to PyTorch's 500th step is `--tasks gatys --sizes 512 --turns 100 --seconds 1e9`. Without the real
weights in JAXSTYLE_WEIGHTS, descents run on a VGG-19 of random ones. Two CPU cores: 45 minutes for all.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
import torch

from experiments.benchmarks.apart import Apart, Turns
from experiments.benchmarks.machine import THREADS, about, clock, on_gpu, torch_device
from experiments.benchmarks.report import OURS, compare, earlier, save, section, summary
from experiments.benchmarks.tasks import ORIGINAL, TASKS, Task
from experiments.benchmarks.torch_gatys import COMPILED, set_up
from jaxstyle import weights
from jaxstyle.options import count

CHECK, LEAST = 64, 3  # pixels of the check, turns at least
FLOOR = 1e-4  # of the norm of all parameters' gradients: some have none but rounding
WITHIN = 1e-3  # of a loss, that counts as there


def distance(result: dict[str, np.ndarray], own: dict[str, np.ndarray]) -> float:
    """Return the largest |a - b| / |b| of an array, |b| at least `FLOOR` times that of all together."""
    norm = lambda x: np.linalg.norm(np.asarray(x, np.float64))
    floor = FLOOR * norm([norm(b) for b in own.values()])
    return max(float(norm(result[name] - b) / max(norm(b), floor)) for name, b in own.items())


def check(options, task: Task) -> float:
    """Run both sides in float64 on small pictures; return the largest relative distance.

    On the CPU, where PyTorch's singular values are exact; our training step runs on all devices, as ever.
    """
    with jax.default_device(jax.devices("cpu")[0]):
        builds, worst = task.builds(options, CHECK), 0.0
        with jax.enable_x64(True):
            own = builds[OURS](precision="float64")
            own.advance()
            expected = own.result()
    torch.set_default_dtype(torch.float64)  # the mean colour too
    for name, build in builds.items():
        if name != COMPILED and not name.startswith(OURS):
            other = build(precision="float64")
            other.advance()
            worst = max(worst, distance(other.result(), expected))
    torch.set_default_dtype(torch.float32)
    assert worst < task.near, f"the two sides do not compute the same: relative distance {worst:.1e}"
    return worst


def first(worker: Apart, record: dict) -> None:
    record["first"], record["loss"] = worker.call("advance")
    _, record["result"] = worker.call("result")


def turn(steps: int, worker: Apart, record: dict) -> None:
    taken, losses = worker.call("advance")
    record["step"].append(taken / steps)
    record["loss"] += losses


def start(options, task: Task, size: int, spread: Callable) -> Turns:
    """Build all variants and call each once; count the operations of ours."""
    builds = task.builds(options, size)
    turns = Turns({name: builds[name] for name in options.only or builds}, options.threads)
    turns.each(first, spread)
    turns.records[OURS]["operations"] = turns.workers[OURS].call("operations")[1]
    return turns


def measure(options, task: Task, turns: Turns) -> dict[str, dict]:
    """Time all variants in turns; return their records by name."""
    begun = time.monotonic()
    for done in range(options.turns):
        if done >= LEAST and time.monotonic() - begun > options.seconds:
            break
        turns.each(partial(turn, task.steps))
    return judged(turns.end(), task.steps, options.peak)


def judged(records: dict[str, dict], steps: int, peak: float) -> dict[str, dict]:
    """Note what follows from the times of turns of `steps`; `peak`: operations a second at the roofline."""
    own, best = records[OURS], records[compare(records, None)["best"]]
    expected = own["result"]
    for record in (record for record in records.values() if "failure" not in record):
        step = median(record["step"])
        record["compile"] = max(record["first"] - step * steps, 0.0)
        record["ratio"] = step / median(own["step"])
        record["error"] = distance(record.pop("result"), expected)
        record["share"] = own["operations"] / peak / step
        if record["loss"]:
            there = np.asarray(record["loss"]) <= best["loss"][-1] * (1 + WITHIN)
            each = np.repeat([step, *record["step"]], steps)  # the first turn compiled
            needed = int(there.argmax()) + 1
            record |= (
                {"goal": {"steps": needed, "seconds": float(each[:needed].sum())}} if there.any() else {}
            )
    return records


def product_rate() -> float:
    """Return the operations a second of a large product of matrices, by the faster of both frameworks."""
    side = 8192 if on_gpu() else 2048
    a, b = jnp.ones((side, side)), torch.ones(side, side, device=torch_device())
    product, wait = jax.jit(jnp.matmul), torch.cuda.synchronize if on_gpu() else lambda: None
    ways = lambda: jax.block_until_ready(product(a, a)), lambda: (b @ b, wait())
    return 2 * side**3 / min(clock(way)[0] for way in ways for _ in range(11))


def text(facts: dict, rows: list[dict]) -> str:
    """Return the report in Markdown."""
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return (
        f"# jaxstyle beside PyTorch on {facts['device']}\n\n{facts['date']}; {facts['threads']} threads on"
        f" both sides; {versions}; flags: {facts['flags'] or 'none'}. Descents through {facts['weights']}."
        f" Float32, on a GPU TF32; a product of matrices: {facts['product'] / 1e9:.0f} GFLOP/s. Each variant"
        " in its own process, in turns.\n\n" + summary(rows) + "".join(section(row) for row in rows)
    )


def picture_file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return Path(text)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="experiments.benchmarks.speed")
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    known = [name for name in TASKS if name != "wct-original" or ORIGINAL.is_file()]
    parser.add_argument("--tasks", nargs="+", choices=known, default=known)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024], help="multiples of 16 px")
    parser.add_argument("--turns", type=int, default=9, help="at most, of each variant")
    parser.add_argument("--seconds", type=float, default=40, help=f"of a row's turns, {LEAST} at least")
    real = "vgg19-normalised"
    default = real if weights.find(real) else "synthetic"
    parser.add_argument("--weights", default=default, help="of descents: a name, or synthetic")
    parser.add_argument("--content", type=picture_file, help="a picture; default: made of noise")
    parser.add_argument("--style", type=picture_file, help="a picture; default: made of noise")
    ahead = "rows that compile side by side before they are timed: on many cores, in a hurry"
    parser.add_argument("--ahead", type=count, metavar="ROWS", default=1, help=ahead)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="variants by their names in the tables")
    parser.add_argument("--smoke", action="store_true", help="64 px, no torch.compile: does it run?")
    parser.set_defaults(threads=THREADS)
    options = parser.parse_args(arguments)
    if options.smoke:
        options.turns, options.threads = LEAST, 1
    return options


def sizes_of(options, task: Task) -> tuple[int, ...]:
    return (CHECK,) if options.smoke else tuple(task.sizes or options.sizes)


def merged(rows: list[dict], row: dict) -> list[dict]:
    """Return the rows with one more, or anew, in the order of the tasks."""
    place = lambda row: ([*TASKS].index(row["task"]), row["size"])
    return sorted([*(other for other in rows if place(other) != place(row)), row], key=place)


def started(options, rows: list[tuple[str, int]]) -> Iterator[tuple[str, int, float, Turns]]:
    """Yield the rows: task, size, how far both sides are apart, and the variants, ready to be timed.

    `options.ahead` of them start side by side, while they are checked.
    """
    rows_at_once = variants_at_once = map  # which begins when it is read: after the checks
    if options.ahead > 1:
        rows_at_once, variants_at_once = (ThreadPoolExecutor(n).map for n in (options.ahead, None))
    begin, agree = lambda name, size: start(options, TASKS[name], size, variants_at_once), {}
    for i in range(0, len(rows), options.ahead):
        group = rows[i : i + options.ahead]
        turns = rows_at_once(begin, *zip(*group, strict=True))
        agree |= {name: check(options, TASKS[name]) for name in {*dict(group)} - {*agree}}
        yield from [(name, size, agree[name], row) for (name, size), row in zip(group, turns, strict=True)]


def main(arguments=None):
    options = parse(arguments)
    set_up(options.threads)
    options.peak = product_rate()
    facts = about() | {"weights": options.weights, "product": options.peak}
    facts["rows"] = earlier(options.out, facts)
    rows = [(name, size) for name in options.tasks for size in sizes_of(options, TASKS[name])]
    for name, size, agree, turns in started(options, rows):
        task = TASKS[name]
        records = measure(options, task, turns)
        row = {"task": name, "size": size, "step": task.step, "date": facts["date"], "agree": agree}
        row |= compare(records, task.bar) | {"variants": records}
        facts["rows"] = merged(facts["rows"], row)
        save(options.out, facts, text(facts, facts["rows"]))
        print(section(row), flush=True)
    print(summary(facts["rows"]))


if __name__ == "__main__":
    main()
