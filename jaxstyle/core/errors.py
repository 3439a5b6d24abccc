"""Errors that a user can mend."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """What the user gave cannot be used: one line that says what to do about it."""


class TooSmallError(InputError):
    """A picture of `size` pixels, rows and columns, has too few for a network."""

    def __init__(self, shape: tuple[int, ...], what: str, least: int):
        self.size = shape[:2]
        super().__init__(
            f"an image of {shape[1]}x{shape[0]} px is too small for {what}: it takes {least}x{least}"
        )


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a `name` that is not among the `known`, naming one that is near."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return InputError(f"unknown {kind} '{name}': {hint}there are {', '.join(names)}")
