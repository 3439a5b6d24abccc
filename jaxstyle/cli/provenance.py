"""How a picture was made: written beside it and into it; enough to make it again (`verify.py`)."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from jaxstyle import fingerprint as fingerprints
from jaxstyle import weights
from jaxstyle.cli.request import Request
from jaxstyle.core import InputError, Method
from jaxstyle.image import io

PACKAGES = ("jaxstyle", "jax", "jaxlib", "flax", "optax", "numpy", "pillow")
SUFFIX = ".provenance.json"


def fingerprint(path: Path | None) -> dict[str, str] | None:
    """Return the name and the hash of a file."""
    return {"file": path.name, "sha256": weights.sha256(path)} if path else None


def pixels(image: ArrayLike, depth: int = 8) -> str:
    """Return the hash of an image as a file of 8 or 16 bits a channel keeps it."""
    samples = io.to_bytes(image) if depth == 8 else io.quantized(image, depth)
    return hashlib.sha256(samples.tobytes()).hexdigest()


@cache
def circumstances() -> dict[str, Any]:
    """Return what a run depends on beside its inputs: device, versions, commit, flags."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:  # a machine without git
        commit = ""
    return {
        "device": f"{jax.devices()[0].platform} {jax.devices()[0].device_kind}",
        "versions": {name: version(name) for name in PACKAGES},
        "commit": commit or None,
        "flags": os.environ.get("XLA_FLAGS", ""),
    }


def beside(picture: Path) -> Path:
    """Return where the provenance of a picture lies."""
    return picture.with_name(picture.name + SUFFIX)


def files_read(request: Request) -> dict[str, Any]:
    """Return the names and the hashes of the files that are read, by what they are."""
    prints = lambda found: [*map(fingerprint, found)] if isinstance(found, list) else fingerprint(found)
    return {name: prints(found) for name, found in request.read().items()}


def identity(method: Method | list[Method]) -> dict[str, str]:
    """Return what tells a method from another: its text, and the hash of all its numbers."""
    return {"method": repr(method), "fingerprint": fingerprints.fingerprint(method)}


def write(
    request: Request,
    method: dict[str, str],
    image: ArrayLike,
    seconds: dict,
    save: Callable,
    depth: int = 8,
    **more: Any,
) -> dict[str, Any]:
    """Let `save` write the image to the output; write how it was made beside it, and into a PNG; return that.

    `method` is its `identity`. What lies beside the image holds the hash of the file, too.
    """
    chosen = {"mix": request.inputs.mix, "keep_color": request.wrappers.keep_color}
    chosen["photograph"] = request.photograph and str(request.photograph)
    facts = {
        "command": request.name,
        "arguments": request.arguments,
        "options": request.asked(),
        **method,
        **more,
        **files_read(request),
        **{name: value for name, value in chosen.items() if value},
        "size": list(np.shape(image)[1::-1]),
        "pixels": pixels(image, depth),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        **circumstances(),
    }
    output = request.output.output
    save(output, image, json.dumps(facts, indent=1))
    text = json.dumps(facts | {"sha256": weights.sha256(output)}, indent=1)
    io.replace(beside(output), lambda path: path.write_text(text + "\n"))
    return facts


def facts_of(path: Path) -> dict[str, Any]:
    """Read a provenance; raise `InputError` for a file that is none, or of what cannot be made again."""
    try:
        facts = json.loads(path.read_text("utf-8"))
        _check(facts)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: no provenance of a picture ({error})") from None
    done, planned = facts.get("steps"), facts.get("of_steps")
    if done != planned and planned is not None:
        raise InputError(f"{path}: stopped after {done} of {planned} steps; only a whole run is made again")
    return facts


def _check(facts: Any) -> None:
    """Raise `ValueError` unless facts say how a picture was made, and which bits it has."""
    texts = lambda every: all(isinstance(text, str) for text in every)
    if not isinstance(facts, dict) or not {"command", "arguments"} <= facts.keys():
        raise ValueError("it does not say how to make it again")
    command, arguments = facts["command"], facts["arguments"]
    if not isinstance(command, str) or not isinstance(arguments, list) or not texts(arguments):
        raise ValueError("its command is no text, or its arguments are no list of texts")
    pictures = pictures_of(facts)
    if not isinstance(pictures, dict) or not pictures or not texts(pictures.values()):
        raise ValueError("it does not say which pixels there were")


def pictures_of(facts: dict[str, Any]) -> Any:
    """Return the hashes of the pixels by picture."""
    return facts.get("pictures") or {"the picture": facts.get("pixels")}
