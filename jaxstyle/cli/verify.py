"""`jaxstyle verify`: Make a picture again from its provenance, and compare the bits.

The same arguments run in the current folder, with `--output` or `--out` in a temporary one. The same seed on
the same device is to give the same bits; another device, other versions or flags may not, and are said.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from jaxstyle.cli.parser import others
from jaxstyle.cli.provenance import beside, circumstances
from jaxstyle.core import InputError


def add(commands) -> None:
    """Add the subcommand `verify`."""
    parser = commands.add_parser("verify", description=others()["verify"])
    parser.set_defaults(run=run)
    parser.add_argument("provenance", type=Path, help="a file PICTURE.provenance.json or provenance.json")


def facts_of(path: Path) -> dict[str, Any]:
    """Read a provenance; raise `InputError` for a file that is none, or says too little."""
    try:
        facts = json.loads(path.read_text("utf-8"))
        if not {"command", "arguments"} <= facts.keys() or not {"pixels", "pictures"} & facts.keys():
            raise ValueError("it does not say how to make it again")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: no provenance of a picture ({error})") from None
    return facts


def again(facts: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run what the provenance says, into a folder; return the new provenance."""
    arguments, artefact = list(facts["arguments"]), facts["command"].startswith("experiments.")
    option = "--out" if artefact else "--output"
    if option not in arguments[:-1]:
        raise InputError(f"the provenance has no {option} among its arguments: {' '.join(arguments)}")
    place = arguments.index(option) + 1
    target = folder if artefact else folder / Path(arguments[place]).name
    arguments[place] = str(target)
    program = [sys.executable, "-m", facts["command"] if artefact else "jaxstyle", *arguments]
    if subprocess.run(program, stdout=subprocess.DEVNULL, check=False).returncode:
        raise InputError(f"cannot be made again: `{' '.join(program[1:])}` failed in {Path.cwd()}")
    return facts_of(folder / "provenance.json" if artefact else beside(target))


def run(options: argparse.Namespace) -> int:
    """Make it again; return 0 if every picture has the same bits, else 1."""
    old = facts_of(options.provenance)
    for name, value in circumstances().items():
        if old.get(name) != value:
            print(f"{name} was {old.get(name)}, is {value}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        new = again(old, Path(folder))
    was, has = (facts.get("pictures") or {"the picture": facts["pixels"]} for facts in (old, new))
    for name, pixels in was.items():
        print(f"{name}: {'the same bits' if has.get(name) == pixels else 'differs'}")
    return int(was != has)
