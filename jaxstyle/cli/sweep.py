"""`jaxstyle sweep METHOD`: One method at many settings, as one batch, drawn as a grid."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from cyclopts import App, Parameter

from jaxstyle.cli import pictures, plan, provenance, stylize
from jaxstyle.cli.build import build, check_draws, types
from jaxstyle.cli.fields import NEEDED, changed, command, readable
from jaxstyle.cli.render import check_outputs, more_pixels
from jaxstyle.cli.request import OF_STYLES, Inputs, Output, Request
from jaxstyle.core import InputError, Method, unknown_name
from jaxstyle.image import io, plot
from jaxstyle.memory import limit_of
from jaxstyle.methods.table import TABLE
from jaxstyle.options import LARGEST_SEED, Count, Seed, number
from jaxstyle.smoothing import SMOOTHERS
from jaxstyle.wrappers.sweep import can_vary, draw, grid, sweep

PAIR = Annotated[
    tuple[Path, Path], NEEDED, Parameter(help="the photograph, and the picture whose style it takes")
]
ALONE = Annotated[tuple[Path], NEEDED, Parameter(help="the photograph")]
OF_PAIRS = tuple(name for name in OF_STYLES if name != "style_size")
SHEET = Annotated[Path, NEEDED, Parameter(alias="-o", help="the image file to write")]
DRAWS = 12


def pairs(separator: str, metavar: str) -> Parameter:
    """Return how `NAME=X<separator>X...` is read, once or more often."""

    def parse(text: str) -> tuple[str, list[float]]:
        name, equals, rest = text.partition("=")
        if not equals:
            raise ValueError(f"'{text}' is not OPTION=X{separator}X")
        try:
            return name.strip().replace("-", "_"), [number(value) for value in rest.split(separator)]
        except ValueError as error:
            raise ValueError(f"'{rest}' are no numbers ({error})") from None

    return Parameter(
        converter=lambda kind, tokens: [parse(token.value) for token in tokens], n_tokens=1, metavar=metavar
    )


Values = list[tuple[str, list[float]]]


@dataclass(frozen=True, kw_only=True)
class Variation:
    """What varies.

    Attributes:
        over: values of an option, e.g. style-weight=1,10,100; of two options: rows and columns
        search: instead: draw an option between two limits, uniform in the logarithm; of several at once
        draws: pictures of a search (default: 12)
        seed: seed of a search's draws
    """

    over: Annotated[Values | None, pairs(",", "OPTION=X,X,...")] = None
    search: Annotated[Values | None, pairs(":", "OPTION=LOW:HIGH")] = None
    draws: Count | None = None
    seed: Seed | None = None


def __getattr__(name: str) -> App:
    """Return the command that sweeps the method of a name."""
    if name not in TABLE:
        raise AttributeError(name)
    entry = TABLE[name]
    kinds: dict[str, Any] = stylize.classes(entry) | {"variation": Variation}
    taken, hidden = (PAIR, OF_PAIRS) if entry.needs_style else (ALONE, OF_STYLES)
    kinds["inputs"] = changed(Inputs, *hidden, pictures=taken)
    if "seed" in readable(entry.load()):
        kinds["variation"] = changed(Variation, "seed")
    kinds["output"] = changed(Output, "resume", "depth", "history", "frames", "checkpoint", output=SHEET)
    kinds["wrappers"] = changed(kinds["wrappers"], "keep_color", "refine")
    return command(name, partial(run, name), **kinds)


def dashed(name: str) -> str:
    """Return the option of a field."""
    return name.replace("_", "-")


def check_fields(method: Method, names: Iterable[str]) -> None:
    """Raise `InputError` for what is no field, naming the options that can vary."""
    cls = type(method)
    for name in names:
        if name not in types(cls):
            known = [dashed(each) for each in readable(cls) if can_vary(method, each)]
            raise unknown_name("option", dashed(name), known)


def values_of(variation: Variation, settings: dict[str, Any]) -> tuple[dict[str, list[float]], int]:
    """Return the values of the fields, and the columns of their grid."""
    over, search = variation.over or [], variation.search or []
    if bool(over) == bool(search):
        raise InputError("a sweep needs --over OPTION=X,X,... or --search OPTION=LOW:HIGH")
    for name, values in [*over, *search]:
        if name in settings:
            raise InputError(f"--{dashed(name)} is set, and is to vary: leave out one of both")
        most = {"alpha": 1, "seed": LARGEST_SEED}.get(name, math.inf)
        if max(values) > most:
            raise InputError(f"{dashed(name)} goes from 0 to {most}, not to {max(values):.10g}")
    if variation.draws and over:
        raise InputError("--draws goes with --search: with --over the values are given")
    if over:
        if len(dict(over)) > 2:
            raise InputError("--over takes one option, or two: rows and columns")
        return grid(**dict(over)), len(over[-1][1])
    for name, limits in search:
        if len(limits) != 2 or not min(limits) > 0:
            raise InputError(f"--search {dashed(name)} needs LOW:HIGH, both above 0")
        if not limits[0] < limits[1]:
            raise InputError(f"--search {dashed(name)}: LOW, {limits[0]:g}, is not below HIGH, {limits[1]:g}")
    ranges = {name: (low, high) for name, (low, high) in search}
    number, seed = variation.draws or DRAWS, settings.get("seed", variation.seed) or 0
    return draw(number, seed, **ranges), math.isqrt(number - 1) + 1


def run(name: str, arguments: list[str], variation: Variation, inputs: Inputs, **options: Any) -> int:
    """Run a sweep from files to a grid of pictures and the numbers beside it."""
    request = Request(name, arguments, inputs.resolved(TABLE[name].needs_style), **options)
    if request.initial:
        raise InputError("--init of a sweep names a first image: content, noise, ...; a file is none")
    check_outputs(request)
    values, columns = values_of(variation, request.settings)
    method, files = build(request.entry, request.settings)
    check_fields(method, values)
    asked = "seed" in request.settings or variation.seed is not None
    if "seed" in values or (asked and not variation.search):
        check_draws(method, request)
    read = pictures.read(request.inputs)
    sized = partial(read.sized, request.entry.load(), request.inputs)
    shapes, count = jax.eval_shape(sized), len(next(iter(values.values())))
    plan.check_least(method, [shapes.content, *shapes.styles], limit_of(None), count)
    resized = sized()
    start = time.perf_counter()
    images = sweep(method, *resized.arguments[:2], **values)
    if request.wrappers.smooth:
        smoother = jax.jit(SMOOTHERS[request.wrappers.smooth])
        images = jnp.stack([smoother(image, resized.content) for image in images])
    images = [*jax.block_until_ready(images)]
    seconds = time.perf_counter() - start
    settings = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    labels = [", ".join(f"{dashed(name)} {value:.3g}" for name, value in row.items()) for row in settings]
    sheet = jnp.asarray(plot.sheet(images, labels, columns))
    facts = {"weights": files, "settings": settings, "columns": columns}
    save = partial(io.write, quality=request.output.quality)
    facts = provenance.write(request, provenance.identity(method), sheet, {"total": seconds}, save, **facts)
    took = f"{len(images)} pictures in {seconds:.1f} s, compiling included"
    request.output.close(took + more_pixels(read, resized, request), facts)
    return 0
