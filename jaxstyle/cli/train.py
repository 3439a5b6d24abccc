"""`jaxstyle train NAME`: train one of the recipes in a folder, or go on where it was stopped."""

import argparse
import dataclasses
import sys
from pathlib import Path

import jax

from jaxstyle import weights
from jaxstyle.cli.options import add_fields, count, documented, number
from jaxstyle.core import InputError

ENCODER = "vgg19-lite"
KINDS = {
    "levels": {"type": lambda text: tuple(map(count, text.split(","))), "metavar": "N,..."},
    "widths": {"type": lambda text: tuple(map(count, text.split(","))), "metavar": "N,..."},
}
NEEDS = 'training needs more packages: pip install "jaxstyle[train]"'


def recipes() -> dict[str, type]:
    """Return what can be trained, by name."""
    try:
        from jaxstyle import training
    except ImportError as error:
        raise InputError(f"{NEEDS} ({error})") from error
    return training.RECIPES


def add_train(commands) -> None:
    """Add the subcommand `train` and one for every recipe."""
    parser = commands.add_parser("train", help="train a network, or go on with it")
    names = parser.add_subparsers(required=True, metavar="NAME")
    for name, recipe in recipes().items():
        add_recipe(names, name, recipe)


def add_recipe(names, name: str, recipe: type) -> None:
    """Add the options of a recipe: those of every run, and its documented fields."""
    summary, _ = documented(recipe)
    parser = names.add_parser(name, help=summary, description=summary)
    parser.set_defaults(run=train, recipe=recipe)
    data = "folders of images, or datasets of tensorflow-datasets (coco/2017)"
    parser.add_argument("--data", nargs="+", required=True, metavar="DIR_OR_TFDS", help=data)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder of the run")
    parser.add_argument("--encoder", default=ENCODER, metavar="NAME", help=f"weights of the encoder ({ENCODER})")
    parser.add_argument("--steps", type=count, metavar="N", help="steps (two epochs)")
    defaults = recipe.DEFAULTS
    parser.add_argument("--batch-size", type=count, default=defaults["batch_size"], metavar="B")
    parser.add_argument("--size", type=count, default=defaults["size"], metavar="PX", help="of the crops")
    parser.add_argument("--learning-rate", type=number, default=defaults["learning_rate"], metavar="X")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--every", type=count, default=100, metavar="N", help="steps between checkpoints (100)")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of the networks")
    parser.add_argument("--parallel", choices=("jit", "pmap", "shard_map"), default="jit")
    add_fields(parser, recipe, KINDS)


def train(options: argparse.Namespace) -> int:
    """Train a recipe from files to a folder."""
    from jaxstyle.training.data import open_images
    from jaxstyle.training.run import Plan, run

    images = open_images(*options.data)
    sources = {"image": images}
    given = {field.name for field in dataclasses.fields(options.recipe)}
    changes = {k: v for k, v in vars(options).items() if k in given and k != "encoder" and v is not None}
    recipe = options.recipe(weights.load(options.encoder), **changes)
    options.steps = options.steps or 2 * len(images) // options.batch_size
    plan = Plan(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Plan)})
    options.output.mkdir(parents=True, exist_ok=True)
    facts = {"encoder": options.encoder, "data": [f"{Path(name).name} ({len(images)})" for name in options.data]}
    outcome = run(recipe, sources, options.output, plan, facts)
    done = f"{outcome.steps} of {plan.steps} steps, {outcome.speed:.3g} images/s"
    print(f"{options.output}: {done}, {outcome.waiting:.1%} of the time waiting for data", file=sys.stderr)
    return 128 + outcome.stopped if outcome.stopped else 0
