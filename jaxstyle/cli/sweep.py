"""`jaxstyle sweep METHOD`: One method at many settings, as one batch, drawn as a grid."""

import argparse
import sys
import time
from collections.abc import Callable
from math import isqrt

import jax
import jax.numpy as jnp

from jaxstyle.cli import provenance, stylize
from jaxstyle.cli.options import count, number
from jaxstyle.cli.parser import others
from jaxstyle.core import InputError
from jaxstyle.image import io, plot
from jaxstyle.methods import METHODS
from jaxstyle.wrappers.sweep import draw, grid, sweep


def add(commands) -> None:
    """Add the subcommand `sweep`, and one for every method."""
    parser = commands.add_parser("sweep", description=others()["sweep"])
    names = parser.add_subparsers(required=True, metavar="METHOD")
    for name, method in METHODS.items():
        own = stylize.add_method(names, name, method)
        own.set_defaults(run=run)
        over = "values of an option, e.g. style-weight=1,10,100; of two options: rows and columns"
        own.add_argument("--over", action="append", type=pair(","), metavar="OPTION=X,X,...", help=over)
        limits = "instead: draw an option between two limits, uniform in the logarithm; of several at once"
        own.add_argument("--search", action="append", type=pair(":"), metavar="OPTION=LOW:HIGH", help=limits)
        own.add_argument("--draws", type=count, default=12, metavar="N", help="pictures of a search (12)")


def pair(separator: str) -> Callable[[str], tuple[str, list[float]]]:
    """Return a parser of `NAME=X<separator>X...`."""

    def parse(text: str) -> tuple[str, list[float]]:
        name, equals, rest = text.partition("=")
        if not equals:
            raise argparse.ArgumentTypeError(f"'{text}' is not OPTION=X{separator}X")
        return name.strip().replace("-", "_"), [number(value) for value in rest.split(separator)]

    return parse


def values_of(options: argparse.Namespace) -> tuple[dict[str, list[float]], int]:
    """Return the values of the fields, and the columns of their grid."""
    if bool(options.over) == bool(options.search):
        raise InputError("a sweep needs --over OPTION=X,X,... or --search OPTION=LOW:HIGH")
    if options.over:
        lists = dict(options.over)
        if len(lists) > 2:
            raise InputError("--over takes one option, or two: rows and columns")
        return grid(**lists), len(options.over[-1][1])
    for name, limits in options.search:
        if len(limits) != 2 or not 0 < limits[0] < limits[1]:
            raise InputError(f"--search {name} needs LOW:HIGH, both above 0")
    ranges = {name: (low, high) for name, (low, high) in options.search}
    return draw(options.draws, options.seed or 0, **ranges), isqrt(options.draws - 1) + 1


def run(options: argparse.Namespace) -> int:
    """Run a sweep from files to a grid of pictures and the numbers beside it."""
    io.check_output(options.output)
    values, columns = values_of(options)
    given = stylize.pictures(options)
    if len(given.styles) != 1 or given.content_mask is not None or options.keep_color or options.pyramid:
        raise InputError("a sweep takes one style, and neither masks nor --keep-color nor --pyramid")
    method, files = stylize.build(options)
    start = time.perf_counter()
    images = jax.block_until_ready(sweep(method, given.content, given.styles[0], **values))
    seconds = time.perf_counter() - start
    settings = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    labels = [
        ", ".join(f"{name.replace('_', '-')} {value:.3g}" for name, value in row.items()) for row in settings
    ]
    sheet = jnp.asarray(plot.sheet(list(images), labels, columns))
    facts = {"weights": files, "settings": settings, "columns": columns}
    provenance.write(options, method, sheet, {"total": seconds}, **facts)
    print(f"{options.output}: {len(images)} pictures in {seconds:.1f} s, compiling included", file=sys.stderr)
    return 0
