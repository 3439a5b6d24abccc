"""Many photographs by one command: the method is built and the styles are summarised once for all of them.

A photograph that cannot be read, or does not fit, is named and left out, and the exit code is 1.
Each result has its photograph's name, and its provenance beside it: `--resume` makes only the rest.
"""

import glob
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from jaxstyle.cli import pictures
from jaxstyle.cli.pipes import PIPE
from jaxstyle.cli.provenance import beside, facts_of, files_read
from jaxstyle.cli.render import Shared, check_outputs, render
from jaxstyle.cli.request import Inputs, Request
from jaxstyle.cli.run import complain, exit_code
from jaxstyle.cli.sinks import Bar
from jaxstyle.core import InputError
from jaxstyle.image import io
from jaxstyle.weights import sha256

READ = (*io.SUFFIXES, ".gif", ".jfif", ".jp2", ".ppm", ".tga", ".heic", ".heif")  # of HEIC it is said how
OF_ONE = ("content_mask", "style_mask", "history", "frames", "checkpoint")


def is_asked(inputs: Inputs, output: Path) -> bool:
    """Tell whether photographs are many, or results go into a folder."""
    several = len(inputs.pictures) > 1 or any(x.is_dir() or is_pattern(x) for x in inputs.pictures)
    return several or output.is_dir()


def is_pattern(name: Path) -> bool:
    """Tell whether a name stands for files that match it."""
    return glob.has_magic(str(name)) and not name.exists()


def photographs(names: Iterable[Path], results: Path) -> list[Path]:
    """Return the files that names stand for, each once: the pictures of a folder or a pattern, or a file.

    A pattern means no results of an older run.
    """
    found: dict[str, Path] = {}
    for name in names:
        files = [name]
        if name.is_dir():
            try:
                files = _pictures(name.iterdir())
            except OSError as error:
                raise InputError(f"{name}: cannot be read ({error.strerror})") from None
        elif is_pattern(name):
            every = _pictures(map(Path, glob.glob(str(name), recursive=True)))
            files = [file for file in every if not io.same_file(file.parent, results)]
        if not files:
            raise InputError(f"{name}: holds no picture that is read here ({' '.join(READ)})")
        for file in files:
            found.setdefault(os.path.abspath(file), file)
    return [*found.values()]


def _pictures(files: Iterable[Path]) -> list[Path]:
    return sorted(x for x in files if x.suffix.lower() in READ and x.name[0] != "." and x.is_file())


def result_of(photograph: Path, folder: Path) -> Path:
    """Return the file of a result: of its photograph's name, a PNG where such a file cannot be written."""
    written = photograph.suffix.lower() in io.SUFFIXES
    return folder / (photograph.name if written else f"{photograph.stem}.png")


def runs_of(request: Request) -> list[Request]:
    """Return a run for each photograph; raise `InputError` where results would be in one place."""
    owners: dict[str, Path] = {}
    runs = []
    for photograph in photographs(request.inputs.pictures, request.output.output):
        result = result_of(photograph, request.output.output)
        if io.same_file(result, photograph):
            raise InputError(f"{result}: is what is read; take another folder")
        if not request.output.overwrite and result.exists() and not beside(result).exists():
            raise InputError(f"{result}: is no result of an older run; take another folder, or --overwrite")
        if (owner := owners.setdefault(result.name.casefold(), photograph)) != photograph:
            raise InputError(f"{result}: the result of {owner} and of {photograph}; rename one")
        runs.append(request.of(photograph, result))
    return runs


def is_made(request: Request, weights: dict) -> bool:
    """Tell whether the result is there, whole, made of the same files and weights by the same options."""
    result = request.output.output
    try:
        facts = facts_of(beside(result))
    except InputError:
        return False
    if not request.inputs.content.is_file():
        return False
    now = {"command": request.name, "options": request.asked(), "weights": weights, **files_read(request)}
    return facts.items() >= now.items() and result.is_file() and sha256(result) == facts.get("sha256")


def run(request: Request) -> int:
    """Make the results of all photographs in the folder `request.output.output`."""
    folder, options = request.output.output, vars(request.inputs) | vars(request.output)
    if PIPE in (*request.inputs.pictures, folder):
        raise InputError("- is one photograph, or one picture: name files, and a folder for --output")
    runs = runs_of(request)
    if unfit := next((name for name in OF_ONE if options[name]), None):
        raise InputError(
            f"--{unfit.replace('_', '-')} is of one photograph, and there may be many; leave it out"
        )
    if folder.suffix.lower() in io.SUFFIXES and not folder.is_dir():
        why = "" if request.entry.needs_style else f" ({request.name} takes no style)"
        raise InputError(f"{folder}: the results of many photographs go to a folder{why}; name one")
    pictures.check_mix(request.inputs)
    styles = pictures.opened(request.inputs.style)
    io.check_new_folder(folder)
    made_folder = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for each in runs:
            check_outputs(each)
        return _run(runs, styles, Shared(request), request.output.resume)
    finally:
        if made_folder:
            with suppress(OSError):  # it holds results
                folder.rmdir()


def _run(runs: list[Request], styles: list[io.Picture], shared: Shared, resume: bool) -> int:
    counts, stopped = dict.fromkeys(("made", "there already", "left out"), 0), 0
    with Bar(len(runs)) as bar:
        for each in runs:
            fate = "there already"
            try:
                if not (resume and is_made(each, shared.weight_files)):
                    stopped, fate = render(each, pictures.read(each.inputs, styles), shared, bar), "made"
            except InputError as error:
                fate = "left out"
                name = str(each.photograph)
                complain(str(error) if name in str(error) else f"{name}: {error}")
            except KeyboardInterrupt as stop:
                stopped = exit_code(stop)
            if stopped:
                break
            counts[fate] += 1
            bar.next()
    found = [f"{count} {fate}" for fate, count in counts.items() if count]
    rest = len(runs) - sum(counts.values())
    shown = ", ".join(found + [f"{rest} to make (--resume)"] * (rest > 0))
    print(f"{len(runs)} photograph{'s' * (len(runs) > 1)}: {shown}", file=sys.stderr)
    return stopped or int(counts["left out"] > 0)
