"""The commands of the methods: `jaxstyle METHOD CONTENT STYLE... --output OUT`, the same options for all.

An option that would do nothing is not offered, or is refused.
"""

from functools import partial
from typing import Annotated, Any

from cyclopts import App, Parameter

from jaxstyle.cli import render
from jaxstyle.cli.build import types
from jaxstyle.cli.fields import NEEDED, changed, command, documented, field_options
from jaxstyle.cli.request import OF_STYLES, Budget, Inputs, Output, Wrappers
from jaxstyle.methods.table import TABLE, Entry
from jaxstyle.options import Count, Positive, one_of

NOTES = """Size and colour: a photograph that stays one keeps its size, or the largest that fits in memory; \
other results have at most 512 px, unless --size says more. Nothing is enlarged unasked. Profiles are \
converted to sRGB, results tagged so.

Metadata and transparency: EXIF, XMP, resolution and 16 bits come through, orientation is applied. \
Transparent pixels count in no statistic, and stay so where the format can; JPEG and BMP are laid on white."""


def __getattr__(name: str) -> App:
    """Return the command of the method of a name."""
    if name not in TABLE:
        raise AttributeError(name)
    return command(name, partial(render.run, name), NOTES, **classes(TABLE[name]), budget=Budget)


def classes(entry: Entry) -> dict[str, Any]:
    """Return the classes of a method's options, without those that would do nothing."""
    kinds, keep = types(entry.load()), {}
    followed = () if "optimizer" in kinds else ("history", "frames", "checkpoint")
    wrapping = ["smooth"] * ("smooth" in kinds) + ["refine"] * ("optimizer" in kinds or not entry.needs_style)
    if not entry.needs_style:
        text = Parameter(help="keep the content's colours: transfer the luminance only")
        keep["keep_color"] = Annotated[str | None, one_of(["luminance"]), text]
    return {
        "inputs": changed(Inputs, *(() if entry.needs_style else OF_STYLES)),
        "options": method_options(entry),
        "output": changed(Output, *followed),
        "wrappers": changed(Wrappers, *wrapping, **keep),
    }


def method_options(entry: Entry) -> Any:
    """Return the options of a method: weights, preset, fields of its class, numbers of the optimiser."""
    cls, more = entry.load(), {}
    kinds, name = types(cls), Parameter(metavar="NAME")
    if "network" in kinds:
        default = Parameter(show_default=entry.weights) if entry.weights else NEEDED
        more["weights"] = Annotated[str, name, default], "trained weights by name, or a .safetensors file"
    if "encoder" in kinds:
        text = documented(cls).get("encoder", "the network that sees content and style")
        more["encoder"] = Annotated[str, name], text
    if presets := getattr(cls, "PRESETS", {}):
        more["preset"] = Annotated[str, one_of([*presets])], "a source's settings"
    if "optimizer" in kinds:
        more["learning_rate"] = Positive, "learning rate of the optimiser"
        more["pairs"] = Count, "pairs that L-BFGS remembers (default: 100)"
    return field_options(cls, **more)
