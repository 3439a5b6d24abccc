"""`jaxstyle train NAME`: Train a network in a folder, or go on where it was stopped."""

import argparse
import dataclasses
import sys
from pathlib import Path

import jax

from jaxstyle import allocator, weights
from jaxstyle.cli.options import FIELDS, add_fields, count, documented, positive, seed, side
from jaxstyle.cli.parser import others
from jaxstyle.cli.paths import check_not_read
from jaxstyle.core import InputError
from jaxstyle.image import io
from jaxstyle.image.resize import fit
from jaxstyle.training import RECIPES, Recipe


def add(commands) -> None:
    """Add the subcommand `train` and one for every recipe."""
    parser = commands.add_parser("train", description=others()["train"])
    names = parser.add_subparsers(required=True, metavar="NAME")
    for name, recipe in RECIPES.items():
        add_recipe(names, name, recipe)


def add_recipe(names, name: str, recipe) -> None:
    """Add the options of a recipe: those of every run, and its documented fields."""
    summary, _ = documented(recipe)
    parser = names.add_parser(name, description=summary)
    parser.set_defaults(run=train, recipe=recipe, style=None, preset=None, **recipe.DEFAULTS)
    add = parser.add_argument
    data = "folders of images, or datasets of tensorflow-datasets (coco/2017)"
    add("--data", nargs="+", required=True, metavar="DIR_OR_TFDS", help=data)
    folder = "the folder of the run: made, or gone on with"
    add("--output", type=Path, required=True, metavar="DIR", help=folder)
    if "style" in recipe.SOURCES:
        add("--style", nargs="+", required=True, metavar="DIR_OR_TFDS", help="the same, of styles")
    elif recipe.prepare is not Recipe.prepare:
        add("--style", type=Path, required=True, metavar="FILE", help="the picture whose style it learns")
        add("--style-size", type=side, metavar="PX", help="long edge of the style (that of the crops)")
    if recipe.PRESETS:
        add("--preset", choices=recipe.PRESETS, help="a source's settings and encoder")
    add("--encoder", metavar="NAME", help=f"weights of the encoder ({recipe.ENCODER})")
    add("--start", metavar="NAME", help="weights, or a file of them, to begin with instead of random ones")
    for option, kind, text in (
        ("steps", count, "steps in all (two epochs)"),
        ("batch-size", count, f"examples a step, of all devices together ({recipe.DEFAULTS['batch_size']})"),
        ("size", side, f"pixels a side of an example, a random crop ({recipe.DEFAULTS['size']})"),
        ("learning-rate", positive, f"of Adam ({recipe.DEFAULTS['learning_rate']:g})"),
    ):
        add(f"--{option}", type=kind, metavar="X" if kind is positive else "N", help=text)
    seeded = "of the first parameters, and of the order and crops"
    add("--seed", type=seed, default=0, metavar="N", help=seeded)
    add("--every", type=count, default=100, metavar="N", help="steps from checkpoint to checkpoint (100)")
    add("--precision", choices=("float32", "bfloat16"), default="float32", help="of the networks (float32)")
    ways = "how devices share a step; the result is the same (jit)"
    add("--parallel", choices=("jit", "pmap", "shard_map"), default="jit", help=ways)
    hosts = "this is one of several hosts; SLURM, Kubernetes and TPU pods say which: else give all three"
    add("--distributed", nargs="*", metavar="ADDRESS:PORT HOSTS INDEX", help=hosts)
    add_fields(parser, recipe, FIELDS)


def recipe_of(options: argparse.Namespace) -> Recipe:
    """Return the recipe that the options ask for."""
    encoder = weights.load_encoder(options.encoder)
    recipe = (getattr(options.recipe, options.preset) if options.preset else options.recipe)(encoder)
    names = {field.name for field in dataclasses.fields(recipe)} - {"encoder", "start"}
    changes = {name: value for name, value in vars(options).items() if name in names and value is not None}
    start = weights.load(options.start) if options.start else None
    recipe = recipe.replace(start=start, **changes)
    if isinstance(options.style, Path):
        style = fit(io.read(options.style), options.style_size or options.size)
        recipe = recipe.prepare(style)
    return recipe


def facts_of(options: argparse.Namespace, sources: dict) -> dict:
    """Return what decides the result beside the plan and the recipe: names and hashes of what is read."""
    facts = {"encoder": options.encoder, "preset": options.preset}
    facts["start"] = options.start and io.printable(Path(options.start).name)
    for name, given in {"data": options.data, "style": options.style}.items():
        if isinstance(given, list):
            facts[name] = [io.printable(Path(item).name) for item in given]
        elif given:
            facts[name] = {
                "file": io.printable(given.name),
                "sha256": weights.sha256(given),
                "size": options.style_size,
            }
    facts["pictures"] = {name: len(images) for name, images in sources.items()}
    files = {name: weights.find(given) for name in ("encoder", "start") if (given := getattr(options, name))}
    return facts | {f"{name}_sha256": weights.sha256(path) for name, path in files.items() if path}


def train(options: argparse.Namespace) -> int:
    """Train a recipe from files to a folder."""
    try:
        from jaxstyle.training.data import open_images
        from jaxstyle.training.run import Plan, run
    except ImportError as error:
        raise InputError(f'training needs more packages: pip install "jaxstyle[train]" ({error})') from error
    for given in (options.data, options.style):
        check_not_read(options.output, given if isinstance(given, list) else [given])
    check_run_folder(options.output)
    allocator.keep()
    join(options.distributed)
    options.encoder = options.encoder or options.recipe.PRESETS.get(options.preset, options.recipe.ENCODER)
    recipe = recipe_of(options)
    given = {"image": options.data, "style": options.style}
    sources = {name: open_images(*given[name]) for name in recipe.SOURCES}
    options.steps = options.steps or max(2 * len(sources["image"]) // options.batch_size, 1)
    plan = Plan(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Plan)})
    outcome = run(recipe, sources, options.output, plan, facts_of(options, sources))
    for images in sources.values():
        if images.skipped:
            print(f"skipped {len(images.skipped)} pictures: {', '.join(images.skipped)}", file=sys.stderr)
    done = f"{outcome.steps} of {plan.steps} steps, {outcome.speed:.3g} images/s"
    more = "; the same command goes on" if outcome.steps < plan.steps else ""
    print(
        f"{options.output}: {done}, {outcome.waiting:.1%} of the time waiting for data{more}", file=sys.stderr
    )
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
