"""The subcommands of the methods: `jaxstyle METHOD CONTENT STYLE... --output OUT`, the same options for all.

A method's own options are the documented fields of its class. An option that would do nothing is not offered,
or is refused.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxstyle import weights
from jaxstyle.cli import pictures, plan, provenance
from jaxstyle.cli.checkpoint import Checkpoint
from jaxstyle.cli.descent import temporary_frames, watch
from jaxstyle.cli.options import FIELDS, add_fields, count, documented, levels, number, size
from jaxstyle.cli.pictures import Files, Pictures
from jaxstyle.cli.run import exit_code
from jaxstyle.core import Image, InputError, Method, unknown
from jaxstyle.image import io, plot
from jaxstyle.image.resize import resize
from jaxstyle.image.writing import what_is_lost
from jaxstyle.methods import METHODS, Dream, Johnson, Reconstruct
from jaxstyle.methods.descent import STARTS, Descent, DivergedError, Staged, from_noise
from jaxstyle.methods.gatys import LOSSES
from jaxstyle.methods.pyramid import Pyramid
from jaxstyle.smoothing import SMOOTHERS
from jaxstyle.solvers import SOLVERS
from jaxstyle.transforms.covariance import WAYS
from jaxstyle.wrappers.color import KEEPERS

DEFAULT_ENCODER = "vgg19-lite"
SMALLEST_EDGE = 64  # pixels to which a photograph is made smaller so that it fits
TABLES = {"style_loss": LOSSES, "way": WAYS, "smooth": SMOOTHERS}  # of fields chosen by name
STYLELESS = (Johnson, Reconstruct, Dream)
ABSENT = ("preset", "smooth", "history", "frames", "weights", "mix", "content_mask", "style_mask", "init")
ABSENT += ("style_size", "checkpoint", "pyramid", "keep_color", "encoder", "seed", "shard", "depth")


def add(commands, name: str) -> None:
    """Add the subcommand of the method of a name."""
    add_method(commands, name, METHODS[name])


def add_method(commands, name: str, method: type[Method]) -> argparse.ArgumentParser:
    """Add the subcommand of a method with all its options, and return its parser."""
    parser = add_parser(commands, name, method, several=True)
    parser.set_defaults(run=run)
    add_own(parser, method, files=True)
    add_shared(parser, method)
    if issubclass(method, Descent):
        add_followed(parser)
    return parser


def add_parser(commands, name: str, method: type[Method], several: bool) -> argparse.ArgumentParser:
    """Add a subcommand that reads pictures and writes one, and return its parser."""
    parser = commands.add_parser(name, description=documented(method)[0])
    parser.set_defaults(method=method, name=name, style=[], **dict.fromkeys(ABSENT))
    add = parser.add_argument
    add("content", type=Path, help="the photograph")
    if method not in STYLELESS:
        what = "the picture whose style it takes" + ", or several" * several
        add("style", type=Path, nargs="+" if several else 1, help=what)
    add("--output", type=Path, required=True, help="the image file to write")
    add("--overwrite", action="store_true", help="let it take the place of a picture that was read")
    add("--quality", type=count, metavar="N", help="1 to 100, of a JPEG, WebP or AVIF file (95)")
    default = "that of the content" if method.KEEPS_SIZE else f"at most {pictures.DEFAULT_SIZE}"
    long_edge = f"long edge of all images in pixels, or 'original' (default: {default}; none is enlarged)"
    add("--size", type=size, metavar="PX", help=long_edge)
    if method not in STYLELESS:
        add("--style-size", type=count, metavar="PX", help="long edge of the styles (default: see --size)")
    return parser


def add_own(parser, method: type[Method], files: bool) -> None:
    """Add the options of a method: weights, preset, documented fields, numbers of the solver.

    `files` allows a file as the first image.
    """
    add = parser.add_argument
    fields = documented(method)[1]
    if "network" in names(method):
        given = f"trained weights by name, or a .safetensors file ({method.WEIGHTS or 'needed'})"
        add("--weights", default=method.WEIGHTS, required=not method.WEIGHTS, metavar="NAME", help=given)
    if "encoder" in names(method) and "encoder" not in fields:
        add("--encoder", metavar="NAME", help="the network that sees content and style")
    if presets := getattr(method, "PRESETS", {}):
        add("--preset", metavar="NAME", help=f"a source's settings: {', '.join(presets)}")
    tables = {name: {"choices": table} for name, table in TABLES.items()}
    kinds = FIELDS | tables | {"solver": {"choices": SOLVERS}}
    starts = starts_of(method)
    kinds["init"] = {"metavar": "|".join(starts) + "|FILE"} if files else {"choices": starts}
    add_fields(parser, method, kinds)
    if issubclass(method, Descent):
        add("--steps", type=count, metavar="N", help="steps of the solver")
        add("--learning-rate", type=number, metavar="X", help="learning rate of the solver")
        add("--pairs", type=count, metavar="N", help="pairs that L-BFGS remembers (100)")


def add_shared(parser, method: type[Method]) -> None:
    """Add the options that do the same for every method."""
    add = parser.add_argument
    add("--depth", type=int, choices=(8, 16), help="bits a channel of a PNG or TIFF (default: the content's)")
    add(
        "--tile", type=count, metavar="PX", help="compute in tiles of this side, exactly (default: no tiling)"
    )
    add("--shard", action="store_true", help="share the rows of the content by all devices")
    limit = "take no more than this, e.g. 4GB, in tiles if need be (default: what there is)"
    add("--memory", type=plan.size_of, metavar="SIZE", help=limit)
    keep = "keep the content's colours: transfer luminance only"
    if method not in STYLELESS:
        add("--mix", type=number, nargs="+", metavar="X", help="weight of each style (default: equal)")
        where = "where the styles, or the regions of --style-mask, go: a map of labels, or a soft mask"
        add("--content-mask", type=Path, metavar="FILE", help=where)
        add("--style-mask", type=Path, metavar="FILE", help="the same labels in the style")
        keep += ", or match the style's colours to it first"
    add("--keep-color", choices=["luminance"] if method in STYLELESS else [*KEEPERS], help=keep)
    if "smooth" not in names(method):
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


def starts_of(method: type[Method]) -> list[str]:
    """Return the names of the first images that a method can start from; without a style, not from one."""
    return ["content", "noise"] if method in STYLELESS else [*STARTS]


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
        made["encoder"] = weights.load_encoder(encoder)
        files[encoder] = provenance.fingerprint(weights.find(encoder))
    constructor = getattr(options.method, options.preset) if options.preset else options.method
    method = constructor(**made)
    given = {key: value for key, value in vars(options).items() if value is not None and key in fields}
    changes = {key: TABLES[key][value] if key in TABLES else value for key, value in given.items()}
    changes = {key: value for key, value in changes.items() if key not in ("encoder", "solver", "init")}
    if options.init in starts_of(options.method):
        changes["init"] = STARTS[options.init]
    if isinstance(method, Descent):
        changes["solver"] = solver(method.solver, options)
    return dataclasses.replace(method, **changes), files  # pyright: ignore


def check_draws(method: Method, options: argparse.Namespace) -> None:
    """Refuse a seed where a method draws no random numbers."""
    drawn = "seed" in names(type(method))
    if isinstance(method, Descent):
        drawn = method.init is from_noise and (options.init is None or options.init in STARTS)
    if not drawn:
        raise InputError(
            f"{options.name} draws nothing at random here: leave out the seed, or add --init noise"
        )


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
    name = next(name for name, kind in SOLVERS.items() if type(chosen) is kind)
    changes = {"steps": options.steps, "learning_rate": options.learning_rate, "memory": options.pairs}
    changes = {key: value for key, value in changes.items() if value is not None}
    if "learning_rate" in changes and not hasattr(chosen, "learning_rate"):
        raise InputError(f"solver {name} searches its step length: leave out --learning-rate")
    if "memory" in changes and not hasattr(chosen, "memory"):
        raise InputError(f"solver {name} remembers no pairs: leave out --pairs")
    return dataclasses.replace(chosen, **changes)


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse what could not be written, or would take the place of what is read, before any work is done."""
    io.check_output(options.output, depth=options.depth or 8, quality=options.quality)
    if options.history:
        io.check_output(options.history, (".png", ".svg", ".pdf"))
    if options.frames:
        io.check_frames(options.frames)
    inputs = [options.content, *options.style, options.content_mask, options.style_mask]
    inputs += [Path(options.init)] if options.init and options.init not in STARTS else []
    if not options.overwrite:
        check_not_read(options.output, inputs, "take another name, or --overwrite")
    for path in filter(None, (options.history, options.frames)):
        check_not_read(path, inputs)


