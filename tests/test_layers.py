"""The import law: imports only go down, and rooms on one floor do not know one another."""

import ast
from pathlib import Path

import pytest

import jaxstyle

ROOT = Path(jaxstyle.__file__).parent
FLOORS = [
    {"core", "statistics", "spectrum", "linalg", "tiling", "allocator", "fingerprint", "memory", "options"},
    {"optimizers", "networks", "image"},
    {"weights", "forecast"},
    {"losses", "transforms", "smoothing", "metrics"},
    {"methods", "training"},
    {"wrappers"},
    {"cli", "api"},
    {"__init__", "__main__"},
]
FILES = sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def floor(name: str) -> int:
    """Return the floor of a room; one that the law does not know is an error."""
    return next(index for index, rooms in enumerate(FLOORS) if name in rooms)


def imported(path: Path) -> list[str]:
    """Return the rooms that a file imports from the package."""
    rooms = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = (node.module or "").split(".")
            if module[0] == "jaxstyle":
                rooms += module[1:2] or [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            rooms += [
                name.split(".")[1] for alias in node.names if (name := alias.name).startswith("jaxstyle.")
            ]
    return rooms


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_only_go_down(path):
    here = room(path)
    for other in imported(path):
        below_core = other == "core" and floor(here) == 0  # the algebra itself is for everyone
        assert other == here or below_core or floor(other) < floor(here), f"{here} imports {other}"


def test_core_imports_nothing_of_the_package():
    files = sorted((ROOT / "core").glob("*.py"))
    assert {room for file in files for room in imported(file)} == {"core"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pytorch_is_not_imported(path):
    names = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not {name for name in names if name.split(".")[0] in ("torch", "torchvision")}
