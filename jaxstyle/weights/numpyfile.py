"""Read the arrays of a pickle of nested dictionaries, without running it.

An array is a call `_reconstruct(ndarray, (0,), b"b")` with the state `(1, shape, dtype, by columns, bytes)`,
a dtype a call `dtype("f4", False, True)` with the state `(3, "<", ...)`, whose second item is the byte
order. `pickles.py` interprets it; a pickle that has anything but such arrays of floats is refused.

Conventions: nested names are joined by "."; arrays are C-contiguous copies in native byte order.
"""

import io
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from jaxstyle.core import InputError
from jaxstyle.weights.pickles import MAX_AXES, MAX_COUNT, Dialect, interpret, prefixed_errors, walk

_RECONSTRUCT = tuple(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core"))


class _Kind:
    """The record of a dtype: its letters, and the byte order that its state gives."""

    def __init__(self, letters: str):
        self.letters, self.order = letters, ""


class _Array:
    """The record of an array; its state gives the numbers."""

    numbers: np.ndarray | None = None


class _Arrays(Dialect):
    kind, content = "pickle of arrays", "NumPy arrays"
    permitted = frozenset({*_RECONSTRUCT, "numpy.ndarray", "numpy.dtype"})

    def call(self, function: Any, arguments: Any) -> _Kind | _Array:
        match function, arguments:
            case "numpy.dtype", ("f2" | "f4" | "f8" as letters, False, True):
                return _Kind(letters)
            case _, ("numpy.ndarray", (0,), b"b") if function in _RECONSTRUCT:
                return _Array()
        raise InputError("describes an array in a way that is not understood")

    def build(self, target: Any, state: Any) -> None:
        match target, state:
            case _Kind(), (3, "<" | ">" as order, None, None, None, -1, -1, 0):
                target.order = order
            case _Array(), (1, tuple(shape), _Kind() as kind, bool(columns), bytes(data)):
                target.numbers = _numbers(shape, kind, "F" if columns else "C", data)
            case _:
                raise InputError("describes an array in a way that is not understood")


def _numbers(shape: tuple, kind: _Kind, order: str, data: bytes) -> np.ndarray:
    sane = len(shape) <= MAX_AXES and all(type(size) is int and 0 <= size < MAX_COUNT for size in shape)
    dtype = np.dtype(kind.order + kind.letters)
    if not sane or math.prod(shape) * dtype.itemsize != len(data):
        raise InputError("is damaged: an array has another size than its shape says")
    view = np.ndarray(shape, dtype, data, order=order)  # pyright: ignore
    return np.array(view, dtype.newbyteorder("="), order="C")


def read(path: str | os.PathLike[str], name: object = None) -> dict[str, np.ndarray]:
    """Read a pickle of nested dictionaries of arrays into a flat one.

    Raises InputError, one line that names the file, by `name` if there is one, if it is missing or
    damaged, or has or asks for anything but arrays of floats.
    """
    with prefixed_errors(name or path, _Arrays):
        data = Path(path).read_bytes()
        return _flat(interpret(io.BytesIO(data), _Arrays()), allowance=len(data) + 2**20)


def _flat(root: Any, allowance: int) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for path, node in walk(root, allowance):
        if isinstance(node, _Array) and node.numbers is not None:
            if (name := ".".join(path)) in found:
                raise InputError("gives two arrays the same name")
            found[name] = node.numbers
        elif not isinstance(node, dict):
            raise InputError("holds something else than NumPy arrays in dictionaries")
    return found
