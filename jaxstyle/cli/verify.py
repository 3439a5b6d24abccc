"""`jaxstyle verify`: Make a picture again from its provenance, and compare the bits.

The file beside the provenance is to be the one that was written; what is made again is to have its pixels.
The same command runs in the current folder, which is to be the one it ran in, but writes all that it writes
to a temporary one: nothing that is there is touched, no checkpoint is gone on with. The same seed on the same
device is to give the same bits; another device, other versions, flags or files may not, and are said.
"""

import re
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path
from typing import Any

from cyclopts import App

from jaxstyle import cli
from jaxstyle.cli.folder import result_of
from jaxstyle.cli.pipes import PIPE, UserNames
from jaxstyle.cli.provenance import SUFFIX, beside, circumstances, facts_of, pictures_of
from jaxstyle.cli.run import Terminated, exit_code
from jaxstyle.core import InputError
from jaxstyle.image import io
from jaxstyle.methods.table import TABLE
from jaxstyle.weights import sha256

WRITTEN = ("output", "frames", "history", "checkpoint")  # the options of all that a command writes
app = App("verify")
FILES = ("content", "style", "content_mask", "style_mask", "init", "weights")


def again(facts: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Do what the provenance says, all that is written into a folder; return the new provenance."""
    command, arguments = facts["command"], facts["arguments"]
    if re.fullmatch(r"experiments(\.\w+)+", command):
        return _artefact(command, arguments, folder)
    call = _parsed(command, arguments)
    if photograph := facts.get("photograph"):
        _one_of_a_folder(command, call, Path(photograph))
    names, asked = UserNames(sys.stderr), call.bound.arguments["output"]
    places = {}
    for name in WRITTEN:
        if path := getattr(asked, name):
            places[name] = folder / f"{name}{path.suffix}"
            names.by_place[str(places[name])] = str(path)
    call.bound.arguments["output"] = replace(asked, **places, json=False)
    try:
        with redirect_stderr(names):  # pyright: ignore
            code = call()
    except InputError as error:
        raise InputError(f"cannot be made again in {Path.cwd()}: {names.of(str(error))}") from None
    if code:
        raise Terminated if code == exit_code(Terminated()) else KeyboardInterrupt
    return facts_of(beside(places["output"]))


def _parsed(command: str, arguments: list[str]) -> cli.Call:
    """Return the call of a method, a sweep of it or a comparison, as the command understands it."""
    if arguments[:1] not in (["sweep"], [command]) or command not in (*TABLE, "compare"):
        raise InputError(f"{command!a} is no command that makes a picture with a provenance")
    call = cli.parse(arguments)
    if not call.runs:
        raise InputError(f"cannot be made again: {' '.join(arguments)} makes no picture")
    if PIPE in call.bound.arguments["inputs"].pictures:
        raise InputError("cannot be made again: its photograph came from stdin")
    return call


def _one_of_a_folder(command: str, call: cli.Call, photograph: Path) -> None:
    """Change a call for many photographs into one for one of them."""
    inputs, output = (call.bound.arguments[name] for name in ("inputs", "output"))
    inputs = inputs.resolved(TABLE[command].needs_style)
    call.bound.arguments["inputs"] = replace(inputs, pictures=(photograph,))
    call.bound.arguments["output"] = replace(
        output, output=result_of(photograph, output.output), resume=False
    )


def _artefact(command: str, arguments: list[str], folder: Path) -> dict[str, Any]:
    """Do the same for an artefact, a program of its own, which has one such option; the last one counts."""
    program = [sys.executable, "-m", command, *arguments, "--out", str(folder)]
    if subprocess.run(program, stdout=subprocess.DEVNULL, check=False).returncode:
        raise InputError(f"cannot be made again: `{' '.join(program[1:])}` failed in {Path.cwd()}")
    return facts_of(folder / "provenance.json")


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what is not as it was: device, versions, flags, and the files that were read."""
    pairs = {name: (old.get(name), new.get(name)) for name in [*circumstances(), *FILES]}
    return [f"{name} was {was}, is {now}" for name, (was, now) in pairs.items() if was != now]


def is_the_picture(path: Path, facts: dict[str, Any]) -> bool:
    """Tell whether the picture of a provenance is there and is the file that was written, and say if not."""
    if not path.name.endswith(SUFFIX) or "sha256" not in facts:
        return True
    picture = path.with_name(path.name.removesuffix(SUFFIX))
    found = picture.is_file()
    if found and sha256(picture) == facts["sha256"]:
        return True
    print(f"{picture}: {'is not the picture of this provenance' if found else 'is not there'}")
    return False


@app.default
def run(provenance: Path, /) -> int:
    """Make it again; return 0 if every picture, and what lies there, has the same bits, else 1.

    Args:
        provenance: a picture with its PICTURE.provenance.json beside it, or such a file
    """
    path = provenance
    if path.suffix.lower() in io.SUFFIXES:
        path = beside(path)
        if not path.exists():
            raise InputError(f"{provenance}: has no provenance: there is no {path.name} beside it")
    old = facts_of(path)
    same = is_the_picture(path, old)
    with tempfile.TemporaryDirectory() as folder:
        new = again(old, Path(folder))
    for line in differences(old, new):
        print(line, file=sys.stderr)
    was, has = pictures_of(old), pictures_of(new)
    for name, pixels in was.items():
        verdict = "the same bits" if has.get(name) == pixels else "differs"
        print(f"{name.encode(errors='backslashreplace').decode()}: {verdict}")
    return int(was != has or not same)
