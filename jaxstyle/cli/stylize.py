"""The subcommands of the methods: `jaxstyle METHOD CONTENT STYLE... --output OUT`, the same options for all.

A method's own options are the documented fields of its class.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxstyle import weights
from jaxstyle.cli import plan, provenance
from jaxstyle.cli.checkpoint import Checkpoint
from jaxstyle.cli.descent import watch
from jaxstyle.cli.options import FIELDS, add_fields, count, documented, levels, number
from jaxstyle.core import Image, InputError, Method, prepared, unknown
from jaxstyle.image import io, masks, plot
from jaxstyle.image.resize import fit
from jaxstyle.image.sharding import shard
from jaxstyle.methods import METHODS, Dream, Johnson, Reconstruct
from jaxstyle.methods.descent import STARTS, Descent, DivergedError, Staged
from jaxstyle.methods.gatys import LOSSES
from jaxstyle.methods.pyramid import Pyramid
from jaxstyle.smoothing import SMOOTHERS
from jaxstyle.solvers import SOLVERS
from jaxstyle.transforms.covariance import WAYS
from jaxstyle.wrappers.color import KEEPERS

DEFAULT_ENCODER = "vgg19-lite"
TABLES = {"style_loss": LOSSES, "way": WAYS, "smooth": SMOOTHERS}  # of fields chosen by name
STYLELESS = (Johnson, Reconstruct, Dream)


def add(commands, name: str) -> None:
    """Add the subcommand of the method of a name."""
    add_method(commands, name, METHODS[name])


def add_method(commands, name: str, method: type[Method]) -> argparse.ArgumentParser:
    """Add the subcommand of a method, and return its parser."""
    summary, _ = documented(method)
    parser = commands.add_parser(name, description=summary)
    parser.set_defaults(run=run, method=method, name=name, style=[], **dict.fromkeys(ABSENT))
    add = parser.add_argument
    add("content", type=Path, help="the photograph")
    if method not in STYLELESS:
        add("style", type=Path, nargs="+", help="the picture whose style it takes, or several")
    add("--output", type=Path, required=True, help="the image file to write")
    add("--size", type=count, default=512, metavar="PX", help="long edge of all images (512)")
    add_shared(parser, method)
    if "network" in names(method):
        given = f"trained weights by name, or a .safetensors file ({method.WEIGHTS or 'needed'})"
        add("--weights", default=method.WEIGHTS, required=not method.WEIGHTS, metavar="NAME", help=given)
    add_own(parser, method)
    if issubclass(method, Descent):
        add("--history", type=Path, metavar="FILE", help="plot the losses, step by step")
        frames = "keep the evolution: a folder, or a .gif or .webp"
        add("--frames", type=Path, metavar="PATH", help=frames)
        coarse = "steps at coarser sizes first: at ..., a quarter, a half of the size"
        add("--pyramid", type=levels, metavar="N,...", help=coarse)
        kept = "a folder to keep the state in: the same command goes on from there after whatever ended it"
        add("--checkpoint", type=Path, metavar="DIR", help=kept)
    return parser


ABSENT = ("preset", "smooth", "history", "frames", "weights", "mix", "content_mask", "style_mask")
ABSENT += ("style_size", "checkpoint", "pyramid", "keep_color", "init")


def add_shared(parser, method: type[Method]) -> None:
    """Add the options that do the same for every method."""
    add = parser.add_argument
    tile = "compute in tiles of this side, exactly, in the memory of one (not at all)"
    add("--tile", type=count, metavar="PX", help=tile)
    limit = "take no more than this, e.g. 4GB, in tiles if need be (what there is)"
    rows = "share the rows of the content by all devices"
    add("--shard", action="store_true", help=rows)
    add("--memory", type=plan.size_of, metavar="SIZE", help=limit)
    if method not in STYLELESS:
        add("--style-size", type=count, metavar="PX", help="long edge of the styles (that of --size)")
        add("--mix", type=number, nargs="+", metavar="X", help="shares of several styles (all the same)")
        where = "where the styles, or the regions of --style-mask, go: an image of labels, or of grey levels"
        add("--content-mask", type=Path, metavar="FILE", help=where)
        add("--style-mask", type=Path, metavar="FILE", help="the same labels in the style")
    keep = "keep the content's colours: transfer luminance only, or match the style's colours to it first"
    add("--keep-color", choices=KEEPERS, help=keep)
    fields = documented(method)[1]
    if "smooth" not in fields:
        add("--smooth", choices=SMOOTHERS, help="make the result smooth where the content is")
    if "encoder" not in fields:
        add("--encoder", metavar="NAME", help="the network that sees content and style")
    if "seed" not in fields:
        add("--seed", type=int, metavar="N", help="of methods that draw something at random")


def add_own(parser, method: type[Method]) -> None:
    """Add the options of a method: preset, documented fields, numbers of the solver."""
    if presets := getattr(method, "PRESETS", {}):
        parser.add_argument("--preset", metavar="NAME", help=f"a source's settings: {', '.join(presets)}")
    tables = {name: {"choices": table} for name, table in TABLES.items()}
    kinds = FIELDS | tables | {"solver": {"choices": SOLVERS}}
    kinds["init"] = {"metavar": "|".join(STARTS) + "|FILE"}
    add_fields(parser, method, kinds)
    if issubclass(method, Descent):
        parser.add_argument("--steps", type=count, metavar="N", help="steps of the solver")
        parser.add_argument("--learning-rate", type=number, metavar="X", help="learning rate of the solver")
        parser.add_argument("--pairs", type=count, metavar="N", help="pairs that L-BFGS remembers (100)")


def names(method: type[Method]) -> dict[str, Any]:
    """Return the fields of a method and their types."""
    return {field.name: field.type for field in dataclasses.fields(method)}  # pyright: ignore


def build(options: argparse.Namespace) -> tuple[Method, dict]:
    """Return the method that the options ask for, and the files of its weights."""
    fields, files = names(options.method), {}
    presets = getattr(options.method, "PRESETS", {})
    if options.preset is not None and options.preset not in presets:
        raise unknown("preset", options.preset, presets)
    made, encoder = {}, options.encoder
    if "network" in fields:
        made["network"] = network(options.weights, options.method, fields["network"])
        files[Path(options.weights).name] = provenance.fingerprint(weights.find(options.weights))
        encoder = encoder or weights.metadata(options.weights).get("encoder", DEFAULT_ENCODER)
    if "encoder" in fields:
        encoder = encoder or presets.get(options.preset, DEFAULT_ENCODER)
        made["encoder"] = weights.load(encoder)
        files[encoder] = provenance.fingerprint(weights.find(encoder))
    elif options.encoder:
        print(f"{options.name} has no encoder to choose: --encoder does nothing", file=sys.stderr)
    constructor = getattr(options.method, options.preset) if options.preset else options.method
    method = constructor(**made)
    given = {key: value for key, value in vars(options).items() if value is not None and key in fields}
    changes = {key: TABLES[key][value] if key in TABLES else value for key, value in given.items()}
    changes = {key: value for key, value in changes.items() if key not in ("encoder", "solver", "init")}
    if options.init in STARTS:
        changes["init"] = STARTS[options.init]
    if isinstance(method, Descent):
        changes["solver"] = solver(method.solver, options)
    return dataclasses.replace(method, **changes), files  # pyright: ignore


def network(name: str, method: type[Method], kind: type) -> Any:
    """Return a trained network, sure to be of a kind."""
    found = weights.load(name)
    if not isinstance(found, kind):
        wanted, has = kind.__name__, type(found).__name__
        raise InputError(f"{name}: holds a {has}; {method.__name__} needs a {wanted}")
    return found


def solver(default, options: argparse.Namespace):
    """Return the solver that the options ask for."""
    chosen = default
    if options.solver and not isinstance(default, SOLVERS[options.solver]):
        chosen = SOLVERS[options.solver]()
    changes = {"steps": options.steps, "learning_rate": options.learning_rate, "memory": options.pairs}
    changes = {key: value for key, value in changes.items() if value is not None}
    if "learning_rate" in changes and not hasattr(chosen, "learning_rate"):
        raise InputError("solver zoom searches its step length: leave out --learning-rate")
    if "memory" in changes and not hasattr(chosen, "memory"):
        raise InputError(f"solver {options.solver} remembers no pairs: leave out --pairs")
    return dataclasses.replace(chosen, **changes)


class Pictures(NamedTuple):
    """What a method is given: content, styles, and where each goes (see `core.stylize`)."""

    content: Image
    styles: list[Image]
    content_mask: Float[Array, "k h w"] | None
    style_mask: Float[Array, "k h w"] | None

    def target(self, method: Method) -> Any:
        """Return the styles, summarised by a method: compiled, each array an argument."""
        return jax.jit(prepared)(method, *self.given[1:])

    def rounded(self, method: Method) -> "Pictures":
        """Return pictures of sizes for which a method has one program, where there are such."""
        styles = [method.rounded(style) for style in self.styles]
        return self._replace(content=method.rounded(self.content), styles=styles)

    @property
    def given(self) -> tuple:
        """The arguments of `core.stylize`, less the method."""
        style = self.styles[0] if len(self.styles) == 1 else self.styles
        return self.content, style, self.content_mask, self.style_mask


def pictures(options: argparse.Namespace) -> Pictures:
    """Read content, styles and masks."""
    content, *styles = (io.read(path) for path in (options.content, *options.style))
    placed = where(options, content, styles)
    content = fit(content, options.size)
    if options.shard and (rest := len(content) % jax.device_count()):
        print(f"{rest} rows less, so that all devices have as many", file=sys.stderr)
        content = content[: len(content) - rest]
    styles = [fit(image, options.style_size or options.size) for image in styles]
    return Pictures(content, styles or [content], *placed)


def where(options: argparse.Namespace, content: Image, styles: list[Image]) -> tuple[Any, Any]:
    """Return the masks of content and style that the options ask for."""
    count, mask, mix = len(options.style), options.content_mask, options.mix
    if mask and mix:
        raise InputError("--mix and --content-mask both say where styles go: leave one out")
    if options.style_mask and (not mask or count != 1):
        raise InputError("--style-mask goes with --content-mask and one style")
    if mix and (len(mix) != count or not sum(mix)):
        raise InputError(f"--mix has {len(mix)} shares of {count} styles: give one each, not all 0")
    if mix:
        return jnp.asarray(mix).reshape(-1, 1, 1) / sum(mix), None
    if not mask:
        return None, None
    if not options.style_mask:
        return masks.of_content(mask_of(content, mask), count), None
    found = masks.labelled(mask_of(content, mask), mask_of(styles[0], options.style_mask))
    for name in found.lonely:
        fate = "only one of the masks has it: such pixels stay, or are not looked at"
        print(f"label {name}: {fate}", file=sys.stderr)
    return found.content, found.style


def mask_of(image: Image, path: Path) -> Image:
    """Read the mask of an image, and say so if it has another size: it is resized wherever it is used."""
    mask = io.read(path)
    if mask.shape != image.shape:
        own, other = (f"{x.shape[1]}x{x.shape[0]}" for x in (mask, image))
        print(f"{path}: a mask of {own} px for a picture of {other} px: resized", file=sys.stderr)
    return mask


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse what could not be written, before any work is done."""
    io.check_output(options.output)
    if options.history:
        io.check_output(options.history, (".png", ".svg", ".pdf"))
    if options.frames and options.frames.suffix:
        io.check_output(options.frames, io.ANIMATED)
    elif options.frames:
        io.check_folder(options.frames if options.frames.exists() else options.frames.parent)


