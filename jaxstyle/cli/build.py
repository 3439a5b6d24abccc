"""From the options of a command to the method that they ask for, wrapped as they ask for."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from jaxstyle import weights
from jaxstyle.cli import provenance
from jaxstyle.core import InputError, Method, unknown_name
from jaxstyle.methods.descent import STARTS
from jaxstyle.methods.gatys import LOSSES
from jaxstyle.methods.pyramid import Pyramid
from jaxstyle.optimizers import OPTIMIZERS, Own
from jaxstyle.smoothing import SMOOTHERS
from jaxstyle.tiling import Tiled
from jaxstyle.transforms.covariance import WHITENINGS
from jaxstyle.wrappers import Smoothed
from jaxstyle.wrappers.color import KEEPERS

DEFAULT_ENCODER = "vgg19-lite"
TABLES = {  # of fields chosen by name
    "optimizer": OPTIMIZERS,
    "smooth": SMOOTHERS,
    "style_loss": LOSSES,
    "whitening": WHITENINGS,
}


def starts_of(method: type[Method]) -> list[str]:
    """Return the names of the first images that a method can start from; without a style, not from one."""
    return [*STARTS] if method.NEEDS_STYLE else ["content", "noise"]


def fields(method: type[Method]) -> dict[str, Any]:
    """Return the fields of a method and their types."""
    return {field.name: field.type for field in dataclasses.fields(method)}  # pyright: ignore


def build(options: argparse.Namespace) -> tuple[Method, dict]:
    """Return the method that the options ask for, and the files of its weights."""
    kinds, files = fields(options.method), {}
    presets = getattr(options.method, "PRESETS", {})
    if options.preset is not None and options.preset not in presets:
        raise unknown_name("preset", options.preset, presets)
    made, encoder = {}, options.encoder
    if "network" in kinds:
        made["network"] = network(options.weights, options.method, kinds["network"])
        files[Path(options.weights).name] = provenance.fingerprint(weights.find(options.weights))
        encoder = encoder or weights.metadata(options.weights).get("encoder", DEFAULT_ENCODER)
    if "encoder" in kinds:
        encoder = encoder or presets.get(options.preset, DEFAULT_ENCODER)
        made["encoder"] = weights.load_encoder(encoder)
        files[encoder] = provenance.fingerprint(weights.find(encoder))
    constructor = getattr(options.method, options.preset) if options.preset else options.method
    method = constructor(**made)
    given = {key: value for key, value in vars(options).items() if value is not None and key in kinds}
    changes = {key: TABLES[key][value] if key in TABLES else value for key, value in given.items()}
    changes = {key: value for key, value in changes.items() if key not in ("encoder", "optimizer", "init")}
    if options.init in starts_of(options.method):
        changes["init"] = STARTS[options.init]
    if "optimizer" in kinds:
        changes |= optimizer(method.optimizer, options)  # pyright: ignore
    method = dataclasses.replace(method, **changes)  # pyright: ignore
    numbers = {name: getattr(method, name) for name in kinds if name.endswith("_weight")}
    if "style_weight" in numbers and not any(numbers.values()):
        shown = ", ".join(f"--{name.replace('_', '-')}" for name in numbers)
        raise InputError(f"{shown} are all 0: give one above 0")
    return method, files


def check_draws(method: Method, options: argparse.Namespace) -> None:
    """Refuse a seed where a method draws no random numbers."""
    if not method.draws or (options.init and options.init not in STARTS):
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


def optimizer(default: Own, options: argparse.Namespace) -> dict[str, Any]:
    """Return the optimiser that the options ask for, and its number of steps if it is not the default's."""
    chosen, changes = default, {}
    if options.optimizer and not isinstance(default, OPTIMIZERS[options.optimizer]):
        chosen = OPTIMIZERS[options.optimizer]()
        changes["steps"] = options.steps or chosen.STEPS
    name = next(name for name, kind in OPTIMIZERS.items() if type(chosen) is kind)
    numbers = {"learning_rate": options.learning_rate, "memory": options.pairs}
    numbers = {key: value for key, value in numbers.items() if value is not None}
    if "learning_rate" in numbers and not hasattr(chosen, "learning_rate"):
        raise InputError(f"optimizer {name} searches its step length: leave out --learning-rate")
    if "memory" in numbers and not hasattr(chosen, "memory"):
        raise InputError(f"optimizer {name} remembers no pairs: leave out --pairs")
    return changes | {"optimizer": dataclasses.replace(chosen, **numbers)}  # pyright: ignore


def wrapped(method: Method, options: argparse.Namespace, tile: int | None) -> Method:
    """Return a method with what the options wrap it in: coarser sizes, tiles, colours kept, smoothing."""
    if options.pyramid:
        method = Pyramid(method, options.pyramid)  # pyright: ignore
    if tile:
        method = Tiled(method, tile)
    if options.keep_color:
        method = KEEPERS[options.keep_color](method)  # pyright: ignore
    if options.smooth and "smooth" not in fields(options.method):
        method = Smoothed(method, SMOOTHERS[options.smooth])
    return method
