"""Every code block of README.md and docs/ works, as does every link and every name in the text.

The blocks of a page share a folder of small pictures, and those of Python a namespace, in order. Python is
executed; Bash tells which commands a block of shell gives, and each runs by what it is: `jaxstyle` in this
process, with fewer pixels, steps and layers. The comment `<!-- parsed: WHY -->` before a block says that its
commands are only parsed, and their names looked up: downloads, devices, minutes.
"""

import argparse
import dataclasses
import importlib.util
import os
import re
import runpy
import subprocess
import sys
import tomllib
import warnings
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from flax import nnx
from PIL import Image

import jaxstyle
from jaxstyle import cli, forecast, weights
from jaxstyle.core import Method
from jaxstyle.methods import AdaIN, Gatys
from jaxstyle.methods.colors import ColorMethod
from jaxstyle.networks import VGG
from jaxstyle.networks.decoders import Decoder

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?:<!-- parsed: ([^\n]+) -->\n+)?^```(\w*)\n(.*?)^```$", re.M | re.S)
PICTURES = ("photo.jpg", "painting.jpg", "other.jpg", "one.jpg", "two.jpg")
SHALLOW = {"relu1_1": 1.0}
MOST = {"steps": 30, "paint_steps": 1, "size": 48, "style_size": 48, "rotations": 2, "draws": 2, "tile": 32}
TELL = """
set -eu
tell() { printf '%s\\0' "$@"; printf '\\n\\0'; }
for word in jaxstyle make pip python; do eval "$word() { tell $word \\"\\$@\\"; }"; done
"""
page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


class Block(NamedTuple):
    language: str
    text: str
    line: int
    parsed: str | None


