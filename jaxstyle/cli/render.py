"""Running a method from files to files: read, plan, run, and give its snapshots to what reads them."""

import argparse
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import jax

from jaxstyle.cli import checkpoint, pictures, plan, provenance
from jaxstyle.cli.build import build, check_draws, wrapped
from jaxstyle.cli.checkpoint import Checkpoint
from jaxstyle.cli.memory import limit_of
from jaxstyle.cli.paths import check_apart, check_not_read
from jaxstyle.cli.pictures import Files, Pictures
from jaxstyle.cli.run import exit_code
from jaxstyle.cli.sinks import Bar, Losses, follow, temporary_frames
from jaxstyle.core import Image, InputError, Method, TooSmallError, summarise
from jaxstyle.image import io, plot
from jaxstyle.image.resize import resize
from jaxstyle.image.writing import what_is_lost
from jaxstyle.methods.descent import STARTS, DivergedError

SMALLEST_EDGE = 64  # pixels to which a photograph is made smaller so that it fits


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse what could not be written, or would take the place of what is read, before any work is done."""
    io.check_output(options.output, depth=options.depth or 8, quality=options.quality)
    if options.history:
        io.check_output(options.history, (".png", ".svg", ".pdf"))
    if options.frames:
        io.check_frames(options.frames)
    written = {
        "--output": options.output,
        "its provenance": provenance.beside(options.output),
        "--history": options.history,
        "--frames": options.frames,
        "--checkpoint": options.checkpoint and options.checkpoint / checkpoint.FILE,
        "its frames": options.checkpoint and options.checkpoint / checkpoint.FRAMES,
    }
    check_apart(written)
    inputs = [options.content, *options.style, options.content_mask, options.style_mask]
    inputs += [Path(options.init)] if options.init and options.init not in STARTS else []
    if not options.overwrite:
        check_not_read(options.output, inputs, "take another name, or --overwrite")
    for path in [*written.values()][1:]:
        check_not_read(path, inputs)


def run(options: argparse.Namespace) -> int:
    """Run a method from files to files; what stops it early keeps the image so far."""
    check_outputs(options)
    files = pictures.read(options)
    try:
        return _run(options, files)
    except TooSmallError as error:
        raise InputError(f"{error}; {files.larger(error.size, options)}") from None


def _run(options: argparse.Namespace, files: Files) -> int:
    method, weight_files = build(options)
    if options.seed is not None:
        check_draws(method, options)
    method, given = planned(method, files, options)
    depth = options.depth or (files.content.depth if io.is_deep(options.output) else 8)
    for line in what_is_lost(options.output, given.content_weight, files.content.metadata):
        print(line, file=sys.stderr)
    initial = None
    if options.init and options.init not in STARTS:
        initial = initial_image(Path(options.init), given.content)
    losses = Losses()
    kept = options.checkpoint and Checkpoint(options.checkpoint, method, (given.given, initial), losses)
    resume = kept.load(bool(options.frames)) if kept else None
    target = summarise(method, *given.given[1:])
    for remark in method.remarks(given.content, target):
        print(remark, file=sys.stderr)
    with Bar() as bar, nullcontext(kept.frames) if kept else temporary_frames() as frames:
        snapshots = method.run(given.content, target, initial, resume=resume)
        sinks = [losses, bar, *([frames] if options.frames else []), *([kept] if kept else [])]
        last, stopped = follow(snapshots, sinks)
        if isinstance(stopped, DivergedError) and not last.step:
            raise stopped
        image = jax.block_until_ready(last.image)
        seconds = {"total": time.perf_counter() - losses.start}
        if losses.seconds_to_first:
            seconds["to_first_losses"] = losses.seconds_to_first
        facts = {
            "preset": options.preset,
            "weights": weight_files,
            "steps": last.step,
            "of_steps": last.steps,
        }
        save = partial(
            io.write,
            alpha=given.content_weight,
            depth=depth,
            quality=options.quality,
            metadata=files.content.metadata,
        )
        provenance.write(options, method, image, seconds, save, depth, **facts)
        if options.history and losses.by_name:
            plot.curves(options.history, losses.by_name)
        if options.frames:
            io.write_frames(options.frames, frames.pictures())
    steps = (
        f"{last.step} step{'s' * (last.step != 1)} with {', '.join(weight_files)} in "
        if last.steps > 1
        else ""
    )
    closing = more_pixels(files, given, options)
    print(f"{options.output}: {steps}{seconds['total']:.1f} s, compiling included{closing}", file=sys.stderr)
    if isinstance(stopped, DivergedError):
        raise stopped
    return exit_code(stopped) if stopped else 0


def planned(method: Method, files: Files, options: argparse.Namespace) -> tuple[Method, Pictures]:
    """Return a method as the options wrap it, perhaps in tiles, and the pictures of a run.

    Where a photograph's own size is what is wanted and does not fit, it is made as large as fits.
    """
    in_tiles = partial(wrapped, method, options)
    limit, edge, full = limit_of(options.memory), None, None
    while True:
        sized = partial(files.sized, options.method, options, edge)
        shapes = jax.eval_shape(sized)
        longest = max(shapes.content.shape)
        try:
            least = plan.check_least(method, [shapes.content, *shapes.styles], limit)
            io.check_output(options.output, depth=options.depth or 8, quality=options.quality, side=longest)
            given = sized().sharded() if options.shard else sized()
            if not options.memory and given.content[..., 0].size < plan.WORTH and least < limit.bytes / 2:
                return in_tiles(options.tile), given
            fitting = plan.fitting(in_tiles, options.tile, given.given, limit)
        except plan.TooLargeError as error:
            if options.size or not options.method.KEEPS_SIZE:
                raise
            edge = int(longest * min(error.share**0.5, 0.95))
            if edge < SMALLEST_EDGE:
                raise
            full = full or error.fact
            continue
        if full:
            print(f"{full} at full size: made at {edge} px (--size for another)", file=sys.stderr)
        return fitting.method, given


def more_pixels(files: Files, given: Pictures, options: argparse.Namespace) -> str:
    """Return what a closing line says of a result that has fewer pixels than the content, unasked."""
    own, made = (f"{x.shape[1]}x{x.shape[0]}" for x in (files.content.image, given.content))
    if options.size or options.method.KEEPS_SIZE or own == made:
        return ""
    return f"; {made} px of {own} (--size original, or another number, gives more)"


def initial_image(path: Path, content: Image) -> Image:
    """Return the picture that a descent starts from, at the content's size; a pixel is lost to rounding."""
    image = io.read(path)
    (height, width), (rows, columns) = image.shape[:2], content.shape[:2]
    scale = max(rows, columns) / max(height, width)
    slack = max(scale, 1) * 0.5 + 0.5
    if abs(height * scale - rows) > slack or abs(width * scale - columns) > slack:
        own, other = f"{width}x{height}", f"{columns}x{rows}"
        raise InputError(f"{path}: {own} px are not the content's proportions, {other}: crop it")
    return resize(image, rows, columns)
