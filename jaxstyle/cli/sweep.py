"""`jaxstyle sweep METHOD`: One method at many settings, as one batch, drawn as a grid."""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial

import jax
import jax.numpy as jnp

from jaxstyle.cli import pictures, plan, provenance, stylize
from jaxstyle.cli.build import build, check_draws, fields
from jaxstyle.cli.memory import limit_of
from jaxstyle.cli.options import LARGEST_SEED, count, documented, number, seed
from jaxstyle.cli.parser import others
from jaxstyle.cli.render import check_outputs, more_pixels
from jaxstyle.core import InputError, Method, unknown_name
from jaxstyle.image import io, plot
from jaxstyle.methods import METHODS
from jaxstyle.smoothing import SMOOTHERS
from jaxstyle.wrappers.sweep import can_vary, draw, grid, sweep

DRAWS = 12


def add(commands) -> None:
    """Add the subcommand `sweep`, and one for every method."""
    parser = commands.add_parser("sweep", description=others()["sweep"])
    names = parser.add_subparsers(required=True, metavar="METHOD")
    for name, method in METHODS.items():
        own = stylize.add_parser(names, name, method, several=False)
        own.set_defaults(run=run)
        stylize.add_own(own, method, files=False)
        if "smooth" not in fields(method):
            stylize.add_smooth(own)
        if "seed" not in documented(method)[1]:
            own.add_argument("--seed", type=seed, metavar="N", help="seed of a search's draws")
        over = "values of an option, e.g. style-weight=1,10,100; of two options: rows and columns"
        own.add_argument("--over", action="append", type=pair(","), metavar="OPTION=X,X,...", help=over)
        limits = "instead: draw an option between two limits, uniform in the logarithm; of several at once"
        own.add_argument("--search", action="append", type=pair(":"), metavar="OPTION=LOW:HIGH", help=limits)
        own.add_argument("--draws", type=count, metavar="N", help="pictures of a search (12)")


def pair(separator: str) -> Callable[[str], tuple[str, list[float]]]:
    """Return a parser of `NAME=X<separator>X...`."""

    def parse(text: str) -> tuple[str, list[float]]:
        name, equals, rest = text.partition("=")
        if not equals:
            raise argparse.ArgumentTypeError(f"'{text}' is not OPTION=X{separator}X")
        try:
            return name.strip().replace("-", "_"), [number(value) for value in rest.split(separator)]
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"'{rest}' are no numbers ({error})") from None

    return parse


def dashed(name: str) -> str:
    """Return the option of a field."""
    return name.replace("_", "-")


def check_fields(method: Method, names: Iterable[str]) -> None:
    """Raise `InputError` for what is no field, naming the options that can vary."""
    for name in names:
        if name not in fields(type(method)):
            known = [*documented(type(method))[1]]
            raise unknown_name(
                "option", dashed(name), [dashed(each) for each in known if can_vary(method, each)]
            )


def values_of(options: argparse.Namespace) -> tuple[dict[str, list[float]], int]:
    """Return the values of the fields, and the columns of their grid."""
    if bool(options.over) == bool(options.search):
        raise InputError("a sweep needs --over OPTION=X,X,... or --search OPTION=LOW:HIGH")
    for name, values in [*(options.over or []), *(options.search or [])]:
        if getattr(options, name, None) is not None:
            raise InputError(f"--{dashed(name)} is set, and is to vary: leave out one of both")
        most = {"alpha": 1, "seed": LARGEST_SEED}.get(name, math.inf)
        if max(values) > most:
            raise InputError(f"{dashed(name)} goes from 0 to {most}, not to {max(values):.10g}")
    if options.draws and options.over:
        raise InputError("--draws goes with --search: with --over the values are given")
    if options.over:
        lists = dict(options.over)
        if len(lists) > 2:
            raise InputError("--over takes one option, or two: rows and columns")
        return grid(**lists), len(options.over[-1][1])
    for name, limits in options.search:
        if len(limits) != 2 or not min(limits) > 0:
            raise InputError(f"--search {dashed(name)} needs LOW:HIGH, both above 0")
        if not limits[0] < limits[1]:
            raise InputError(f"--search {dashed(name)}: LOW, {limits[0]:g}, is not below HIGH, {limits[1]:g}")
    ranges = {name: (low, high) for name, (low, high) in options.search}
    number = options.draws or DRAWS
    return draw(number, options.seed or 0, **ranges), math.isqrt(number - 1) + 1


def run(options: argparse.Namespace) -> int:
    """Run a sweep from files to a grid of pictures and the numbers beside it."""
    check_outputs(options)
    values, columns = values_of(options)
    method, files = build(options)
    check_fields(method, values)
    if "seed" in values or (options.seed is not None and not options.search):
        check_draws(method, options)
    read = pictures.read(options)
    sized = partial(read.sized, options.method, options)
    shapes, count = jax.eval_shape(sized), len(next(iter(values.values())))
    plan.check_least(method, [shapes.content, *shapes.styles], limit_of(None), count)
    given = sized()
    start = time.perf_counter()
    images = sweep(method, given.content, given.styles[0], **values)
    if options.smooth and "smooth" not in fields(options.method):
        smoother = jax.jit(SMOOTHERS[options.smooth])
        images = jnp.stack([smoother(image, given.content) for image in images])
    images = [*jax.block_until_ready(images)]
    seconds = time.perf_counter() - start
    settings = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    labels = [", ".join(f"{dashed(name)} {value:.3g}" for name, value in row.items()) for row in settings]
    sheet = jnp.asarray(plot.sheet(images, labels, columns))
    facts = {"weights": files, "settings": settings, "columns": columns}
    save = partial(io.write, quality=options.quality)
    provenance.write(options, method, sheet, {"total": seconds}, save, **facts)
    closing = f"{len(images)} pictures in {seconds:.1f} s, compiling included"
    print(f"{options.output}: {closing}{more_pixels(read, given, options)}", file=sys.stderr)
    return 0