def run(options: argparse.Namespace) -> int:
    """Run a method from files to files."""
    check_outputs(options)
    given = pictures(options)
    method, files = build(options)
    if isinstance(method, Descent) and options.pyramid:
        method = Pyramid(method, options.pyramid)
    finish: Callable[[Image], Image] = lambda image: image
    seen = given
    if options.keep_color:
        keeper = KEEPERS[options.keep_color]
        pairs = [keeper.before(given.content, style) for style in given.styles]
        seen = given._replace(content=pairs[0][0], styles=[style for _, style in pairs])
        finish = partial(keeper.after, content=given.content)
    seen = seen._replace(content=shard(seen.content)) if options.shard else seen.rounded(method)
    if options.memory or seen.content[..., 0].size >= plan.WORTH:
        method = plan.fitting(method, options.tile, seen.given, options.memory).method
    else:
        method = plan.tiled(method, options.tile)
    if isinstance(method, Staged):
        return descend(options, method, given, seen, finish, files)
    start = time.perf_counter()
    image = jax.jit(type(method).apply)(method, seen.content, seen.target(method))
    height, width, _ = given.content.shape
    image = jax.block_until_ready(smoothed(finish(image[:height, :width]), given.content, options))
    seconds = {"total": time.perf_counter() - start}
    provenance.write(options, method, image, seconds, weights=files)
    print(f"{options.output}: {seconds['total']:.1f} s, compiling included", file=sys.stderr)
    return 0


