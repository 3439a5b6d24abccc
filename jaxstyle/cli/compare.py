"""`jaxstyle compare`: One content and style by many methods, as a grid with their seconds."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import jax

from jaxstyle import core
from jaxstyle.cli import plan, provenance, stylize
from jaxstyle.cli.build import build, fields
from jaxstyle.cli.memory import limit_of
from jaxstyle.cli.options import count, side
from jaxstyle.cli.parser import Parser, others
from jaxstyle.cli.paths import check_not_read
from jaxstyle.core import Image, InputError, Method, unknown_name
from jaxstyle.image import io, plot
from jaxstyle.image.resize import fit, shrink
from jaxstyle.methods import METHODS

DEFAULT = [name for name in METHODS if name not in ("johnson", "reconstruct", "dream")]

DESCENTS = [name for name, method in METHODS.items() if "optimizer" in fields(method)]
SIZE = 256  # pixels of the long edge


def add(commands) -> None:
    """Add the subcommand `compare`."""
    parser = commands.add_parser("compare", description=others()["compare"])
    parser.set_defaults(run=run, name="compare", **dict.fromkeys(stylize.ABSENT))
    add = parser.add_argument
    add("content", type=Path, help="the photograph")
    add("style", type=Path, nargs=1, help="the picture whose style it takes")
    add("--output", type=Path, required=True, help="the image file to write")
    chosen = f"which, NAME or NAME:WEIGHTS ({' '.join(DEFAULT)})"
    add("--methods", nargs="+", default=DEFAULT, metavar="NAME[:WEIGHTS]", help=chosen)
    add("--size", type=side, metavar="PX", help="long edge of all images (at most 256)")
    add("--steps", type=count, metavar="N", help="steps of the methods that descend (their own)")
    add("--columns", type=count, default=4, metavar="N", help="pictures in a row (4)")


def options_of(name: str, options: argparse.Namespace) -> argparse.Namespace:
    """Return the options of one method as its own subcommand has them by default."""
    method, _, given = name.partition(":")
    if "," in name:
        raise InputError(f"--methods {name}: leave spaces between the methods, not commas")
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    if method == "johnson" and not given:
        raise InputError("johnson has a network for each style: say which, e.g. johnson:johnson-ink")
    if given and "network" not in fields(METHODS[method]):
        raise InputError(f"--methods {name}: {method} has no weights to choose; leave out :{given}")
    commands = Parser(prog="jaxstyle").add_subparsers()
    parser = stylize.add_method(commands, method, METHODS[method])
    pictures = [options.content, *(options.style if METHODS[method].NEEDS_STYLE else [])]
    more = ["--weights", given] if given else []
    more += ["--steps", str(options.steps)] if options.steps and method in DESCENTS else []
    return parser.parse_args([*map(str, pictures), "--output", str(options.output), *more])


def timed(method: Method, *given: Any) -> tuple[Image, float]:
    """Return what a method makes of what `core.styled` takes, and the seconds it takes once compiled."""
    compiled = jax.jit(core.styled).lower(method, *given).compile()
    start = time.perf_counter()
    image = jax.block_until_ready(compiled(method, *given))
    return image, time.perf_counter() - start


def run(options: argparse.Namespace) -> int:
    """Run all methods and write the grid, and the provenance of its pictures: captions are not compared."""
    io.check_output(options.output)
    read = [options.content, *options.style]
    for path in (options.output, provenance.beside(options.output)):
        check_not_read(path, read)
    if options.steps and not any(name.partition(":")[0] in DESCENTS for name in options.methods):
        raise InputError("--steps is of methods that descend, of which there is none: leave it out")
    every = [options_of(name, options) for name in options.methods]
    fitted = (lambda image: fit(image, options.size)) if options.size else (lambda image: shrink(image, SIZE))
    content, style = (io.read(path) for path in read)
    shapes = [jax.eval_shape(fitted, picture) for picture in (content, style)]
    for own in every:
        plan.check_least(own.method, shapes, limit_of(None))
    content, style = fitted(content), fitted(style)
    methods, files, images, labels = [], {}, [content, style], ["content", "style"]
    start = time.perf_counter()
    for name, own in zip(options.methods, every, strict=True):
        method, weights = build(own)
        image, seconds = timed(method, content, style)
        methods, files, images = [*methods, method], files | weights, [*images, image]
        labels.append(f"{name}, {seconds:.{0 if seconds >= 10 else 2}f} s")
        print(f"{name}: {seconds:.2f} s", file=sys.stderr)
    sheet = plot.sheet(images, labels, options.columns)
    pictures = dict(zip(options.methods, map(provenance.pixels, images[2:]), strict=True))
    facts = {"weights": files, "pictures": pictures}
    seconds = {"total": time.perf_counter() - start}
    provenance.write(options, methods, sheet, seconds, io.write, **facts)
    return 0
