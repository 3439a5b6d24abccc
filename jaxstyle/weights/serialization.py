"""Files of weights: safetensors, whose metadata say of which network they are."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as pack

from jaxstyle.core import InputError
from jaxstyle.weights.parameters import Tensors


def packed(tensors: Tensors, metadata: dict[str, str]) -> bytes:
    """Return the content of a safetensors file.

    Its writer for NumPy takes an array for C-contiguous whatever it is: of a view it writes other numbers.
    """
    return pack({name: np.asarray(array, order="C") for name, array in tensors.items()}, metadata)


def metadata_in(path: Path) -> dict[str, str]:
    """Return what a file says of itself."""
    with _opened(path) as file:
        return file.metadata() or {}


def tensors_in(path: Path) -> Tensors:
    """Return the tensors of a file, without SqueezeNet's classifier."""
    with _opened(path) as file:
        names = file.keys()
        return {name: _tensor(file, name, path) for name in names if not name.startswith("conv10.")}


def _tensor(file: Any, name: str, path: Path) -> np.ndarray:
    try:
        return file.get_tensor(name)
    except (AttributeError, SafetensorError):
        kind = file.get_slice(name).get_dtype()
        cure = "convert it to F32, F16 or BF16"
        raise InputError(f"{path}: {name} is of type {kind}, which NumPy has not: {cure}") from None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not os.path.isfile(path):
        raise InputError(f"{path}: there is no such file")
    try:
        with safe_open(path, "numpy") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    except SafetensorError as error:
        raise InputError(f"{path}: damaged, or no safetensors file of weights ({error})") from error


def config_in(metadata: dict[str, str], path: Path) -> dict[str, Any]:
    """Return the configuration of a trained network that a file's metadata hold."""
    try:
        return dict(json.loads(metadata.get("config", "{}")))
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: its metadata has no configuration that can be read ({error})") from error
