"""The commands of the methods, with the same options for all.

    jaxstyle METHOD CONTENT STYLE... --output OUT
    jaxstyle METHOD PHOTOGRAPHS... --style STYLE... --output FOLDER      see `folder.py`
    jaxstyle METHOD - STYLE... --output -                                see `pipes.py`

An option that would do nothing is not offered, or is refused.
"""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from jaxstyle.cli import folder, render
from jaxstyle.cli.build import types
from jaxstyle.cli.fields import NEEDED, changed, command, documented, field_options
from jaxstyle.cli.pipes import PIPE, piped
from jaxstyle.cli.request import OF_STYLES, Budget, Inputs, Output, Request, Wrappers
from jaxstyle.core import InputError
from jaxstyle.methods.table import TABLE, Entry
from jaxstyle.options import Count, Positive, one_of

NOTES = """Size and colour: a photograph that stays one keeps its size, or the largest that fits in memory; \
other results have at most 512 px, unless --size says more. Nothing is enlarged unasked. Profiles are \
converted to sRGB, results tagged so.

Metadata and transparency: EXIF, XMP, resolution and 16 bits come through, orientation is applied. \
Transparent pixels count in no statistic, and stay so where the format can; JPEG and BMP are laid on white."""

ALONE = Annotated[tuple[Path, ...], NEEDED, Parameter(help="photographs: files, folders, patterns")]


def __getattr__(name: str) -> App:
    """Return the command of the method of a name."""
    if name not in TABLE:
        raise AttributeError(name)
    entry = TABLE[name]
    styles = (" STYLE...", " --style STYLE...") if entry.needs_style else ("", "")
    usage = f"""jaxstyle {name} PHOTOGRAPH{styles[0]} --output PICTURE [OPTIONS]
jaxstyle {name} PHOTOGRAPHS...{styles[1]} --output FOLDER [OPTIONS]"""
    return command(name, partial(run, name), NOTES, usage, **classes(entry), budget=Budget)


def run(name: str, arguments: list[str], inputs: Inputs, output: Output, **more: Any) -> int:
    """Run a method on one photograph, or on each of many."""
    place, by_name = output.output, bool(inputs.style)
    to_folder = place.is_dir() or (not place.suffix and place != PIPE)
    if TABLE[name].needs_style and not by_name and to_folder and len(inputs.pictures) > 2:
        raise InputError("which of these pictures are styles? name them by --style")
    request = Request(name, arguments, inputs.resolved(TABLE[name].needs_style), output, **more)
    if folder.is_asked(request.inputs, place) or (by_name and to_folder):
        return folder.run(request)
    if output.resume:
        raise InputError("--resume is of many photographs: leave it out")
    with piped(request) as run_on_files:
        return render.run(run_on_files)


def classes(entry: Entry) -> dict[str, Any]:
    """Return the classes of a method's options, without those that would do nothing."""
    kinds, keep = types(entry.load()), {}
    followed = () if "optimizer" in kinds else ("history", "frames", "checkpoint")
    wrapping = ["smooth"] * ("smooth" in kinds) + ["refine"] * ("optimizer" in kinds or not entry.needs_style)
    pictures: dict[str, Any] = {} if entry.needs_style else {"pictures": ALONE}
    if not entry.needs_style:
        text = Parameter(help="keep the content's colours: transfer the luminance only")
        keep["keep_color"] = Annotated[str | None, one_of(["luminance"]), text]
    return {
        "inputs": changed(Inputs, *(() if entry.needs_style else OF_STYLES), **pictures),
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
