"""Every method on eight pairs, by the command and its defaults, and what two judges say of the pictures.

    python -m experiments.quality.run --out quality [--methods NAME ...] [--pairs NAME ...] [--second]

(`make quality`.) OUT gets a folder a pair, with `content.png`, `style.png`, and a picture a method beside
its provenance; `table.json` and `table.md` (means by method, then all pictures), `scatter.png` (style against
content), and `index.html`, which shows every picture at its full size. A method may have options, as
`--methods adain "gatys --steps 100"`. A picture that is there, of the same pictures, options, weights, commit
and versions, is not made again; all that lie in a pair's folder are judged. `--judge FOLDER` makes none: it
judges the pictures in `FOLDER/PAIR/`, such as other programs made, about as large as the content. `--second`
adds what the second judge sees. The numbers: `judge.py`; the pairs, by default those at hand: `pairs.py`.

The pictures are those of the folder `$JAXSTYLE_DATA`; seconds are the command's, compiling included. Exit
code 1 if a picture could not be made.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from experiments.quality import judge, report
from experiments.quality.judge import Case, Judge
from experiments.quality.pairs import NETWORKS, PAIRS, Pair, at_hand, image
from jaxstyle import cli, read, write
from jaxstyle.cli.build import build
from jaxstyle.cli.provenance import beside, circumstances, files_read
from jaxstyle.cli.request import Request
from jaxstyle.cli.run import keep_programs, on_a_device
from jaxstyle.core import InputError, unknown_name
from jaxstyle.image.io import SUFFIXES
from jaxstyle.methods import TABLE

METHODS_OF_PAIRS = [name for name, entry in TABLE.items() if entry.needs_style or name == "johnson"]


def command(method: str, pair: str, folder: Path) -> list[str] | None:
    """Return the arguments of the command that makes a picture; None where no network knows the style."""
    name, *options = shlex.split(method)
    if name not in TABLE:
        raise unknown_name("method", name, METHODS_OF_PAIRS)
    inputs = [str(folder / "content.png")]
    if TABLE[name].needs_style:
        inputs.append(str(folder / "style.png"))
    elif PAIRS[pair].style not in NETWORKS:
        return None
    else:
        options += ["--weights", f"johnson-{PAIRS[pair].style}"]
    stem = "_".join(shlex.split(method)).replace("/", "-")
    return [name, *inputs, *options, "--output", str(folder / f"{stem}.png")]


def facts_of(picture: Path) -> dict[str, Any]:
    """Return the provenance of a picture, nothing if it has none."""
    return json.loads(beside(picture).read_text()) if beside(picture).exists() else {}


def is_whole(facts: dict[str, Any]) -> bool:
    """Tell whether a run was not stopped early."""
    return facts.get("steps") == facts.get("of_steps")


def is_made(arguments: list[str]) -> bool:
    """Tell whether the picture of a command is there, as the command would make it now."""
    parsed = cli.parse(arguments).bound.arguments
    inputs = parsed.pop("inputs").resolved(TABLE[arguments[0]].needs_style)
    request = Request(arguments[0], inputs=inputs, **parsed)
    if not request.output.output.exists():
        return False
    facts = facts_of(request.output.output)
    now = {
        "arguments": arguments,
        "weights": build(request.entry, request.settings, request.wrappers.refine)[1],
    }
    now |= files_read(request) | circumstances()
    return is_whole(facts) and all(facts.get(name) == now[name] for name in now)


def lay_out(pair: str, folder: Path) -> Path:
    """Write the content and the style of a pair into a folder, which is made, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, name in PAIRS[pair]._asdict().items():
        write(folder / f"{kind}.png", image(name))
    return folder


def make(methods: list[str], pair: str, folder: Path) -> list[str]:
    """Make the pictures of a pair that are not in its folder; return the commands that failed."""
    commands = [arguments for method in methods if (arguments := command(method, pair, folder))]
    failed = []
    for arguments in commands:
        if not is_made(arguments):
            code = cli.main(arguments)
            jax.clear_caches()  # every pair has a size of its own, and programs fill the table of pages
            if code > 128:
                sys.exit(code)
            failed += [shlex.join(arguments)] * bool(code)
    return failed


def pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder, if there is one, but for content, style and what was stopped early."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    paths = [path for path in paths if path.suffix in SUFFIXES and path.stem not in Pair._fields]
    return [path for path in paths if is_whole(facts_of(path))]


def judged(judges: dict[str, Judge], laid: Path, folder: Path) -> Iterator[report.Row]:
    """Return what the judges, each by the prefix of its numbers, say of the pictures of a folder.

    The content, of the pair that is `laid` out, is the first of them.
    """
    content, style = (read(laid / f"{kind}.png") for kind in Pair._fields)
    cases = {prefix: Case.of(each, content, style) for prefix, each in judges.items()}
    for path in [laid / "content.png", *pictures(folder)]:
        picture = read(path)
        likeness = {prefix: case.likeness(picture) for prefix, case in cases.items()}
        seen = {f"{prefix}{name}": each[name] for prefix, each in likeness.items() for name in each}
        seconds = {"seconds": facts_of(path).get("seconds", {}).get("total")}
        row = {"pair": laid.name, "method": path.stem, "path": str(path)}
        yield row | seen | judge.flaws(picture, content, style) | seconds
    jax.clear_caches()


def main(arguments: list[str] | None = None) -> int:
    """Make pictures, judge them and write the report; return 1 if one could not be made."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.quality.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("quality"))
    parser.add_argument("--methods", nargs="+", default=METHODS_OF_PAIRS, metavar="NAME")
    parser.add_argument("--pairs", nargs="+", default=at_hand(), choices=PAIRS, metavar="NAME")
    parser.add_argument("--judge", type=Path, metavar="FOLDER", help="judge the pictures that are there")
    parser.add_argument("--second", action="store_true", help="ask the second judge, too")
    options = parser.parse_args(arguments)
    try:
        with on_a_device():
            return run(options)
    except InputError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


def run(options: argparse.Namespace) -> int:
    """Do what the options say."""
    keep_programs()
    judges = {"": judge.first()} | ({"second ": judge.second()} if options.second else {})
    if options.judge and not any(pictures(options.judge / pair) for pair in options.pairs):
        raise InputError(f"{options.judge}: has no pictures; they are looked for in {options.judge}/PAIR/")
    rows, failed = [], []
    for pair in options.pairs:
        laid = lay_out(pair, options.out / pair)
        if not options.judge:
            failed += make(options.methods, pair, laid)
        for row in judged(judges, laid, (options.judge or options.out) / pair):
            rows.append(row)
            print(pair, report.told(row), flush=True)
        report.write(options.out, rows, circumstances())
    for each in failed:
        print(f"not made: jaxstyle {each}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
