"""`jaxstyle compare`: One content and style by many methods, as a grid with their seconds."""

import sys
import time
from dataclasses import dataclass
from typing import Annotated, Any

import jax
from cyclopts import Parameter

from jaxstyle import core
from jaxstyle.cli import plan, provenance
from jaxstyle.cli.build import build, types
from jaxstyle.cli.fields import changed, command
from jaxstyle.cli.paths import check_not_read
from jaxstyle.cli.request import OF_STYLES, Inputs, Output, Request
from jaxstyle.cli.sweep import PAIR, SHEET
from jaxstyle.core import Image, InputError, Method, unknown_name
from jaxstyle.image import io, plot
from jaxstyle.image.resize import fit, shrink
from jaxstyle.memory import limit_of
from jaxstyle.methods.table import METHODS, TABLE
from jaxstyle.options import Count, Side

DEFAULT = tuple(name for name in TABLE if name not in ("johnson", "reconstruct", "dream"))
SIZE = 256  # pixels of the long edge
MANY = Parameter(consume_multiple=True, metavar="NAME[:WEIGHTS]", show_default=" ".join(DEFAULT))
SMALL = Annotated[Side | None, Parameter(help="long edge of all images (default: at most 256)")]
BOTH = changed(Inputs, *OF_STYLES, pictures=PAIR, size=SMALL)
HIDDEN = ("resume", "overwrite", "quality", "depth", "history", "frames", "checkpoint")
GRID = changed(Output, *HIDDEN, output=SHEET)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is compared.

    Attributes:
        methods: which, NAME or NAME:WEIGHTS
        steps: steps of the methods that descend (default: their own)
        columns: pictures in a row
    """

    methods: Annotated[tuple[str, ...], MANY] = DEFAULT
    steps: Count | None = None
    columns: Count = 4

    def settings_of(self, name: str) -> dict[str, Any]:
        """Return the options of one of the methods."""
        method, _, network = name.partition(":")
        if "," in name:
            raise InputError(f"--methods {name}: leave spaces between the methods, not commas")
        if method not in TABLE:
            raise unknown_name("method", method, TABLE)
        if method == "johnson" and not network:
            raise InputError("johnson has a network for each style: say which, e.g. johnson:johnson-ink")
        if network and "network" not in types(METHODS[method]):
            raise InputError(f"--methods {name}: {method} has no weights to choose; leave out :{network}")
        steps = {"steps": self.steps} if self.steps and "optimizer" in types(METHODS[method]) else {}
        return steps | ({"weights": network} if network else {})


def timed(method: Method, *arguments: Any) -> tuple[Image, float]:
    """Return what a method makes of what `core.styled` takes, and the seconds it takes once compiled."""
    compiled = jax.jit(core.styled).lower(method, *arguments).compile()
    start = time.perf_counter()
    image = jax.block_until_ready(compiled(method, *arguments))
    return image, time.perf_counter() - start


def run(arguments: list[str], inputs: Any, output: Output, comparison: Comparison) -> int:
    """Run all methods and write the grid, and the provenance of its pictures: captions are not compared."""
    inputs = inputs.resolved(needs_style=True)
    request = Request("compare", arguments, inputs, output)
    io.check_output(output.output)
    read = [inputs.content, *inputs.style]
    for path in (output.output, provenance.beside(output.output)):
        check_not_read(path, read)
    every = {name: comparison.settings_of(name) for name in comparison.methods}
    if comparison.steps and not any("steps" in settings for settings in every.values()):
        raise InputError("--steps is of methods that descend, of which there is none: leave it out")
    fitted = (lambda image: fit(image, inputs.size)) if inputs.size else (lambda image: shrink(image, SIZE))
    content, style = (io.read(path) for path in read)
    shapes = [jax.eval_shape(fitted, picture) for picture in (content, style)]
    entries = [TABLE[name.partition(":")[0]] for name in comparison.methods]
    for entry in entries:
        plan.check_least(entry.load(), shapes[: 1 + entry.needs_style], limit_of(None))  # pyright: ignore
    content, style = fitted(content), fitted(style)
    methods, files, images, labels = [], {}, [content, style], ["content", "style"]
    start = time.perf_counter()
    for name, entry in zip(comparison.methods, entries, strict=True):
        method, weights = build(entry, every[name])
        image, seconds = timed(method, content, style)
        methods, files, images = [*methods, method], files | weights, [*images, image]
        labels.append(f"{name}, {seconds:.{0 if seconds >= 10 else 2}f} s")
        print(f"{name}: {seconds:.2f} s", file=sys.stderr)
    sheet = plot.sheet(images, labels, comparison.columns)
    pictures = dict(zip(comparison.methods, map(provenance.pixels, images[2:]), strict=True))
    facts = {"weights": files, "pictures": pictures}
    seconds = time.perf_counter() - start
    facts = provenance.write(
        request, provenance.identity(methods), sheet, {"total": seconds}, io.write, **facts
    )
    output.close(f"{len(methods)} methods in {seconds:.1f} s, compiling included", facts)
    return 0


app = command("compare", run, inputs=BOTH, output=GRID, comparison=Comparison)
