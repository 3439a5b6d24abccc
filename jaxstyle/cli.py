"""The command `jaxstyle`: one subcommand a method, its options the fields of the method's dataclass.

Bad input gets one line on stderr and exit code 2; Ctrl-C writes the image so far and exits with 130.
"""

import argparse
import dataclasses
import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jaxstyle import weights
from jaxstyle.core import InputError, unknown
from jaxstyle.image import io
from jaxstyle.image.resize import fit
from jaxstyle.methods import Gatys
from jaxstyle.methods.descent import STARTS, Descent, DivergedError, Snapshot
from jaxstyle.solvers import SOLVERS

DEFAULT_ENCODER = "vgg19-lite"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def number(text: str) -> float:
    """Parse a finite number that is not negative."""
    value = float(text)
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"'{text}' is not a finite number >= 0")
    return value


def count(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number >= 1")
    return int(text)


def layers(text: str) -> dict[str, float]:
    """Parse `NAME[=WEIGHT],...`."""
    pairs = (item.partition("=") for item in text.split(","))
    return {name.strip(): number(weight or "1") for name, _, weight in pairs}


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
    summary, _, fields = (method.__doc__ or "").partition("\n")
    parser = commands.add_parser(method.__name__.lower(), help=summary, description=summary)
    parser.set_defaults(run=run, method=method)
    parser.add_argument("content", type=Path, help="the photograph")
    parser.add_argument("style", type=Path, help="the picture whose style it takes")
    parser.add_argument("--output", type=Path, required=True, help="the image file to write")
    parser.add_argument(
        "--size", type=count, default=512, metavar="PX", help="long edge of both images (512)"
    )
    parser.add_argument("--preset", metavar="NAME", help=f"a source's settings: {', '.join(method.PRESETS)}")
    for name, text in re.findall(r"`(\w+)`: (.*)", fields):
        given = FIELDS.get(name, {"type": number, "metavar": "X"})
        default = getattr(method, name, None)
        text = f"{text} ({default:g})" if isinstance(default, int | float) else text
        parser.add_argument(f"--{name.replace('_', '-')}", help=text, **given)
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


def provenance(method: Descent, encoder: str, snapshot: Snapshot, seconds: dict[str, float], options) -> str:
    """Return how an image was made, as JSON."""
    packages = ("jaxstyle", "jax", "jaxlib", "flax", "optax", "numpy", "pillow")
    path = weights.find(encoder)
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    facts = {
        "command": options.method.__name__.lower(),
        "method": repr(method),
        "preset": options.preset,
        "encoder": encoder,
        "weights": {"file": path.name, "sha256": weights.sha256(path)} if path else None,
        "content": {"file": options.content.name, "sha256": weights.sha256(options.content)},
        "style": {"file": options.style.name, "sha256": weights.sha256(options.style)},
        "size": list(snapshot.image.shape[1::-1]),
        "steps": snapshot.step,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "device": f"{jax.devices()[0].platform} {jax.devices()[0].device_kind}",
        "versions": {name: version(name) for name in packages},
        "commit": commit or None,
    }
    return json.dumps(facts, indent=1)


def plot(path: Path, history: dict[str, list[float]]) -> None:
    """Draw the loss and its terms, step by step."""
    from matplotlib.figure import Figure

    figure = Figure((8, 5), layout="constrained")
    axes = figure.subplots()
    for name, values in history.items():
        if any(values):
            axes.plot(range(1, len(values) + 1), values, label=name)
    axes.set(xlabel="step", ylabel="weighted loss", yscale="log")
    axes.legend()
    io.replace(path, figure.savefig)


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
    facts = provenance(method, encoder, watched.last, seconds, options)
    io.write(options.output, watched.last.image, facts)
    beside = options.output.with_name(options.output.name + ".provenance.json")
    io.replace(beside, lambda path: path.write_text(facts + "\n"))
    if options.history and watched.history:
        plot(options.history, watched.history)
    if options.frames:
        io.write_frames(options.frames, watched.frames)
    done = f"{watched.last.step} steps with {encoder} in {seconds['total']:.1f} s"
    print(f"{options.output}: {done}", file=sys.stderr)
    if isinstance(watched.stopped, DivergedError):
        raise watched.stopped
    return 130 if watched.stopped else 0


def list_weights(options: argparse.Namespace) -> int:
    """Print what there is and where it lies."""
    for entry in weights.entries():
        print(entry)
    return 0


def fetch_weights(options: argparse.Namespace) -> int:
    """Download weights; print where they lie."""
    print(weights.fetch(options.name))
    return 0


def port_weights(options: argparse.Namespace) -> int:
    """Port a PyTorch file; print where the result lies."""
    print(weights.port(options.file, options.name, options.output))
    return 0


def add_weights(commands) -> None:
    """Add the subcommand `weights` and its actions."""
    parser = commands.add_parser("weights", help="list, fetch or port the networks' weights")
    actions = parser.add_subparsers(required=True, metavar="list | fetch NAME | port FILE")
    actions.add_parser("list", help="what there is and where it lies").set_defaults(run=list_weights)
    fetch = actions.add_parser("fetch", help="download from the publisher, check, port, keep")
    fetch.add_argument("name")
    fetch.set_defaults(run=fetch_weights)
    port = actions.add_parser("port", help="port a PyTorch file without PyTorch")
    port.add_argument("file", type=Path)
    port.add_argument("--name", help="which network it is; by default told by the publisher's file name")
    port.add_argument("--output", type=Path, help="the safetensors file to write; by default in the cache")
    port.set_defaults(run=port_weights)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = Parser(prog="jaxstyle", description="Neural style transfer, compiled.")
    parser.add_argument("--version", action="version", version=version("jaxstyle"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_method(commands, Gatys)
    add_weights(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except InputError as error:
        print(f"jaxstyle: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jaxstyle: stopped before there was an image", file=sys.stderr)
        return 130