def check_not_read(path: Path, inputs: Iterable[Path | None], cure: str = "take another name") -> None:
    """Refuse to write where a picture lies that is read."""
    if any(io.same_file(path, given) for given in filter(None, inputs)):
        raise InputError(f"{path}: is the picture that is read; {cure}")


class Ending(NamedTuple):
    """What becomes of a method's image: the content's colours, a file like the content's, a closing line."""

    finish: Callable[[Image], Image]
    save: Callable[..., None]
    depth: int
    closing: str

    @classmethod
    def of(cls, files: Files, given: Pictures, options: argparse.Namespace) -> "Ending":
        """Return what the options ask for; transparency, depth and metadata are the content's."""
        keep = KEEPERS[options.keep_color].after if options.keep_color else lambda image, content: image
        depth = options.depth or (files.content.depth if io.is_deep(options.output) else 8)
        kept = {"alpha": given.content_weight, "depth": depth, "metadata": files.content.metadata}
        save = partial(io.write, quality=options.quality, **kept)
        for line in what_is_lost(options.output, given.content_weight, files.content.metadata):
            print(line, file=sys.stderr)
        return cls(partial(keep, content=given.content), save, depth, more_pixels(files, given, options))


def run(options: argparse.Namespace) -> int:
    """Run a method from files to files."""
    check_outputs(options)
    files = pictures.read(options)
    method, weight_files = build(options)
    if options.seed is not None:
        check_draws(method, options)
    if isinstance(method, Descent) and options.pyramid:
        method = Pyramid(method, options.pyramid)
    method, given, seen = planned(method, files, options)
    ending = Ending.of(files, given, options)
    if isinstance(method, Staged):
        return descend(options, method, given, seen, ending, weight_files)
    start = time.perf_counter()
    target = seen.target(method)
    for remark in method.remarks(seen.content, target):
        print(remark, file=sys.stderr)
    image = jax.jit(type(method).apply)(method, seen.content, target)
    height, width, _ = given.content.shape
    image = jax.block_until_ready(smoothed(ending.finish(image[:height, :width]), given.content, options))
    seconds = {"total": time.perf_counter() - start}
    provenance.write(options, method, image, seconds, ending.save, ending.depth, weights=weight_files)
    print(f"{options.output}: {seconds['total']:.1f} s, compiling included{ending.closing}", file=sys.stderr)
    return 0


