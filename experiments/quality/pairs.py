"""Eight pairs: portrait, landscape, architecture and flat ground, each in two of four kinds of style.

Files are those of `$JAXSTYLE_DATA`; a name without a folder is a photograph of scikit-image's (CC0) or a
style of the demo's. Of the styles of `NETWORKS` the bundle has a network by Johnson et al.
"""

import os
from pathlib import Path
from typing import NamedTuple

from experiments.artefact import pictured
from jaxstyle.core import Image, InputError
from jaxstyle.image.resize import shrink

SIZE = 512  # pixels of the long edge
NETWORKS = ("strokes", "glass", "ink")


class Pair(NamedTuple):
    """A content and a style, by their names."""

    content: str
    style: str


PAIRS = {
    "portrait-oil": Pair("kodak24/04.png", "classic/starry_night_google.jpg"),
    "portrait-glass": Pair("astronaut", "glass"),
    "landscape-ink": Pair("classic/golden_gate.jpg", "ink"),
    "landscape-photograph": Pair("dpst/input/in13.png", "dpst/style/tar13.png"),
    "architecture-oil": Pair("classic/tubingen.jpg", "strokes"),
    "architecture-photograph": Pair("dpst/input/in4.png", "dpst/style/tar4.png"),
    "flat-ink": Pair("classic/brad_pitt.jpg", "styles/styles_21__wave.jpg"),
    "flat-glass": Pair("kodak24/20.png", "styles/styles_21__mosaic.jpg"),
}


def file_of(name: str) -> Path | None:
    """Return the file of a picture, None for one of the project's own."""
    return Path(os.environ.get("JAXSTYLE_DATA", ""), name) if "/" in name else None


def at_hand() -> list[str]:
    """Return the names of the pairs whose files are here."""
    is_here = lambda path: path is None or path.is_file()
    return [name for name, pair in PAIRS.items() if all(is_here(file_of(each)) for each in pair)]


def image(name: str) -> Image:
    """Return a picture of a pair, at most `SIZE` pixels long; raises `InputError` where there is no file."""
    path = file_of(name)
    if path and not path.is_file():
        raise InputError(f"needs {name}: set JAXSTYLE_DATA to a folder that has it")
    return shrink(pictured(path, name), SIZE)
