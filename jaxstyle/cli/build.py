"""From what a command is given to the method that it asks for, wrapped as it asks for."""

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

from jaxstyle import weights
from jaxstyle.cli import provenance
from jaxstyle.cli.request import Request
from jaxstyle.core import Encoder, InputError, Method
from jaxstyle.methods.table import Entry
from jaxstyle.optimizers import OPTIMIZERS, PytreeOptimizer
from jaxstyle.smoothing import SMOOTHERS
from jaxstyle.tiling import Tiled
from jaxstyle.wrappers import Refined, Smoothed
from jaxstyle.wrappers.color import KEEPERS
from jaxstyle.wrappers.refine import refinement

DEFAULT_ENCODER = "vgg19-lite"


def types(method: type[Method]) -> dict[str, Any]:
    """Return the fields of a method and their types."""
    return {field.name: field.type for field in dataclasses.fields(method)}  # pyright: ignore


def build(entry: Entry, settings: dict[str, Any], refine: int | None = None) -> tuple[Method, dict]:
    """Return a method as its own options ask for it, perhaps refined, and the files of its weights."""
    cls = entry.load()
    kinds, presets = types(cls), getattr(cls, "PRESETS", {})
    networks, files, encoder = {}, {}, settings.get("encoder")

    @cache
    def load_encoder(name: str) -> Encoder:
        files[name] = provenance.fingerprint(weights.find(name))
        return weights.load_encoder(name)

    if "network" in kinds:
        name: Any = settings.get("weights") or entry.weights
        networks["network"] = network(name, cls, kinds["network"])
        files[Path(name).name] = provenance.fingerprint(weights.find(name))
        encoder = encoder or weights.metadata(name).get("encoder", DEFAULT_ENCODER)
    if "encoder" in kinds:
        encoder = encoder or presets.get(settings.get("preset"), DEFAULT_ENCODER)
        networks["encoder"] = load_encoder(encoder)
    method = getattr(cls, settings["preset"])(**networks) if "preset" in settings else cls(**networks)
    files_or_made = lambda name, value: name in ("encoder", "optimizer") or isinstance(value, Path)
    changes = {name: v for name, v in settings.items() if name in kinds and not files_or_made(name, v)}
    if "optimizer" in kinds:
        changes |= optimizer(method.optimizer, settings)  # pyright: ignore
    method = dataclasses.replace(method, **changes)  # pyright: ignore
    numbers = {name: getattr(method, name) for name in kinds if name.endswith("_weight")}
    if "style_weight" in numbers and not any(numbers.values()):
        shown = ", ".join(f"--{name.replace('_', '-')}" for name in numbers)
        raise InputError(f"{shown} are all 0: give one above 0")
    if refine:
        method = Refined(method, refinement(load_encoder(DEFAULT_ENCODER), refine))
    return method, files


def check_draws(method: Method, request: Request) -> None:
    """Refuse a seed where a method draws no random numbers."""
    if not method.draws or request.initial:
        raise InputError(
            f"{request.name} draws nothing at random here: leave out the seed, or add --init noise"
        )


def network(name: str, method: type[Method], kind: type) -> Any:
    """Return a trained network, sure to be of a kind."""
    found = weights.load(name)
    if not isinstance(found, kind):
        wanted, has = kind.__name__, type(found).__name__
        raise InputError(f"{name}: holds a {has}; {method.__name__} needs a {wanted}")
    return found


def optimizer(default: PytreeOptimizer, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the optimiser that the options ask for, and its number of steps if it is not the default's."""
    chosen, changes = default, {}
    kind = settings.get("optimizer", type(default))
    if type(default) is not kind:
        chosen = kind()
        changes["steps"] = settings.get("steps", kind.STEPS)
    name = next(name for name, kind in OPTIMIZERS.items() if type(chosen) is kind)
    numbers = {"learning_rate": settings.get("learning_rate"), "memory": settings.get("pairs")}
    numbers = {key: value for key, value in numbers.items() if value is not None}
    if "learning_rate" in numbers and not hasattr(chosen, "learning_rate"):
        raise InputError(f"optimizer {name} searches its step length: leave out --learning-rate")
    if "memory" in numbers and not hasattr(chosen, "memory"):
        raise InputError(f"optimizer {name} remembers no pairs: leave out --pairs")
    return changes | {"optimizer": dataclasses.replace(chosen, **numbers)}  # pyright: ignore


def wrapped(method: Method, request: Request, tile: int | None) -> Method:
    """Return a method with what it is wrapped in: tiles, colours kept, smoothing."""
    wrappers = request.wrappers
    if tile:
        method = Tiled(method, tile)
    if wrappers.keep_color:
        method = KEEPERS[wrappers.keep_color](method)  # pyright: ignore
    return Smoothed(method, SMOOTHERS[wrappers.smooth]) if wrappers.smooth else method