def planned(method: Method, files: Files, options: argparse.Namespace) -> tuple[Method, Pictures, Pictures]:
    """Return a method, perhaps in tiles, the pictures of a run, and what the method sees of them.

    Where a photograph's own size is what is wanted and does not fit, it is made as large as fits.
    """
    edge, full = None, None
    while True:
        given = files.sized(options.method, options, edge)
        given = given.sharded() if options.shard else given
        seen = coloured(given, options)
        seen = seen if options.shard else seen.rounded(method)
        if not options.memory and seen.content[..., 0].size < plan.WORTH:
            return plan.tiled(method, options.tile), given, seen
        try:
            fitting = plan.fitting(method, options.tile, seen.given, options.memory)
        except plan.TooLargeError as error:
            if options.size or not options.method.KEEPS_SIZE:
                raise
            edge = int(max(given.content.shape) * min(error.share**0.5, 0.95))
            if edge < SMALLEST_EDGE:
                raise
            full = full or error.fact
            continue
        if full:
            print(f"{full} at full size: made at {edge} px (--size for another)", file=sys.stderr)
        return fitting.method, given, seen


def coloured(given: Pictures, options: argparse.Namespace) -> Pictures:
    """Return the pictures as a method is to see them, where the content's colours are to be kept."""
    if not options.keep_color:
        return given
    before, weight = KEEPERS[options.keep_color].before, given.content_weight
    own = given.style_mask if given.style_mask and len(given.style_mask) == len(given.styles) else None
    pairs = zip(given.styles, own or [None] * len(given.styles), strict=True)
    changed = [before(given.content, style, weight, mask) for style, mask in pairs]
    return given._replace(content=changed[0][0], styles=[style for _, style in changed])


