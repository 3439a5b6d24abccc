"""What the subcommands share: types of options, options from the documented fields of a dataclass."""

import argparse
import re
from collections.abc import Callable

from jaxstyle.methods.wct2 import PLACES
from jaxstyle.networks.unpooling import UNPOOLS

LARGEST = 3.4e38  # of 32 bits
LARGEST_SIDE = 10**6  # in pixels
SMALLEST_TILE = (
    16  # pixels: one of the deepest features; below, nearly all that a tile computes is its margin
)
LARGEST_SEED = 2**31 - 1  # of JAX without 64 bits


def number(text: str) -> float:
    """Parse a number that is not negative and finite in 32 bits."""
    value = float(text)
    if not 0 <= value <= LARGEST:
        raise argparse.ArgumentTypeError(f"'{text}' is not a finite number >= 0 (at most {LARGEST:g})")
    return value


def positive(text: str) -> float:
    """Parse a number above 0 that is not 0 in 32 bits."""
    value = number(text)
    if value < 1 / LARGEST:
        raise argparse.ArgumentTypeError(f"'{text}' is not above 0")
    return value


def share(text: str) -> float:
    """Parse a number from 0 to 1."""
    value = number(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 to 1")
    return value


def size(text: str) -> int | str:
    """Parse a number of pixels, or the word for no change."""
    return text if text == "original" else side(text)


def count(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number >= 1")
    return int(text)


def between(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers between two."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {least} to {most}")
        return int(text)

    return parse


seed = between(0, LARGEST_SEED)  # of random numbers
side = between(1, LARGEST_SIDE)  # of a picture, in pixels
tile = between(SMALLEST_TILE, LARGEST_SIDE)
quality = between(1, 100)


def layers(text: str) -> dict[str, float]:
    """Parse `NAME[=WEIGHT],...`."""
    pairs = (item.partition("=") for item in text.split(","))
    weights = {name.strip(): number(weight or "1") for name, _, weight in pairs}
    if not any(weights.values()):
        raise argparse.ArgumentTypeError(f"'{text}' has no weight above 0")
    return weights


def levels(text: str) -> tuple[int, ...]:
    """Parse `N,...`."""
    return tuple(map(count, text.split(",")))


def places(text: str) -> tuple[str, ...]:
    """Parse `PLACE,...` of WCT2."""
    chosen = tuple(text.split(","))
    for name in chosen:
        if name not in PLACES:
            raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(PLACES)}")
    return chosen


_COUNT = {"type": count, "metavar": "N"}
_LAYERS = {"type": layers, "metavar": "NAME[=W],..."}
FIELDS = {  # of methods and recipes, that are no numbers with a point
    **dict.fromkeys(("content_layers", "style_layers", "layers"), _LAYERS),
    **dict.fromkeys(("level", "matrix", "width", "patch", "rotations", "steps", "paint_steps"), _COUNT),
    **{name: {"type": levels, "metavar": "N,..."} for name in ("levels", "ranks", "widths")},
    "unpool": {"choices": UNPOOLS},
    "places": {"type": places, "metavar": "PLACE,..."},
    "seed": {"type": seed, "metavar": "N"},
    "alpha": {"type": share, "metavar": "X"},
    "encoder": {"metavar": "NAME"},
}


def documented(cls: type) -> tuple[str, dict[str, str]]:
    """Return the first line of a class's docstring, and the texts of its fields: lines "`name`: text"."""
    summary, _, rest = (cls.__doc__ or "").partition("\n")
    return summary, dict(re.findall(r"`(\w+)`: (.*)", rest))


def add_fields(parser: argparse.ArgumentParser, cls: type, kinds: dict[str, dict]) -> None:
    """Add an option for every documented field; `kinds` are the arguments of those that are no numbers."""
    for name, text in documented(cls)[1].items():
        default = getattr(cls, name, None)
        switch = isinstance(default, bool)
        given = kinds.get(
            name, {"action": "store_true", "default": None} if switch else {"type": number, "metavar": "X"}
        )
        text = f"{text} ({default:g})" if isinstance(default, int | float) and not switch else text
        parser.add_argument(f"--{name.replace('_', '-')}", help=text, **given)
