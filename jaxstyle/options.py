"""Types of fields that can be read from text: how, what is refused, and what stands for it in the help.

    alpha: Share = 1.0                                       a field of a method is its option `--alpha`
    style_loss: Annotated[LayerLoss, one_of(LOSSES)]         a name stands for each

A field of any other type is no option. Its text is in the `Attributes:` of the class, or of one that it is
derived from. No JAX is imported here.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from cyclopts import Parameter

LARGEST = 3.4e38  # of 32 bits
LARGEST_SIDE = 10**6  # in pixels
LARGEST_SEED = 2**31 - 1  # of JAX without 64 bits
SMALLEST_TILE = 16  # pixels: one of the deepest features; below, nearly all of a tile is its margin
UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


def reading(parse: Callable[[str], Any], metavar: str, **more: Any) -> Parameter:
    """Return how an option of one word is read: the last one counts, `parse` raises `ValueError`."""
    converter = lambda kind, tokens: parse(tokens[-1].value)
    return Parameter(converter=converter, n_tokens=1, accepts_keys=False, metavar=metavar, **more)


def one_of(choices: Mapping[str, Any] | Iterable[str], more: Callable[[str], Any] | None = None) -> Parameter:
    """Read a name as what it stands for; `more` reads what is none of them."""
    table = choices if isinstance(choices, Mapping) else {name: name for name in choices}
    parse = lambda text: more(text) if more and text not in table else table[text]
    named = lambda value: next((n for n, each in table.items() if value == each or type(value) is each), None)
    metavar = "|".join((*table, "FILE")) if more else "NAME"
    return reading(parse, metavar, choices=None if more else tuple(table), show_default=named)


def some_of(names: tuple[str, ...]) -> Parameter:
    """Read some of several names, with commas between them."""

    def parse(text: str) -> tuple[str, ...]:
        if not {*text.split(",")} <= {*names}:
            raise ValueError(f"'{text}' are not all of {', '.join(names)}")
        return tuple(text.split(","))

    return reading(parse, "NAME,...")


def real(least: float, most: float, what: str) -> Callable[[str], float]:
    """Return a reader of numbers between two."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise ValueError(f"'{text}' is not {what}")
        return value

    return parse


def integer(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers, between two if there is a largest."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= (most or int(text)):
            raise ValueError(
                f"'{text}' is not a whole number {f'from {least} to {most}' if most else f'>= {least}'}"
            )
        return int(text)

    return parse


number = real(0, LARGEST, f"a finite number >= 0 (at most {LARGEST:g})")
count, side = integer(1), integer(1, LARGEST_SIDE)


def layers(text: str) -> dict[str, float]:
    """Read `NAME[=WEIGHT],...`."""
    pairs = (item.partition("=") for item in text.split(","))
    weights = {name.strip(): number(weight or "1") for name, _, weight in pairs}
    if not any(weights.values()):
        raise ValueError(f"'{text}' has no weight above 0")
    return weights


def memory(text: str) -> float:
    """Read `4GB`, `800MB`, ... as bytes."""
    found = re.fullmatch(r"(\d+\.?\d*) *(kb|mb|gb|tb)", text.strip().lower())
    if not found or not float(found[1]):
        raise ValueError(f"'{text}' is no size of memory like 4GB or 800MB")
    return float(found[1]) * UNITS[found[2]]


Number = Annotated[float, reading(number, "X")]
Positive = Annotated[float, reading(real(1 / LARGEST, LARGEST, "above 0, and finite"), "X")]
Share = Annotated[float, reading(real(0, 1, "a number from 0 to 1"), "X")]
Count = Annotated[int, reading(count, "N")]
Seed = Annotated[int, reading(integer(0, LARGEST_SEED), "N")]
Percent = Annotated[int, reading(integer(1, 100), "N")]
Side = Annotated[int, reading(side, "PX")]
Size = Annotated[int | str, reading(lambda text: text if text == "original" else side(text), "PX")]
Tile = Annotated[int, reading(integer(SMALLEST_TILE, LARGEST_SIDE), "PX")]
Layers = Annotated[dict[str, float], reading(layers, "NAME[=W],...")]
Levels = Annotated[tuple[int, ...], reading(lambda text: tuple(map(count, text.split(","))), "N,...")]
Steps = Annotated[tuple[int, ...], reading(lambda text: tuple(map(integer(0), text.split(","))), "N,...")]
Memory = Annotated[float, reading(memory, "SIZE")]
Switch = Annotated[bool, Parameter(show_default=False)]
