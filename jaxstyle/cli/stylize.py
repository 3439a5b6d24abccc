"""The subcommands of the methods: `jaxstyle METHOD CONTENT STYLE... --output OUT`, the same options for all.

A method's own options are the documented fields of its class. An option that would do nothing is not offered,
or is refused.
"""

import argparse
from pathlib import Path

from jaxstyle.cli import pictures, render
from jaxstyle.cli.build import TABLES, fields, starts_of
from jaxstyle.cli.memory import size_of
from jaxstyle.cli.options import (
    FIELDS,
    add_fields,
    count,
    documented,
    levels,
    number,
    positive,
    quality,
    side,
    size,
    tile,
)
from jaxstyle.core import Method
from jaxstyle.methods import METHODS
from jaxstyle.smoothing import SMOOTHERS
from jaxstyle.wrappers.color import KEEPERS

ABSENT = ("preset", "smooth", "history", "frames", "weights", "mix", "content_mask", "style_mask", "init")
ABSENT += ("style_size", "checkpoint", "pyramid", "keep_color", "encoder", "seed", "shard", "depth")

FILES = """\
Size and colour: a photograph that stays one keeps its size, or the largest that
fits in memory; other results have at most 512 px, unless --size says more.
Nothing is enlarged unasked. Profiles are converted to sRGB, results tagged so.

Metadata and transparency: EXIF, XMP, resolution and 16 bits come through,
orientation is applied. Transparent pixels count in no statistic, and stay so
where the format can; JPEG and BMP are laid on white."""


def add(commands, name: str) -> None:
    """Add the subcommand of the method of a name."""
    add_method(commands, name, METHODS[name])


def add_method(commands, name: str, method: type[Method]) -> argparse.ArgumentParser:
    """Add the subcommand of a method with all its options, and return its parser."""
    parser = add_parser(commands, name, method, several=True)
    parser.set_defaults(run=render.run)
    add_own(parser, method, files=True)
    add_shared(parser, method)
    if "optimizer" in fields(method):
        add_followed(parser)
    return parser


def add_parser(commands, name: str, method: type[Method], several: bool) -> argparse.ArgumentParser:
    """Add a subcommand that reads pictures and writes one, and return its parser."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(name, description=documented(method)[0], epilog=FILES, formatter_class=raw)
    parser.set_defaults(method=method, name=name, style=[], **dict.fromkeys(ABSENT))
    add = parser.add_argument
    add("content", type=Path, help="the photograph")
    if method.NEEDS_STYLE:
        what = "the picture whose style it takes" + ", or several" * several
        add("style", type=Path, nargs="+" if several else 1, help=what)
    add("--output", type=Path, required=True, help="the image file to write")
    add("--overwrite", action="store_true", help="let it take the place of a picture that was read")
    add("--quality", type=quality, metavar="N", help="1 to 100, of a JPEG, WebP or AVIF file (95)")
    default = "that of the content" if method.KEEPS_SIZE else f"at most {pictures.DEFAULT_SIZE}"
    long_edge = f"long edge of all images in pixels, or 'original' (default: {default}; none is enlarged)"
    add("--size", type=size, metavar="PX", help=long_edge)
    if method.NEEDS_STYLE:
        add("--style-size", type=side, metavar="PX", help="long edge of the styles (default: see --size)")
    return parser


def add_own(parser, method: type[Method], files: bool) -> None:
    """Add the options of a method: weights, preset, documented fields, numbers of the optimiser.

    `files` allows a file as the first image.
    """
    add = parser.add_argument
    if "network" in fields(method):
        given = f"trained weights by name, or a .safetensors file ({method.WEIGHTS or 'needed'})"
        add("--weights", default=method.WEIGHTS, required=not method.WEIGHTS, metavar="NAME", help=given)
    if "encoder" in fields(method) and "encoder" not in documented(method)[1]:
        add("--encoder", metavar="NAME", help="the network that sees content and style")
    if presets := getattr(method, "PRESETS", {}):
        add("--preset", metavar="NAME", help=f"a source's settings: {', '.join(presets)}")
    tables = {name: {"choices": table} for name, table in TABLES.items()}
    kinds = FIELDS | tables
    starts = starts_of(method)
    kinds["init"] = {"metavar": "|".join(starts) + "|FILE"} if files else {"choices": starts}
    add_fields(parser, method, kinds)
    if "optimizer" in fields(method):
        add("--learning-rate", type=positive, metavar="X", help="learning rate of the optimiser")
        add("--pairs", type=count, metavar="N", help="pairs that L-BFGS remembers (100)")


def add_shared(parser, method: type[Method]) -> None:
    """Add the options that do the same for every method."""
    add = parser.add_argument
    add("--depth", type=int, choices=(8, 16), help="bits a channel of a PNG or TIFF (default: the content's)")
    tiles = "compute in tiles of this side, exactly (default: no tiling)"
    add("--tile", type=tile, metavar="PX", help=tiles)
    add("--shard", action="store_true", help="share the rows of the content by all devices")
    limit = "take no more than this, e.g. 4GB, in tiles if need be (default: what there is)"
    add("--memory", type=size_of, metavar="SIZE", help=limit)
    keep = "keep the content's colours: transfer luminance only"
    if method.NEEDS_STYLE:
        add("--mix", type=number, nargs="+", metavar="X", help="weight of each style (default: equal)")
        where = "where the styles, or the regions of --style-mask, go: a map of labels, or a soft mask"
        add("--content-mask", type=Path, metavar="FILE", help=where)
        add("--style-mask", type=Path, metavar="FILE", help="the same labels in the style")
        keep += ", or match the style's colours to it first"
    add("--keep-color", choices=[*KEEPERS] if method.NEEDS_STYLE else ["luminance"], help=keep)
    if "smooth" not in fields(method):
        add_smooth(parser)


def add_smooth(parser) -> None:
    """Add the option that smooths a result."""
    text = "smooth the result along the content's edges"
    choices = [name for name in SMOOTHERS if name != "none"]
    parser.add_argument("--smooth", choices=choices, help=text)


def add_followed(parser) -> None:
    """Add the options of following a descent."""
    add = parser.add_argument
    add("--history", type=Path, metavar="FILE", help="plot the losses, step by step")
    add("--frames", type=Path, metavar="PATH", help="keep the evolution: a folder, or a .gif or .webp")
    coarse = "steps at coarser sizes first: at ..., a quarter, a half of the size"
    add("--pyramid", type=levels, metavar="N,...", help=coarse)
    kept = "a folder to keep the state in: the same command goes on from there after whatever ended it"
    add("--checkpoint", type=Path, metavar="DIR", help=kept)
