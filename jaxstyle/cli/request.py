"""What a command is given: frozen classes whose fields are options, read as their types say (`options.py`).

A command leaves out, by `changed`, what would do nothing. A method's own options are the fields of its class
whose types can be read from text; the texts are those of its `Attributes:`, or of a class that it is derived
from. They are None if they are not given, so that those of a preset stand.
"""

import json
import sys
from dataclasses import KW_ONLY, MISSING, dataclass, field, fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

from cyclopts import Parameter
from docstring_parser import DocstringStyle
from docstring_parser import parse as parse_docstring

from jaxstyle.methods.table import TABLE, Entry
from jaxstyle.options import Levels, Memory, Percent, Side, Size, Switch, Tile, number, one_of
from jaxstyle.smoothing import SMOOTHERS
from jaxstyle.wrappers.color import KEEPERS

FLAT, HIDDEN = Parameter(name="*"), Parameter(parse=False, required=False)
NUMBERS = Parameter(
    converter=lambda kind, tokens: tuple(number(token.value) for token in tokens),
    consume_multiple=True,
    metavar="X",
)
OF_STYLES = ("style", "style_size", "content_mask", "style_mask", "mix")


@dataclass(frozen=True)
class Inputs:
    """The pictures that are read, and their sizes.

    Attributes:
        content: the photograph
        style: the picture whose style it takes, or several
        size: long edge of all images in pixels, or 'original' (default: of photographs that stay
            photographs their own, else at most 512; none is enlarged)
        style_size: long edge of the styles (default: see --size)
        content_mask: where the styles, or the regions of --style-mask, go: a map of labels, or a soft mask
        style_mask: the same labels in the style
        mix: weight of each style (default: equal)
    """

    content: Path
    style: Annotated[tuple[Path, ...], Parameter(required=True, show_default=False)] = ()
    _: KW_ONLY
    size: Size | None = None
    style_size: Side | None = None
    content_mask: Path | None = None
    style_mask: Path | None = None
    mix: Annotated[tuple[float, ...] | None, NUMBERS] = None


@dataclass(frozen=True, kw_only=True)
class Output:
    """The files that are written, and what is said.

    Attributes:
        output: the image file to write
        overwrite: let it take the place of a picture that was read
        quality: 1 to 100, of a JPEG, WebP or AVIF file (default: 95)
        depth: bits a channel of a PNG or TIFF (default: the content's)
        history: plot the losses, step by step
        frames: keep the evolution: a folder, or a .gif or .webp
        checkpoint: a folder to keep the state in: the same command goes on from there after whatever ended it
        quiet: say nothing but what is wrong
        json: print output, size, seconds, device and steps as one JSON object
    """

    output: Annotated[Path, Parameter(alias="-o")]
    overwrite: Switch = False
    quality: Percent | None = None
    depth: Annotated[int | None, one_of({"8": 8, "16": 16})] = None
    history: Path | None = None
    frames: Path | None = None
    checkpoint: Path | None = None
    quiet: Switch = False
    json: Switch = False

    def close(self, line: str, facts: dict[str, Any]) -> None:
        """Say what was done, of which the provenance has the facts."""
        print(f"{self.output}: {line}", file=sys.stderr)
        if self.json:
            told = {"size": facts["size"], "seconds": facts["seconds"]["total"], "device": facts["device"]}
            print(json.dumps({"output": str(self.output), **told, "steps": facts.get("steps")}))