def more_pixels(files: Files, given: Pictures, options: argparse.Namespace) -> str:
    """Return what a closing line says of a result that has fewer pixels than the content, unasked."""
    own, made = (f"{x.shape[1]}x{x.shape[0]}" for x in (files.content.image, given.content))
    if options.size or options.method.KEEPS_SIZE or own == made:
        return ""
    return f"; {made} px of {own} (--size original, or another number, gives more)"


def smoothed(image: Image, content: Image, options: argparse.Namespace) -> Image:
    """Return the image smoothed as the options ask for, unless the method itself does it."""
    if not options.smooth or "smooth" in names(options.method):
        return image
    return jax.jit(SMOOTHERS[options.smooth])(image, content)


def first_image(path: Path, content: Image) -> Image:
    """Return the picture that a descent starts from, at the content's size; a pixel is lost to rounding."""
    image = io.read(path)
    (height, width), (rows, columns) = image.shape[:2], content.shape[:2]
    scale = max(rows, columns) / max(height, width)
    slack = max(scale, 1) * 0.5 + 0.5
    if abs(height * scale - rows) > slack or abs(width * scale - columns) > slack:
        own, other = f"{width}x{height}", f"{columns}x{rows}"
        raise InputError(f"{path}: {own} px are not the content's proportions, {other}: crop it")
    return resize(image, rows, columns)


def descend(
    options: argparse.Namespace,
    method: Staged,
    given: Pictures,
    seen: Pictures,
    ending: Ending,
    files: dict,
) -> int:
    """Run a method that descends on the image, with progress; what stops it early keeps the image so far."""
    first = None
    if options.init and options.init not in STARTS:
        first = first_image(Path(options.init), seen.content)
    start = time.perf_counter()
    kept = options.checkpoint and Checkpoint(options.checkpoint, method, (seen.given, first))
    point = kept.load(bool(options.frames)) if kept else None
    target = seen.target(method)
    snapshots = method.descend(seen.content, target, first=first, point=point)
    history = kept.history if kept else {}
    snapshots = kept.follow(snapshots) if kept else snapshots
    finished = (step._replace(image=ending.finish(step.image)) for step in snapshots)
    total = sum(stage.method.solver.steps for stage in method.stages(seen.content, target))
    with nullcontext(kept.frames) if kept else temporary_frames() as frames:
        watched = watch(finished, total, frames if options.frames else None, history)
        image = smoothed(watched.last.image, given.content, options)
        seconds = {"total": time.perf_counter() - start, "to_first_losses": watched.seconds_to_first}
        facts = {"preset": options.preset, "weights": files, "steps": watched.last.step, "of_steps": total}
        provenance.write(options, method, image, seconds, ending.save, ending.depth, **facts)
        if options.history and watched.history:
            plot.curves(options.history, watched.history)
        if options.frames:
            io.write_frames(options.frames, frames.pictures())
    done = f"{watched.last.step} steps with {', '.join(files)} in {seconds['total']:.1f} s"
    print(f"{options.output}: {done}{ending.closing}", file=sys.stderr)
    if isinstance(watched.stopped, DivergedError):
        raise watched.stopped
    return exit_code(watched.stopped) if watched.stopped else 0