def blocks(text: str) -> list[Block]:
    return [Block(m[2], m[3], text[: m.start()].count("\n") + 1, m[1]) for m in BLOCK.finditer(text)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Let networks be shallow, pictures and runs small; do not tell how fast the machine is."""
    for name in ("content_layers", "style_layers"):
        monkeypatch.setattr(VGG, name, property(lambda self: SHALLOW))
    load = weights.load
    monkeypatch.setattr(weights, "load", lambda name: shallow_decoder() if name == "adain" else load(name))
    monkeypatch.setattr(AdaIN.__init__, "__defaults__", (1.0, 1))  # alpha, level
    few = tuple(30 if value == Gatys.steps else value for value in Gatys.__init__.__defaults__ or ())
    monkeypatch.setattr(Gatys.__init__, "__defaults__", few)
    monkeypatch.setattr(forecast, "rates", lambda: (1e9, 1e9))
    monkeypatch.setattr(ColorMethod, "remarks", Method.remarks)
    monkeypatch.setattr(cli, "parse", lambda given, parse=cli.parse: smaller(parse(given)))
    fit = jaxstyle.fit
    monkeypatch.setattr(
        jaxstyle, "fit", lambda image, size: fit(image, min(size, MOST["size"])), raising=False
    )


@cache
def shallow_decoder() -> Decoder:
    return Decoder(1, (64,), rngs=nnx.Rngs(0))


def smaller(call: cli.Call) -> cli.Call:
    """Return a call with fewer pixels and steps than a reader would give."""
    call.bound.apply_defaults()
    for name, options in call.bound.arguments.items():
        if dataclasses.is_dataclass(options):
            call.bound.arguments[name] = fewer(options, own=name == "options")
    return call


def fewer(options: Any, own: bool) -> Any:
    """Return options of fewer pixels and steps; those of a method itself get some if they have none."""
    changes: dict[str, Any] = {}
    for name, most in MOST.items():
        value = getattr(options, name, None)
        needed = name in ("steps", "paint_steps", "rotations") and hasattr(options, name) and own
        if isinstance(value, int) or (value is None and needed):
            changes[name] = min(value or most, most)
    if hasattr(options, "levels"):
        changes["levels"] = (1,)
    for name in ("content_layers", "style_layers", "layers"):
        if given := getattr(options, name, None):
            assert given.keys() <= {*VGG.NAMES}, given
            changes[name] = SHALLOW
    return dataclasses.replace(options, **changes)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the pictures that the pages name, which commands run in."""
    generator = np.random.default_rng(0)
    for name in (*PICTURES, "photographs/a.jpg", "photographs/b.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        small = Image.fromarray(generator.integers(0, 255, (6, 8, 3), np.uint8))
        small.resize((48, 36), Image.Resampling.BICUBIC).save(path)
    halves = np.zeros((36, 48, 3), np.uint8)
    halves[:, :20, 0], halves[:, 20:, 2] = 255, 255
    for name, mask in (("regions", halves), ("style-regions", halves[:, ::-1])):
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    Image.fromarray(np.tile(np.linspace(0, 255, 48).astype(np.uint8), (36, 1))).save(tmp_path / "soft.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@page
def test_the_blocks_of_a_page_work(page, folder):
    namespace = {"__name__": "page"}
    for block in blocks(page.read_text()):
        try:
            do(block, namespace)
        except BaseException as error:
            error.add_note(f"{page.name}, line {block.line}")
            raise


def do(block: Block, namespace: dict) -> None:
    """Run a block, or parse its commands."""
    match block.language:
        case "python":
            exec(compile(block.text, "block", "exec"), namespace)
        case "sh":
            for words in commands(block.text):
                COMMANDS[words[0]](words[1:], block.parsed)
        case other:
            assert other == "text", f"blocks are python, sh or text, not {other!r}"


def commands(text: str) -> list[list[str]]:
    """Return the words of every command that Bash would give."""
    told = subprocess.run(["bash", "-c", TELL + text], capture_output=True, text=True, check=False)
    assert not told.returncode and not told.stderr, told.stderr
    return [line.split("\0")[:-1] for line in told.stdout.split("\n\0") if line]


def jaxstyle_(words: list[str], parsed: str | None) -> None:
    try:
        call = cli.parse(words)
    except SystemExit:
        raise AssertionError(f"not understood: {' '.join(words)}") from None
    if parsed:
        look_up(call)
    else:
        assert cli.main(words) == 0, f"failed: {' '.join(words)}"


def look_up(call: cli.Call) -> None:
    """Fail unless there is what a call names: weights, methods."""
    names = {entry.name for entry in weights.entries()}
    for given in (
        call.bound.arguments,
        *map(vars, filter(dataclasses.is_dataclass, call.bound.arguments.values())),
    ):
        for kind in {"encoder", "weights", "start", "name"} & given.keys():
            known = given[kind] in names or str(given[kind]).endswith((".safetensors", ".pth"))
            assert not given[kind] or known, f"no such {kind}: {given[kind]}"
    if comparison := call.bound.arguments.get("comparison"):
        for name in comparison.methods:
            comparison.settings_of(name)


def make(words: list[str], parsed: str | None) -> None:
    recipes = (ROOT / "Makefile").read_text()
    for word in words:
        pattern = rf"^{word.partition('=')[0]} \?=" if "=" in word else rf"^{word}:"
        assert re.search(pattern, recipes, re.M), f"make knows no {word}"


def pip(words: list[str], parsed: str | None) -> None:
    assert words[0] == "install"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in words[1:]:
        asked = re.fullmatch(r"\.(?:\[(.+)\])?", word)
        assert asked and {*(asked[1] or "").split(",")} - {""} <= extras.keys(), f"no such extra: {word}"


def python(words: list[str], parsed: str | None) -> None:
    """Parse the options of a module that is a program, and go no further."""
    assert words[0] == "-m"
    found = importlib.util.find_spec(words[1])
    assert found and found.origin, f"no module {words[1]}"
    if parsed:
        source = Path(found.origin).read_text()
        assert all(f'"{word}"' in source for word in words[2:] if word.startswith("--")), words
        return
    original = argparse.ArgumentParser.parse_args

    def only_parse(self, *given):
        original(self, *given)
        raise StopIteration

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may have been imported before
        patch.setattr(argparse.ArgumentParser, "parse_args", only_parse)
        patch.setattr(sys, "argv", words[1:])
        with pytest.raises(StopIteration):
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)


COMMANDS = {"jaxstyle": jaxstyle_, "make": make, "pip": pip, "python": python}

WRONG = {
    "option": ("sh", "jaxstyle gatys photo.jpg painting.jpg --stile-weight 1 --output out.png", ""),
    "command": ("sh", "jaxstyle gattys photo.jpg painting.jpg --output out.png", ""),
    "preset": ("sh", "jaxstyle gatys photo.jpg painting.jpg --preset autor --output out.png", ""),
    "preset, parsed": ("sh", "jaxstyle gatys photo.jpg painting.jpg --preset autor --output out.png", "x"),
    "weights, parsed": ("sh", "jaxstyle johnson photo.jpg --weights johnson-inc --output out.png", "x"),
    "method, parsed": ("sh", "jaxstyle compare photo.jpg one.jpg --methods gattys --output out.png", "x"),
    "picture": ("sh", "jaxstyle monge photo.jpg nowhere.jpg --output out.png", ""),
    "recipe": ("sh", "jaxstyle train jonson --data photographs --style one.jpg --output run", "x"),
    "target": ("sh", "make dmeo", ""),
    "extra": ("sh", 'pip install ".[trian]"', ""),
    "program": ("sh", "jaxstile --help", ""),
    "module": ("sh", "python -m experiments.gatys2016.figure66 --out x", ""),
    "option of a module": ("sh", "python -m experiments.gatys2016.figure6 --where x", ""),
    "name": ("python", "from jaxstyle import Gattys", ""),
    "field": ("python", "from jaxstyle import Monge\nMonge(alfa=1.0)", ""),
    "language": ("bash", "jaxstyle --help", ""),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_block_that_is_wrong_fails(case, folder):
    language, text, parsed = WRONG[case]
    with pytest.raises((AssertionError, ImportError, TypeError, SystemExit, jaxstyle.InputError)):
        do(Block(language, f"{text}\n", 1, parsed or None), {})


def options() -> set[str]:
    """Return all options of all programs."""
    found = {"--help", "--version", "--install-completion"}
    commands = [cli.application()]
    while commands:
        command = commands.pop()
        commands += [command[name] for name in command if not name.startswith("-")]
        if command.default_command:
            found |= {name for each in command.assemble_argument_collection() for name in each.names}
    sources = [path.read_text() for path in (ROOT / "experiments").rglob("*.py")]
    return found | {option for source in sources for option in re.findall(r'"(--[a-z-]+)"', source)}


def test_options_in_the_text_are_options():
    known = options()
    for path in PAGES:
        text = BLOCK.sub("", path.read_text())
        for code in re.findall(r"`([^`\n]+)`", text):
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", code):
                assert option in known, f"{path.name}: {option}"


def test_names_in_the_text_are_names():
    for path in [*PAGES, *(ROOT / "docs" / "api").glob("*.md")]:
        for name in re.findall(r"(?:`|::: )(jaxstyle(?:\.\w+)+)", path.read_text()):
            assert found(name), f"{path.name}: {name}"


def found(name: str) -> bool:
    """Tell whether there is a module, or an attribute of one, of a dotted name."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        try:
            for part in parts[count:]:
                value = getattr(value, part)
        except AttributeError:
            return False
        return True
    return False


@page
def test_links_lead_somewhere(page):
    text = BLOCK.sub("", page.read_text())
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith("http"):
            assert os.path.exists(page.parent / target), f"{page.name}: {target}"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().split()) <= 1300


def test_the_walk_of_a_picture_is_that_of_the_page(folder):
    """Hold the list of `architecture.md` against the functions that a run calls, in order."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    walk = re.findall(r"^\d+\. `(jaxstyle[\w.]+)`", text, re.M)
    assert 10 < len(walk) <= 25
    called: list[str] = []

    def notice(frame, event, _):
        name = f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"
        if event == "call" and name in walk and name not in called:
            called.append(name)

    sys.setprofile(notice)
    try:
        code = cli.main(["gatys", "photo.jpg", "painting.jpg", "--size", "41", "--output", "walk.png"])
    finally:
        sys.setprofile(None)
    assert code == 0
    assert called == walk