@dataclass(frozen=True, kw_only=True)
class Wrappers:
    """What a method is wrapped in.

    Attributes:
        keep_color: keep the content's colours: transfer the luminance only, or match the style's to them
        smooth: smooth the result along the content's edges
        pyramid: steps at coarser sizes first: at ..., a quarter, a half of the size
    """

    keep_color: Annotated[str | None, one_of([*KEEPERS])] = None
    smooth: Annotated[str | None, one_of([name for name in SMOOTHERS if name != "none"])] = None
    pyramid: Levels | None = None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The machine that a run may take.

    Attributes:
        tile: compute in tiles of this side, exactly (default: no tiling)
        shard: share the rows of the content by all devices
        memory: take no more than this, e.g. 4GB, in tiles if need be (default: what there is)
    """

    tile: Tile | None = None
    shard: Switch = False
    memory: Memory | None = None


@dataclass(frozen=True)
class Request:
    """All that a command on pictures is given; `own` are the options of the method itself."""

    name: str
    arguments: list[str]
    inputs: Inputs
    output: Output
    own: dict[str, Any] = field(default_factory=dict)
    wrappers: Wrappers = Wrappers()
    budget: Budget = Budget()

    @property
    def entry(self) -> Entry:
        """The method's line in the table."""
        return TABLE[self.name]

    @property
    def initial(self) -> Path | None:
        """The file that a descent starts from."""
        return init if isinstance(init := self.own.get("init"), Path) else None

    def read(self) -> dict[str, Path | list[Path]]:
        """Return the files that are read, by what they are."""
        named = {name: getattr(self.inputs, name) for name in ("content", "content_mask", "style_mask")}
        named |= {"init": self.initial, "style": [*self.inputs.style]}
        return {name: found for name, found in named.items() if found}


def changed(cls: type, defaults: dict[str, Any] | None = None, **annotations: Any) -> type:
    """Return a class of options with other types, or with a `Parameter` added to what they have."""
    hints, defaults = get_type_hints(cls, include_extras=True), defaults or {}
    rows = []
    for each in fields(cls):
        new = annotations.get(each.name, hints[each.name])
        kind = Annotated[hints[each.name], new] if isinstance(new, Parameter) else new
        default = defaults.get(each.name, each.default)
        rows.append((each.name, kind, field(default=default, kw_only=each.kw_only)))
    return _made(cls, rows, cls)


def _made(cls: type, rows: list[tuple[str, Any, Any]], *bases: type) -> type:
    place = {"__module__": cls.__module__}  # Python would say `types`, which cyclopts does not look into
    return make_dataclass(cls.__name__, rows, bases=bases, frozen=True, namespace=place)


def documented(cls: type) -> dict[str, str]:
    """Return the texts of a class's fields, inherited where it has none."""
    texts = {}
    for base in reversed(cls.__mro__):
        found = parse_docstring(base.__doc__ or "", DocstringStyle.GOOGLE).params
        texts |= {each.arg_name: each.description for each in found}
    return texts


def readable(cls: type) -> dict[str, tuple[Any, Parameter]]:
    """Return the types of the fields that can be read from text, and how."""
    found = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        parts = [part for each in (hint, *get_args(hint)) for part in getattr(each, "__metadata__", ())]
        if reads := [part for part in parts if isinstance(part, Parameter)]:
            found[name] = hint, reads[0]
    return found


def own_options(cls: type, *more: tuple[str, Any, str]) -> type:
    """Return the options of a method or recipe, none of them set; `more` are others: name, type and text."""
    texts, rows = documented(cls), []
    for name, (hint, reads) in readable(cls).items():
        default = next((f.default for f in fields(cls) if f.name == name), MISSING)
        show = Parameter(help=texts.get(name), show_default=shown(default, reads))
        rows.append((name, Annotated[hint | None, show], field(default=None, kw_only=True)))
    rows += [
        (name, Annotated[kind | None, Parameter(help=text)], field(default=None, kw_only=True))
        for name, kind, text in more
    ]
    return _made(cls, rows)


def shown(default: Any, reads: Parameter) -> str | bool:
    """Return what the help shows of a default, if anything."""
    if callable(reads.show_default):
        return reads.show_default(default) or False
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    number = isinstance(default, int | float) and not isinstance(default, bool)
    return f"{default:g}" if number else False


def given(own: Any) -> dict[str, Any]:
    """Return the options that are set."""
    return {each.name: value for each in fields(own) if (value := getattr(own, each.name)) is not None}
