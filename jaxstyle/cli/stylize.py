"""The commands of the methods: `jaxstyle METHOD CONTENT STYLE... --output OUT`, the same options for all.

An option that would do nothing is not offered, or is refused.
"""

from typing import Annotated, Any

from cyclopts import App, Parameter

from jaxstyle.cli import render
from jaxstyle.cli.build import types
from jaxstyle.cli.request import (
    FLAT,
    HIDDEN,
    OF_STYLES,
    Budget,
    Inputs,
    Output,
    Request,
    Wrappers,
    changed,
    documented,
    given,
    own_options,
)
from jaxstyle.methods.table import TABLE, Entry
from jaxstyle.options import Count, Positive, one_of

NOTES = """\
Size and colour: a photograph that stays one keeps its size, or the largest that fits in memory; other results
have at most 512 px, unless --size says more. Nothing is enlarged unasked. Profiles are converted to sRGB,
results tagged so.

Metadata and transparency: EXIF, XMP, resolution and 16 bits come through, orientation is applied. Transparent
pixels count in no statistic, and stay so where the format can; JPEG and BMP are laid on white."""


def __getattr__(name: str) -> App:
    """Return the command of the method of a name."""
    if name not in TABLE:
        raise AttributeError(name)
    return command(TABLE[name])


def command(entry: Entry) -> App:
    """Return the command of a method with all its options."""
    descends = "optimizer" in types(entry.load())
    inputs: Any = Inputs if entry.needs_style else changed(Inputs, **dict.fromkeys(OF_STYLES, HIDDEN))
    output: Any = Output
    if not descends:
        output = changed(Output, history=HIDDEN, frames=HIDDEN, checkpoint=HIDDEN)
    wrappers: Any = changed(Wrappers, **left_out(entry), **({} if descends else {"pyramid": HIDDEN}))
    own: Any = method_options(entry)

    def run(
        inputs: Annotated[inputs, FLAT],
        *,
        own: Annotated[own, FLAT] = own(),
        output: Annotated[output, FLAT],
        wrappers: Annotated[wrappers, FLAT] = wrappers(),
        budget: Annotated[Budget, FLAT] = Budget(),  # noqa: B008
        arguments: Annotated[list[str], HIDDEN],
    ) -> int:
        return render.run(Request(entry.name, arguments, inputs, output, given(own), wrappers, budget))

    return App(entry.name, default_command=run, help_epilogue=NOTES)


def left_out(entry: Entry) -> dict[str, Parameter]:
    """Return how wrappers are read where some would do nothing."""
    parameters = {"smooth": HIDDEN} if "smooth" in types(entry.load()) else {}
    if not entry.needs_style:
        text = "keep the content's colours: transfer the luminance only"
        parameters["keep_color"] = Parameter.combine(one_of(["luminance"]), Parameter(help=text))
    return parameters


def method_options(entry: Entry) -> Any:
    """Return the options of a method: weights, preset, fields of its class, numbers of the optimiser."""
    cls = entry.load()
    kinds, more = types(cls), []
    if "network" in kinds:
        needed = Parameter(required=not entry.weights, show_default=entry.weights or False, metavar="NAME")
        more.append(("weights", Annotated[str, needed], "trained weights by name, or a .safetensors file"))
    if "encoder" in kinds:
        text = documented(cls).get("encoder", "the network that sees content and style")
        more.append(("encoder", Annotated[str, Parameter(metavar="NAME")], text))
    if presets := getattr(cls, "PRESETS", {}):
        more.append(("preset", Annotated[str, one_of([*presets])], "a source's settings"))
    if "optimizer" in kinds:
        more.append(("learning_rate", Positive, "learning rate of the optimiser"))
        more.append(("pairs", Count, "pairs that L-BFGS remembers (default: 100)"))
    return own_options(cls, *more)
