"""Running a method from files to files: read, plan, run, and give its snapshots to what reads them."""

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import jax

from jaxstyle.cli import checkpoint, pictures, plan, provenance
from jaxstyle.cli.build import build, check_draws, wrapped
from jaxstyle.cli.checkpoint import Checkpoint
from jaxstyle.cli.paths import check_apart, check_not_read
from jaxstyle.cli.pictures import Files, Pictures
from jaxstyle.cli.request import Request
from jaxstyle.cli.run import exit_code
from jaxstyle.cli.sinks import Bar, Losses, follow, temporary_frames
from jaxstyle.core import Image, InputError, Method, TooSmallError, summarise
from jaxstyle.image import io, plot
from jaxstyle.image.resize import resize
from jaxstyle.image.writing import what_is_lost
from jaxstyle.memory import limit_of
from jaxstyle.methods.descent import DivergedError

SMALLEST_EDGE = 64  # pixels to which a photograph is made smaller so that it fits


def check_outputs(request: Request) -> None:
    """Refuse what could not be written, or would take the place of what is read, before any work is done."""
    out = request.output
    io.check_output(out.output, depth=out.depth or 8, quality=out.quality)
    if out.history:
        io.check_output(out.history, (".png", ".svg", ".pdf"))
    if out.frames:
        io.check_frames(out.frames)
    written = {
        "--output": out.output,
        "its provenance": provenance.beside(out.output),
        "--history": out.history,
        "--frames": out.frames,
        "--checkpoint": out.checkpoint and out.checkpoint / checkpoint.FILE,
        "its frames": out.checkpoint and out.checkpoint / checkpoint.FRAMES,
    }
    check_apart(written)
    if (beside := provenance.beside(out.output)).is_dir():
        raise InputError(f"{beside}: is a folder, where the provenance is to be; take another name")
    inputs = [*request.inputs.style, *(path for path in request.read().values() if isinstance(path, Path))]
    if not out.overwrite:
        check_not_read(out.output, inputs, "take another name, or --overwrite")
    for path in [*written.values()][1:]:
        check_not_read(path, inputs)


class Shared:
    """What the runs of one command have in common: the method with its weights, the target of the styles."""

    def __init__(self, request: Request):
        self.method, self.weight_files = build(request.entry, request.settings, request.wrappers.refine)
        if "seed" in request.settings:
            check_draws(self.method, request)
        self._last: dict[str, tuple[Any, Any]] = {}

    def target(self, method: Method, sized: Pictures) -> Any:
        """Return the target of the styles, for the method in its wrappers."""
        _, _, content_mask, _, content_weight = sized
        if not sized.styles or content_mask is not None or content_weight is not None:
            return summarise(method, *sized.arguments[1:])
        key = jax.tree.structure(method), [style.shape for style in sized.styles]
        return self._once("target", key, lambda: summarise(method, *sized.arguments[1:]))

    def identity(self, method: Method) -> dict[str, str]:
        """Return the identity of the method in its wrappers."""
        return self._once("identity", jax.tree.structure(method), lambda: provenance.identity(method))

    def _once(self, name: str, key: Any, make: Callable[[], Any]) -> Any:
        """Return the last of a kind again where it has the same key."""
        if name not in self._last or self._last[name][0] != key:
            self._last[name] = key, make()
        return self._last[name][1]


def run(request: Request) -> int:
    """Run a method from files to files; what stops it early keeps the image so far."""
    check_outputs(request)
    files = pictures.read(request.inputs)
    with Bar() as bar:
        return render(request, files, Shared(request), bar)


def render(request: Request, files: Files, shared: Shared, bar: Bar) -> int:
    """Make one photograph's result, shown by a bar."""
    try:
        return _render(request, files, shared, bar)
    except TooSmallError as error:
        raise InputError(f"{error}; {files.larger(error.size, request)}") from None


