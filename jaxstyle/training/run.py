"""A training run in a folder: resumable, logged, ended by a signal without losing a step.

    output/NAME.safetensors     the network so far, its configuration in the metadata
    output/metrics.jsonl        a line a step: step, loss, its terms
    output/loss.png             the same as curves
    output/samples.png          a few examples, and what the network makes of them
    output/checkpoints/         what the same command goes on from

All but the metrics are written anew every `every` steps and at the end. SIGTERM and Ctrl-C save and
end the run. Of several hosts the first writes; checkpoints are written by all.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.experimental import multihost_utils
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jaxstyle import weights
from jaxstyle.core import InputError
from jaxstyle.image import io, plot
from jaxstyle.training.checkpoints import Checkpoints
from jaxstyle.training.data import Images, batches, pictures
from jaxstyle.training.loop import Step, fit, fresh
from jaxstyle.training.plan import Plan
from jaxstyle.training.recipe import Recipe

SAMPLES = 4


class Outcome(NamedTuple):
    """What a run left: the steps done, images a second, the share of time waited for data, the signal."""

    steps: int
    speed: float
    waiting: float
    stopped: int


class Log:
    """The losses, in a file and in memory, read from the device one step late so that it never waits."""

    def __init__(self, path: Path, done: int, batch_size: int, writes: bool):
        """Go on after the first `done` lines of an earlier run."""
        try:
            lines = path.read_text().splitlines()[:done] if path.exists() else []
            rows = [json.loads(line) for line in lines]
            self.history = {name: [float(row[name]) for row in rows] for name in rows[0]} if rows else {}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{path}: no losses that can be read ({error}); take another folder") from None
        if len(lines) < done:
            raise InputError(f"{path}: holds {len(lines)} steps, the checkpoint {done}; take another folder")
        if writes:
            io.replace(path, lambda draft: draft.write_text("".join(f"{line}\n" for line in lines)))
        self._path, self._batch_size = path if writes else Path(os.devnull), batch_size
        self._pending: Step | None = None
        self._start, self._steps, self._waited = 0.0, 0, 0.0

    def add(self, step: Step) -> None:
        """Take a step just handed to the device; write down the one before."""
        self.flush()
        self._pending = step

    def flush(self) -> None:
        """Wait for the last step and write it down; raise `InputError` if its loss is not finite."""
        if not self._pending:
            return
        step, self._pending = self._pending, None
        row = {"step": step.number} | {name: float(value) for name, value in step.losses.items()}
        if not np.isfinite(row["loss"]):
            raise InputError(f"the loss is not finite at step {step.number}: take a lower learning rate")
        for name, value in row.items():
            self.history.setdefault(name, []).append(value)
        try:
            with self._path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise InputError(f"{self._path}: cannot be written ({error.strerror})") from error
        if not self._start:  # the first step compiles, its batch is awaited from the start
            self._start = time.perf_counter()
        else:
            self._steps, self._waited = self._steps + 1, self._waited + step.waited

    @property
    def speed(self) -> float:
        """Images a second, compiling apart."""
        return self._steps * self._batch_size / max(time.perf_counter() - self._start, 1e-9)

    @property
    def waiting(self) -> float:
        """The share of the time that was spent waiting for data."""
        return self._waited / max(time.perf_counter() - self._start, 1e-9)


class Samples:
    """The first examples of the data, and what a network makes of them."""

    def __init__(self, recipe: Recipe, sources: Mapping[str, Images], plan: Plan):
        series = {name: pictures(images, plan.size, plan.seed, name) for name, images in sources.items()}
        self._examples = [{name: s[i] for name, s in series.items()} for i in range(SAMPLES)]
        self._sample = partial(jax.jit(type(recipe).sample), recipe)

    def rows(self, params: Any) -> list[list[np.ndarray]]:
        """Return a row of pictures for every example."""
        return [[np.asarray(image) for image in self._sample(params, e)] for e in self._examples]


@contextmanager
def signals() -> Iterator[list[int]]:
    """Note SIGTERM and the first Ctrl-C in a list, instead of ending by them."""
    noted: list[int] = []

    def note(number, frame):
        noted.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ends(noted: list[int], step: int) -> bool:
    """Tell whether a signal ends the run after this step: on all hosts after the same one."""
    return multihost_utils.reached_preemption_sync_point(step) if jax.process_count() > 1 else bool(noted)


@contextmanager
def _bar(total: int, writes: bool) -> Iterator[Callable[[Log], None]]:
    """Show a progress bar; yield a function that brings it up to a log."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True, quiet=not writes)) as progress:
        task = progress.add_task("compiling", total=total)

        def show(log: Log) -> None:
            if losses := log.history.get("loss"):
                text = f"loss {losses[-1]:.4g}, {log.speed:.3g} images/s"
                progress.update(task, completed=len(losses), description=text)

        yield show


def configuration(recipe: Recipe, plan: Plan, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that decides what a run gives, as JSON has it."""
    free = {"every", "parallel"} | (set() if recipe.DECAYS else {"steps"})
    chosen = {name: value for name, value in asdict(plan).items() if name not in free}
    values = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    plain = {name: v for name, v in values.items() if isinstance(v, int | float | str | tuple | dict)}
    return json.loads(json.dumps({"train": recipe.NAME} | chosen | plain | dict(facts)))


def run(recipe: Recipe, sources: Mapping[str, Images], output: Path, plan: Plan, facts: dict) -> Outcome:
    """Train a recipe in the folder `output`, going on where an earlier run of the same ended.

    `sources` are the pictures of an example by name; `facts` say what else decides the result: the
    names of encoder and data, hashes of files. Raises `InputError` for data that do not do, and for a
    folder that holds another run.
    """
    writes, settings = jax.process_index() == 0, configuration(recipe, plan, facts)
    data = batches(sources, plan.size, plan.batch_size, plan.seed)
    optimizer = recipe.optimizer(plan.learning_rate, plan.steps)
    crops: list[Any] = [pictures(images, plan.size, plan.seed, name) for name, images in sources.items()]
    recipe = recipe.survey(series[index] for index in count() for series in crops)
    samples = Samples(recipe, sources, plan)
    with Checkpoints(output, settings) as checkpoints:
        done, state = checkpoints.restore(fresh(lambda: recipe.init(nnx.Rngs(plan.seed)), optimizer), data)
        recipe = recipe.replace(start=None)
        log = Log(output / "metrics.jsonl", done, plan.batch_size, writes)

        def show() -> None:
            params = jax.tree.map(np.asarray, state.params)
            metadata = {"encoder": facts["encoder"], "training": json.dumps(settings | {"steps": done})}
            weights.save(output / f"{recipe.NAME}.safetensors", params, metadata)
            plot.curves(output / "loss.png", {k: v for k, v in log.history.items() if k != "step"})
            plot.grid(output / "samples.png", samples.rows(params))

        loss_fn = jax.tree_util.Partial(type(recipe).loss, recipe)
        steps = fit(
            state, loss_fn, data, optimizer, plan.parallel, jnp.dtype(plan.precision), done, plan.seed
        )
        with signals() as noted, _bar(plan.steps, writes) as report:
            for step in islice(steps, max(plan.steps - done, 0)):
                done, state = step.number, step.state
                log.add(step)
                ended = done == plan.steps or _ends(noted, done)
                if ended or done % plan.every == 0:
                    log.flush()
                    checkpoints.save(done, state, data)
                    if writes:
                        show()
                report(log)
                if ended:
                    break
            else:
                if writes:
                    show()
    return Outcome(done, log.speed, log.waiting, noted[0] if noted else 0)
