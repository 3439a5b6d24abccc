"""`jaxstyle train NAME`: Train a network in a folder, or go on where it was stopped."""

import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax
from cyclopts import App, Parameter

from jaxstyle import allocator, weights
from jaxstyle.cli.fields import HIDDEN, NEEDED, changed, chosen, command, field_options
from jaxstyle.cli.paths import check_not_read
from jaxstyle.core import InputError
from jaxstyle.image import io
from jaxstyle.image.resize import fit
from jaxstyle.options import Count, Side, one_of
from jaxstyle.training import RECIPES, Recipe
from jaxstyle.training.plan import Plan

MANY = Parameter(consume_multiple=True, metavar="DIR_OR_TFDS")
HOSTS = Parameter(consume_multiple=True, metavar="ADDRESS:PORT HOSTS INDEX")
NAME = Parameter(metavar="NAME")
app = App("train")


@dataclass(frozen=True, kw_only=True)
class Files:
    """What is read, and the folder that is written.

    Attributes:
        data: folders of images, or datasets of tensorflow-datasets (coco/2017)
        output: the folder of the run: made, or gone on with
        style: folders or datasets of styles
        style_size: long edge of the style (default: that of the crops)
        preset: a source's settings and encoder
        encoder: weights of the encoder
        start: weights, or a file of them, to begin with instead of random ones
        distributed: this is one of several hosts; SLURM, Kubernetes and TPU pods say which: else give three
    """

    data: Annotated[tuple[str, ...], NEEDED, MANY] = ()
    output: Annotated[Path, NEEDED, Parameter(alias="-o", metavar="DIR")] = Path()
    style: Annotated[Any, HIDDEN] = None
    style_size: Annotated[Side | None, HIDDEN] = None
    preset: Annotated[str | None, HIDDEN] = None
    encoder: Annotated[str, NAME, Parameter(show_default=False)] = ""
    start: Annotated[str | None, NAME] = None
    distributed: Annotated[list[str] | None, HOSTS] = None

    def named(self) -> dict[str, Any]:
        """Return what decides the result: names and hashes of what is read."""
        name = lambda path: io.printable(Path(path).name)
        facts: dict[str, Any] = {"encoder": self.encoder, "preset": self.preset}
        facts |= {"start": self.start and name(self.start), "data": [*map(name, self.data)]}
        if isinstance(self.style, Path):
            sha256 = weights.sha256(self.style)
            facts["style"] = {"file": name(self.style), "sha256": sha256, "size": self.style_size}
        elif self.style:
            facts["style"] = [*map(name, self.style)]
        found = {each: weights.find(known) for each in ("encoder", "start") if (known := getattr(self, each))}
        return facts | {f"{each}_sha256": weights.sha256(path) for each, path in found.items() if path}


def add(recipe: type[Recipe]) -> None:
    """Add the command of a recipe."""
    kinds: dict[str, Any] = {}
    if "style" in recipe.SOURCES:
        kinds["style"] = Annotated[tuple[str, ...], NEEDED, MANY]
    elif recipe.prepare is not Recipe.prepare:
        kinds["style"] = Annotated[Path, NEEDED, Parameter(help="the picture whose style it learns")]
        kinds["style_size"] = Annotated[Side | None, Parameter()]
    if recipe.PRESETS:
        kinds["preset"] = Annotated[str | None, one_of([*recipe.PRESETS])]
    files = changed(Files, **kinds)
    plan = changed(Plan, defaults=recipe.DEFAULTS | {"steps": None}, steps=Count | None)
    run = command(recipe.NAME, partial(train, recipe), files=files, plan=plan, options=field_options(recipe))
    run.help = (recipe.__doc__ or "").partition("\n")[0]
    app.command(run)


def recipe_of(recipe: type[Recipe], files: Files, size: int, options: dict[str, Any]) -> Recipe:
    """Return the recipe that is asked for, begun with crops of a size."""
    preset = getattr(recipe, files.preset) if files.preset else recipe
    start = weights.load(files.start) if files.start else None
    ready = preset(weights.load_encoder(files.encoder)).replace(start=start, **options)
    if isinstance(files.style, Path):
        ready = ready.prepare(fit(io.read(files.style), files.style_size or size))
    return ready


def train(kind: type[Recipe], arguments: list[str], files: Files, plan: Plan, options: Any) -> int:
    """Train a recipe from files to a folder."""
    try:
        from jaxstyle.training.data import open_images
        from jaxstyle.training.run import run
    except ImportError as error:
        raise InputError(f'training needs more packages: pip install "jaxstyle[train]" ({error})') from error
    styles = [files.style] if isinstance(files.style, Path) else files.style or []
    check_not_read(files.output, [*files.data, *styles])
    check_run_folder(files.output)
    allocator.keep()
    join(files.distributed)
    files = replace(files, encoder=files.encoder or kind.PRESETS.get(files.preset or "", kind.ENCODER))
    recipe = recipe_of(kind, files, plan.size, chosen(options))
    sources = {name: open_images(*(files.data, styles)[name == "style"]) for name in recipe.SOURCES}
    plan = replace(plan, steps=plan.steps or max(2 * len(sources["image"]) // plan.batch_size, 1))
    facts = files.named() | {"pictures": {name: len(images) for name, images in sources.items()}}
    outcome = run(recipe, sources, files.output, plan, facts)
    for images in sources.values():
        if images.skipped:
            print(f"skipped {len(images.skipped)} pictures: {', '.join(images.skipped)}", file=sys.stderr)
    done = f"{files.output}: {outcome.steps} of {plan.steps} steps, {outcome.speed:.3g} images/s"
    more = "; the same command goes on" if outcome.steps < plan.steps else ""
    print(f"{done}, {outcome.waiting:.1%} of the time waiting for data{more}", file=sys.stderr)
    return 128 + outcome.stopped if outcome.stopped else 0


def join(hosts: list[str] | None) -> None:
    """Become one of several hosts, before any device is used."""
    if hosts is None:
        return
    if len(hosts) not in (0, 3) or not all(item.isdecimal() for item in hosts[1:]):
        raise InputError("--distributed takes nothing, or ADDRESS:PORT HOSTS INDEX")
    address, count, index = (hosts[0], int(hosts[1]), int(hosts[2])) if hosts else (None, None, None)
    try:
        jax.distributed.initialize(address, count, index)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"--distributed: {str(error).partition(chr(10))[0]}") from error


def check_run_folder(folder: Path) -> None:
    """Raise `InputError` for a folder that a run cannot write to; the run makes it."""
    io.check_new_folder(folder)
    if (text := io.printable(folder.absolute())) != str(folder.absolute()):
        raise InputError(f"{text}: Orbax cannot write to a path that is not UTF-8; take another folder")


for each in RECIPES.values():
    add(each)
