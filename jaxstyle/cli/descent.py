"""The subcommand of a method that descends on the image: progress, snapshots, provenance."""

import argparse
import dataclasses
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jaxstyle import weights
from jaxstyle.cli import provenance
from jaxstyle.cli.options import add_fields, count, documented, layers, number
from jaxstyle.core import InputError, unknown
from jaxstyle.image import io, plot
from jaxstyle.image.resize import fit
from jaxstyle.methods.descent import STARTS, Descent, DivergedError, Snapshot
from jaxstyle.solvers import SOLVERS

DEFAULT_ENCODER = "vgg19-lite"
FIELDS = {
    "solver": {"choices": SOLVERS},
    "init": {"choices": STARTS},
    "seed": {"type": int, "metavar": "N"},
    "content_layers": {"type": layers, "metavar": "NAME[=W],..."},
    "style_layers": {"type": layers, "metavar": "NAME[=W],..."},
    "encoder": {"metavar": "NAME"},
}


def add_method(commands, method: type[Descent]) -> None:
    """Add the subcommand of a method: its options are its documented fields."""
    summary, _ = documented(method)
    parser = commands.add_parser(method.__name__.lower(), help=summary, description=summary)
    parser.set_defaults(run=run, method=method)
    parser.add_argument("content", type=Path, help="the photograph")
    parser.add_argument("style", type=Path, help="the picture whose style it takes")
    parser.add_argument("--output", type=Path, required=True, help="the image file to write")
    parser.add_argument(
        "--size", type=count, default=512, metavar="PX", help="long edge of both images (512)"
    )
    parser.add_argument("--preset", metavar="NAME", help=f"a source's settings: {', '.join(method.PRESETS)}")
    add_fields(parser, method, FIELDS)
    parser.add_argument("--steps", type=count, metavar="N", help="steps of the solver")
    parser.add_argument("--learning-rate", type=number, metavar="X", help="learning rate of the solver")
    parser.add_argument("--history", type=Path, metavar="FILE", help="plot the losses, step by step")
    parser.add_argument(
        "--frames", type=Path, metavar="PATH", help="keep the evolution: a folder, or a .gif or .webp"
    )


def build(options: argparse.Namespace) -> tuple[Descent, str]:
    """Return the method that the options ask for, and the name of its encoder."""
    presets = options.method.PRESETS
    if options.preset is not None and options.preset not in presets:
        raise unknown("preset", options.preset, presets)
    name = options.encoder or presets.get(options.preset, DEFAULT_ENCODER)
    constructor = getattr(options.method, options.preset) if options.preset else options.method
    method = constructor(weights.load(name))
    given = {key: value for key, value in vars(options).items() if value is not None}
    names = {field.name for field in dataclasses.fields(method)} - {"encoder", "solver", "init"}
    changes = {key: given[key] for key in names & given.keys()}
    if options.init:
        changes["init"] = STARTS[options.init]
    return dataclasses.replace(method, solver=_solver(method.solver, options), **changes), name


def _solver(solver, options: argparse.Namespace):
    if options.solver and not isinstance(solver, SOLVERS[options.solver]):
        solver = SOLVERS[options.solver]()
    changes = {"steps": options.steps, "learning_rate": options.learning_rate}
    changes = {key: value for key, value in changes.items() if value is not None}
    if "learning_rate" in changes and not hasattr(solver, "learning_rate"):
        raise InputError("solver zoom searches its step length: leave out --learning-rate")
    return dataclasses.replace(solver, **changes)


class Watched(NamedTuple):
    """What a descent left: its last snapshot, all losses, the frames asked for, and what stopped it early."""

    last: Snapshot
    history: dict[str, list[float]]
    frames: list[np.ndarray]
    stopped: BaseException | None
    seconds_to_first: float


def watch(snapshots: Iterable[Snapshot], steps: int, keep_frames: bool) -> Watched:
    """Follow a descent with a progress bar, until it ends, diverges, or Ctrl-C."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    history, frames, stopped, last, compiled = {}, [], None, None, 0.0
    start = time.perf_counter()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("compiling", total=steps)
        try:
            for last in snapshots:
                for name, values in last.history.items():
                    history.setdefault(name, []).extend(map(float, values))
                frames += [io.to_bytes(last.image)] if keep_frames else []
                if history:
                    compiled = compiled or time.perf_counter() - start
                    progress.update(task, completed=last.step, description=f"loss {history['loss'][-1]:.4g}")
        except (KeyboardInterrupt, DivergedError) as error:
            stopped = error
    if last is None:
        raise stopped or InputError("no step was taken")
    return Watched(last, history, frames, stopped, compiled)


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse what could not be written, before any work is done."""
    io.check_output(options.output)
    if options.history:
        io.check_output(options.history, (".png", ".svg", ".pdf"))
    if options.frames and options.frames.suffix:
        io.check_output(options.frames, io.ANIMATED)
    elif options.frames:
        io.check_folder(options.frames if options.frames.exists() else options.frames.parent)


def run(options: argparse.Namespace) -> int:
    """Run a method from files to files."""
    check_outputs(options)
    content, style = (fit(io.read(path), options.size) for path in (options.content, options.style))
    method, encoder = build(options)
    start = time.perf_counter()
    snapshots = method.descend(content, jax.jit(options.method.prepare)(method, style))
    watched = watch(snapshots, method.solver.steps, bool(options.frames))
    seconds = {"total": time.perf_counter() - start, "to_first_losses": watched.seconds_to_first}
    files = {encoder: provenance.fingerprint(weights.find(encoder))}
    facts = {"preset": options.preset, "weights": files, "steps": watched.last.step}
    provenance.write(options, method, watched.last.image, seconds, **facts)
    if options.history and watched.history:
        plot.curves(options.history, watched.history)
    if options.frames:
        io.write_frames(options.frames, watched.frames)
    done = f"{watched.last.step} steps with {encoder} in {seconds['total']:.1f} s"
    print(f"{options.output}: {done}", file=sys.stderr)
    if isinstance(watched.stopped, DivergedError):
        raise watched.stopped
    return 130 if watched.stopped else 0
