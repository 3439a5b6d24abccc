"""What a command on pictures is given: frozen classes whose fields are options, of which it may lack some."""

import json
import sys
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from jaxstyle.cli.fields import NEEDED, chosen
from jaxstyle.core import InputError
from jaxstyle.methods.table import TABLE, Entry
from jaxstyle.options import Count, Memory, Percent, Side, Size, Switch, Tile, number, one_of
from jaxstyle.smoothing import SMOOTHERS
from jaxstyle.wrappers.color import KEEPERS

NUMBERS = Parameter(
    converter=lambda kind, tokens: tuple(number(token.value) for token in tokens),
    consume_multiple=True,
    metavar="X",
)
SEVERAL = Parameter(consume_multiple=True, show_default=False)
OF_STYLES = ("style", "style_size", "content_mask", "style_mask", "mix")


@dataclass(frozen=True)
class Inputs:
    """The pictures that are read, and their sizes.

    Attributes:
        pictures: the photograph, then the picture whose style it takes, or several; with --style, photographs
            all: files, folders, patterns; - is stdin
        style: the picture whose style the photographs take, or several
        size: long edge of all images in pixels, or 'original' (default: of photographs that stay
            photographs their own, else at most 512; none is enlarged)
        style_size: long edge of the styles (default: see --size)
        content_mask: where the styles, or the regions of --style-mask, go: a map of labels, or a soft mask
        style_mask: the same labels in the style
        mix: weight of each style (default: equal)
    """

    pictures: Annotated[tuple[Path, ...], NEEDED] = ()
    _: KW_ONLY
    style: Annotated[tuple[Path, ...], SEVERAL] = ()
    size: Size | None = None
    style_size: Side | None = None
    content_mask: Path | None = None
    style_mask: Path | None = None
    mix: Annotated[tuple[float, ...] | None, NUMBERS] = None

    @property
    def content(self) -> Path:
        """The photograph, where there is one."""
        return self.pictures[0]

    def resolved(self, needs_style: bool) -> "Inputs":
        """Return the same with photographs alone among the pictures, and the others as styles."""
        if self.style or not needs_style:
            return self
        if len(self.pictures) == 1:
            raise InputError(f"{self.content}: has no style: name a picture after it, or by --style")
        return replace(self, pictures=self.pictures[:1], style=self.pictures[1:])


@dataclass(frozen=True, kw_only=True)
class Output:
    """The files that are written, and what is said.

    Attributes:
        output: the image file to write, or the folder for those of many photographs, or - for stdout
        resume: leave out the photographs of a folder whose results are there, made by the same options
        overwrite: let it take the place of a picture that was read or, in a folder, is no older result
        quality: 1 to 100, of a JPEG, WebP or AVIF file (default: 95)
        depth: bits a channel of a PNG or TIFF (default: the content's)
        history: plot the losses, step by step
        frames: keep the evolution: a folder, or a .gif or .webp
        checkpoint: a folder to keep the state in: the same command goes on from there after whatever ended it
        quiet: say nothing but what is wrong
        json: print output, size, seconds, device and steps as a JSON object, a line for each picture
    """

    output: Annotated[Path, NEEDED, Parameter(alias="-o")] = Path()
    resume: Switch = False
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
            more = {"size": facts["size"], "seconds": facts["seconds"]["total"], "device": facts["device"]}
            print(json.dumps({"output": str(self.output), **more, "steps": facts.get("steps")}))


@dataclass(frozen=True, kw_only=True)
class Wrappers:
    """What a method is wrapped in.

    Attributes:
        keep_color: keep the content's colours: transfer the luminance only, or match the style's to them
        refine: so many steps of descent from the result
        smooth: smooth the result along the content's edges
    """

    keep_color: Annotated[str | None, one_of([*KEEPERS])] = None
    refine: Count | None = None
    smooth: Annotated[str | None, one_of([name for name in SMOOTHERS if name != "none"])] = None


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
    """All that a command on pictures is given; `options` are those of the method itself.

    `photograph` is the content where it is one of a folder, of which the arguments speak.
    """

    name: str
    arguments: list[str]
    inputs: Inputs
    output: Output
    options: Any = None
    wrappers: Wrappers = Wrappers()
    budget: Budget = Budget()
    photograph: Path | None = None

    def of(self, photograph: Path, result: Path) -> "Request":
        """Return the run on one photograph of a folder, and the file that it writes."""
        inputs, output = replace(self.inputs, pictures=(photograph,)), replace(self.output, output=result)
        return replace(self, inputs=inputs, output=output, photograph=photograph)

    def asked(self) -> dict[str, str]:
        """Return the options that decide what the picture is, as text."""
        place = {name: getattr(self.inputs, name) for name in ("size", "style_size", "mix")}
        place |= {name: getattr(self.output, name) for name in ("quality", "depth")}
        every = place | self.settings | vars(self.wrappers) | {"tile": self.budget.tile}
        return {name: str(value) for name, value in every.items() if value is not None}

    @property
    def entry(self) -> Entry:
        """The method's line in the table."""
        return TABLE[self.name]

    @property
    def settings(self) -> dict[str, Any]:
        """The options of the method itself that are set."""
        return chosen(self.options) if self.options else {}

    @property
    def initial(self) -> Path | None:
        """The file that a descent starts from."""
        return init if isinstance(init := self.settings.get("init"), Path) else None

    def read(self) -> dict[str, Path | list[Path]]:
        """Return the files that are read, by what they are."""
        named = {name: getattr(self.inputs, name) for name in ("content", "content_mask", "style_mask")}
        named |= {"init": self.initial, "style": [*self.inputs.style]}
        return {name: found for name, found in named.items() if found}
