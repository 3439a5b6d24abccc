"""The files of a command: no two that it writes are one, and none takes the place of what it reads."""

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from jaxstyle.core import InputError
from jaxstyle.image import io

CURE = "take another name"


def check_apart(written: dict[str, Path | None]) -> None:
    """Raise `InputError` where two of what is written, by option, are one, or one lies in the other."""
    places = [(option, path) for option, path in written.items() if path]
    for (option, path), (other, place) in combinations(places, 2):
        if _holds(path, place) or _holds(place, path):
            raise InputError(f"{place}: {option} and {other} would be in one place; {CURE}")


def check_not_read(path: Path | None, read: Iterable[Path | str | None], cure: str = CURE) -> None:
    """Raise `InputError` where what is written would take the place of what is read."""
    for source in filter(None, read):
        if path and _holds(path, source):
            what = "is what is read" if io.same_file(path, source) else f"{source} is read"
            raise InputError(f"{path}: {what}; {cure}")


def _holds(path: Path, other: Path | str) -> bool:
    """Tell whether two names are of one file, or the other's lies in the folder of the first."""
    return io.same_file(path, other) or path.resolve() in Path(other).resolve().parents
