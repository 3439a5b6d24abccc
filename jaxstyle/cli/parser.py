"""What commands there are, read from the sources and not run: JAX takes a second to import, help should not.

A method is described by the first line of its class's docstring; any other command by that of its module
here, "`jaxstyle NAME`: description".
"""

import argparse
import ast
import difflib
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.set_defaults(parser=self)

    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def refuse(self, words: list[str]) -> None:
        """End with what the parser does not know, and the option that may have been meant."""
        option = next((word for word in words if word.startswith("-")), "").partition("=")[0]
        if not option:
            self.error(f"too many pictures: {' '.join(words)}")
        near = difflib.get_close_matches(option, self._option_string_actions, n=1)
        self.error(f"unrecognized arguments: {' '.join(words)}{f'; did you mean {near[0]}?' if near else ''}")


def parsed(path: Path) -> ast.Module:
    """Return a file's syntax."""
    return ast.parse(path.read_text("utf-8"))


def methods() -> dict[str, dict[str, str]]:
    """Return the methods by family, with their descriptions: the table `methods.FAMILIES`."""
    module = parsed(ROOT / "methods" / "__init__.py")
    homes, table = {}, ast.Dict([], [])
    for node in module.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            homes |= {alias.name: node.module for alias in node.names}
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FAMILIES":
            table = node.value

    def described(name: str) -> str:
        source = parsed(ROOT.parent / Path(*homes[name].split(".")).with_suffix(".py"))
        cls = next(n for n in source.body if isinstance(n, ast.ClassDef) and n.name == name)
        return (ast.get_docstring(cls) or "").splitlines()[0]

    families: dict[str, dict[str, str]] = {}
    for family, members in zip(table.keys, table.values, strict=True):  # pyright: ignore
        pairs = zip(members.keys, members.values, strict=True)  # pyright: ignore
        families[family.value] = {key.value: described(value.id) for key, value in pairs}  # pyright: ignore
    return families


@cache
def others() -> dict[str, str]:
    """Return the other commands, with their descriptions."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        opening = ast.get_docstring(parsed(path)) or ""
        if named := re.match(rf"`jaxstyle {path.stem}\b[^`]*`: (.*)", opening):
            found[path.stem] = named[1]
    return found


def listed(families: dict[str, dict[str, str]]) -> str:
    """Return the commands by family, a line each."""
    lines = []
    for family, names in families.items():
        lines += [f"\n{family}:", *(f"  {name:16} {about}" for name, about in names.items())]
    return "\n".join(lines)
