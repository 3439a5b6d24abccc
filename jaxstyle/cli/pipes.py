"""Pipes: the photograph `-` is read from stdin, the output `-` is a PNG on stdout.

curl ... | jaxstyle gatys - painting.jpg --output - | display
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from jaxstyle.cli.request import Request
from jaxstyle.core import InputError

PIPE = Path("-")


class UserNames:
    """A stream of text in which files of a temporary folder have the names that the user gave them."""

    def __init__(self, stream: TextIO):
        self.stream, self.by_place = stream, {}

    def of(self, text: str) -> str:
        """Return text with the user's names."""
        for place, name in self.by_place.items():
            text = text.replace(place, name)
        return text

    def write(self, text: str) -> int:
        return self.stream.write(self.of(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def piped(request: Request) -> Iterator[Request]:
    """Give the same run from file to file, between which and the pipes bytes are copied."""
    out, names = request.output, UserNames(sys.stderr)
    to_pipe = out.output == PIPE
    if to_pipe and (sys.stdout is None or out.json or sys.stdout.isatty()):
        other = "--json prints there" if out.json else "it is a terminal" if sys.stdout else "it is closed"
        raise InputError(f"--output - writes a picture to stdout, and {other}: name a file")
    with tempfile.TemporaryDirectory() as folder:
        stdin, stdout = Path(folder, "stdin"), Path(folder, "stdout.png")
        names.by_place |= {str(stdin): "stdin", str(stdout): "stdout"}
        if request.inputs.content == PIPE:
            if sys.stdin is None:
                raise InputError("the photograph is to come from stdin, which is closed: name a file")
            with stdin.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            request = replace(request, inputs=replace(request.inputs, pictures=(stdin,)))
        if to_pipe:
            request = replace(request, output=replace(out, output=stdout))
        try:
            with redirect_stderr(names):  # pyright: ignore
                yield request
        except InputError as error:
            raise InputError(names.of(str(error))) from None
        if to_pipe:
            try:
                sys.stdout.buffer.write(stdout.read_bytes())
                sys.stdout.buffer.flush()
            except OSError as error:
                raise InputError(f"the picture cannot be written to stdout ({error.strerror})") from None