def _render(request: Request, files: Files, shared: Shared, bar: Bar) -> int:
    out, weight_files = request.output, shared.weight_files
    method, resized = planned(shared.method, files, request)
    depth = out.depth or (files.content.depth if io.is_deep(out.output) else 8)
    for line in what_is_lost(out.output, resized.content_weight, files.content.metadata):
        print(line, file=sys.stderr)
    initial = initial_image(request.initial, resized.content) if request.initial else None
    losses = Losses()
    saved = out.checkpoint and Checkpoint(out.checkpoint, method, (resized.arguments, initial), losses)
    resume = saved.load(bool(out.frames)) if saved else None
    target = shared.target(method, resized)
    for remark in method.remarks(resized.content, target):
        print(remark, file=sys.stderr)
    with nullcontext(saved.frames) if saved else temporary_frames() as frames:
        snapshots = method.run(resized.content, target, initial, resume=resume)
        sinks = [losses, bar, *([frames] if out.frames else []), *([saved] if saved else [])]
        last, stopped = follow(snapshots, sinks)
        if isinstance(stopped, DivergedError) and not last.step:
            raise stopped
        image = jax.block_until_ready(last.image)
        seconds = {"total": time.perf_counter() - losses.start}
        if losses.seconds_to_first:
            seconds["to_first_losses"] = losses.seconds_to_first
        facts = {"preset": request.settings.get("preset"), "weights": weight_files}
        facts |= {"steps": last.step, "of_steps": last.steps}
        carried = {"alpha": resized.content_weight, "metadata": files.content.metadata}
        save = partial(io.write, depth=depth, quality=out.quality, **carried)
        facts = provenance.write(request, shared.identity(method), image, seconds, save, depth, **facts)
        if out.history and losses.by_name:
            plot.curves(out.history, losses.by_name)
        if out.frames:
            io.write_frames(out.frames, frames.pictures())
    steps = f"{last.step} step{'s' * (last.step != 1)} with {', '.join(weight_files)} in "
    took = f"{steps if last.steps > 1 else ''}{seconds['total']:.1f} s, compiling included"
    out.close(took + more_pixels(files, resized, request), facts)
    if isinstance(stopped, DivergedError):
        raise stopped
    return exit_code(stopped) if stopped else 0


def planned(method: Method, files: Files, request: Request) -> tuple[Method, Pictures]:
    """Return a method wrapped as is asked for, perhaps in tiles, and the pictures of a run.

    Where a photograph's own size is what is wanted and does not fit, it is made as large as fits.
    """
    out, budget, cls = request.output, request.budget, request.entry.load()
    in_tiles = partial(wrapped, method, request)
    limit, edge, full = limit_of(budget.memory), None, None
    while True:
        sized = partial(files.sized, cls, request.inputs, edge)
        shapes = jax.eval_shape(sized)
        longest = max(shapes.content.shape)
        try:
            least = plan.check_least(method, [shapes.content, *shapes.styles], limit)
            io.check_output(out.output, depth=out.depth or 8, quality=out.quality, side=longest)
            resized = sized().sharded() if budget.shard else sized()
            if not budget.memory and resized.content[..., 0].size < plan.WORTH and least < limit.bytes / 2:
                return in_tiles(budget.tile), resized
            fitting = plan.fitting(in_tiles, budget.tile, resized, limit)
        except plan.TooLargeError as error:
            if request.inputs.size or not cls.KEEPS_SIZE:
                raise
            edge = int(longest * min(error.share**0.5, 0.95))
            if edge < SMALLEST_EDGE:
                raise
            full = full or error.fact
            continue
        if full:
            print(f"{full} at full size: made at {edge} px (--size for another)", file=sys.stderr)
        return fitting.method, resized


def more_pixels(files: Files, resized: Pictures, request: Request) -> str:
    """Return what a closing line says of a result that has fewer pixels than the content, unasked."""
    full, shown = (f"{x.shape[1]}x{x.shape[0]}" for x in (files.content.image, resized.content))
    if request.inputs.size or request.entry.load().KEEPS_SIZE or full == shown:
        return ""
    return f"; {shown} px of {full} (--size original, or another number, gives more)"


def initial_image(path: Path, content: Image) -> Image:
    """Return the picture that a descent starts from, at the content's size; a pixel is lost to rounding."""
    image = io.read(path)
    (height, width), (rows, columns) = image.shape[:2], content.shape[:2]
    scale = max(rows, columns) / max(height, width)
    slack = max(scale, 1) * 0.5 + 0.5
    if abs(height * scale - rows) > slack or abs(width * scale - columns) > slack:
        has, wants = f"{width}x{height}", f"{columns}x{rows}"
        raise InputError(f"{path}: {has} px are not the content's proportions, {wants}: crop it")
    return resize(image, rows, columns)
