"""`jaxstyle verify`: Make a picture again from its provenance, and compare the bits.

The same command runs in the current folder, which is to be the one it ran in, but writes all that it writes
to a temporary one: nothing that is there is touched, no checkpoint is gone on with. The same seed on the same
device is to give the same bits; another device, other versions, flags or files may not, and are said.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from jaxstyle import cli
from jaxstyle.cli.parser import others
from jaxstyle.cli.provenance import beside, circumstances
from jaxstyle.cli.run import Terminated, exit_code
from jaxstyle.core import InputError
from jaxstyle.image import io
from jaxstyle.methods import METHODS

WRITTEN = ("output", "frames", "history", "checkpoint")  # the options of all that a command writes
FILES = ("content", "style", "content_mask", "style_mask", "init", "weights")


def add(commands) -> None:
    """Add the subcommand `verify`."""
    parser = commands.add_parser("verify", description=others()["verify"])
    parser.set_defaults(run=run)
    parser.add_argument(
        "provenance", type=Path, help="a picture with its PICTURE.provenance.json beside it, or such a file"
    )


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
    if not isinstance(facts["command"], str) or not isinstance(facts["arguments"], list):
        raise ValueError("its command is no text, or its arguments are no list")
    if not texts(facts["arguments"]):
        raise ValueError("its arguments are not all text")
    pictures = _pictures(facts)
    if not isinstance(pictures, dict) or not pictures or not texts(pictures.values()):
        raise ValueError("it does not say which pixels there were")


def _pictures(facts: dict[str, Any]) -> Any:
    """Return the hashes of the pixels by picture."""
    return facts.get("pictures") or {"the picture": facts.get("pixels")}


def again(facts: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Do what the provenance says, all that is written into a folder; return the new provenance."""
    command, arguments = facts["command"], facts["arguments"]
    if re.fullmatch(r"experiments(\.\w+)+", command):
        return _artefact(command, arguments, folder)
    options = _parsed(command, arguments)
    for name in WRITTEN:
        if given := getattr(options, name):
            setattr(options, name, folder / f"{name}{given.suffix}")
    try:
        code = options.run(options)
    except InputError as error:
        raise InputError(f"cannot be made again in {Path.cwd()}: {error}") from None
    if code:
        raise Terminated if code == exit_code(Terminated()) else KeyboardInterrupt
    return facts_of(beside(options.output))


def _parsed(command: str, arguments: list[str]) -> argparse.Namespace:
    """Return the options of a method or a sweep of it, as its own parser understands them."""
    if arguments[:1] not in (["sweep"], [command]) or command not in METHODS:
        raise InputError(f"{command!a} is no command that makes a picture with a provenance")
    try:
        return cli.parse(arguments)
    except SystemExit as stop:
        if stop.code:  # it has been said why
            raise
        raise InputError(f"cannot be made again: {' '.join(arguments)} makes no picture") from None


def _artefact(command: str, arguments: list[str], folder: Path) -> dict[str, Any]:
    """Do the same for an artefact, a program of its own, which has one such option; the last one counts."""
    program = [sys.executable, "-m", command, *arguments, "--out", str(folder)]
    if subprocess.run(program, stdout=subprocess.DEVNULL, check=False).returncode:
        raise InputError(f"cannot be made again: `{' '.join(program[1:])}` failed in {Path.cwd()}")
    return facts_of(folder / "provenance.json")


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what is not as it was: device, versions, flags, and the files that were read."""
    names = [*circumstances(), *FILES]
    return [
        f"{name} was {old.get(name)}, is {new.get(name)}" for name in names if old.get(name) != new.get(name)
    ]


def run(options: argparse.Namespace) -> int:
    """Make it again; return 0 if every picture has the same bits, else 1."""
    path = options.provenance
    old = facts_of(beside(path) if path.suffix.lower() in io.SUFFIXES else path)
    with tempfile.TemporaryDirectory() as folder:
        new = again(old, Path(folder))
    for line in differences(old, new):
        print(line, file=sys.stderr)
    was, has = _pictures(old), _pictures(new)
    for name, pixels in was.items():
        verdict = "the same bits" if has.get(name) == pixels else "differs"
        print(f"{name.encode(errors='backslashreplace').decode()}: {verdict}")
    return int(was != has)