def smoothed(image: Image, content: Image, options: argparse.Namespace) -> Image:
    """Return the image smoothed as the options ask for, unless the method itself does it."""
    if not options.smooth or "smooth" in names(options.method):
        return image
    return jax.jit(SMOOTHERS[options.smooth])(image, content)


def descend(
    options: argparse.Namespace, method: Staged, given: Pictures, seen: Pictures, finish, files: dict
) -> int:
    """Run a method that descends on the image, with progress; Ctrl-C and divergence keep the image so far."""
    first = None
    if options.init and options.init not in STARTS:
        first = fit(io.read(options.init), options.size)
        if first.shape != seen.content.shape:
            raise InputError(f"{options.init}: the first image must have the content's proportions")
    start = time.perf_counter()
    kept = options.checkpoint and Checkpoint(options.checkpoint, method, (seen.given, first))
    point = kept.load() if kept else None
    target = seen.target(method)
    snapshots = method.descend(seen.content, target, first=first, point=point)
    history = kept.history if kept else {}
    snapshots = kept.follow(snapshots) if kept else snapshots
    finished = (step._replace(image=finish(step.image)) for step in snapshots)
    total = sum(stage.method.solver.steps for stage in method.stages(seen.content, target))
    watched = watch(finished, total, bool(options.frames), history)
    image = smoothed(watched.last.image, given.content, options)
    seconds = {"total": time.perf_counter() - start, "to_first_losses": watched.seconds_to_first}
    facts = {"preset": options.preset, "weights": files, "steps": watched.last.step}
    provenance.write(options, method, image, seconds, **facts)
    if options.history and watched.history:
        plot.curves(options.history, watched.history)
    if options.frames:
        io.write_frames(options.frames, watched.frames)
    done = f"{watched.last.step} steps with {', '.join(files)} in {seconds['total']:.1f} s"
    print(f"{options.output}: {done}", file=sys.stderr)
    if isinstance(watched.stopped, DivergedError):
        raise watched.stopped
    return 130 if watched.stopped else 0
