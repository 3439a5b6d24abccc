"""How weights get into the cache: a publisher's PyTorch file is downloaded, checked and ported.

A file appears in its place whole or not at all.
"""

import hashlib
import shutil
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from rich.console import Console
from rich.progress import wrap_file

from jaxstyle.core import InputError
from jaxstyle.image.io import check_output, replace
from jaxstyle.weights import torchfile
from jaxstyle.weights.manifest import SUFFIX, Entry, cached, entries, entry_of, find, folders
from jaxstyle.weights.parameters import ENCODERS, Tensors, from_torch
from jaxstyle.weights.serialization import packed


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def fetch(name: str, progress: bool = True) -> Path:
    """Download and port the weights `name` into the cache, unless they are there; return the file."""
    if path := find(name):
        return path
    entry = entry_of(name)
    if not entry.url:
        looked = ", ".join(map(str, folders().values()))
        ways = f"set JAXSTYLE_WEIGHTS to its folder, or `jaxstyle weights port FILE --name {name}`"
        raise InputError(f"{entry.file} is not in {looked} and not to download: {ways}, or use vgg19-lite")

    def make(draft: Path) -> None:
        _download(entry.url, draft, progress)
        _check_digest(draft, entry)
        draft.write_bytes(_packed(draft, entry))

    replace(target := cached(entry), make)
    return target


def port(path: str | Path, name: str | None = None, output: str | Path | None = None) -> Path:
    """Write the feature layers of a PyTorch file as safetensors, into the cache or to `output`.

    `name` says which weights of the manifest it holds, where its own name does not. Raises
    `InputError` if it holds anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: {'is a folder' if path.is_dir() else 'there is no such file'}")
    listed = {entry.original: entry for entry in entries() if entry.url}
    names = ", ".join(entry.name for entry in entries() if entry.network in ENCODERS)
    if not name and path.name not in listed:
        raise InputError(f"{path}: not a publisher's file name, so say --name, one of {names}")
    entry = entry_of(name) if name else listed[path.name]
    if entry.network not in ENCODERS:
        raise InputError(
            f"{name} was trained by this project: there is nothing to port; --name is one of {names}"
        )
    target = check_output(Path(output), [SUFFIX]) if output else cached(entry)
    replace(target, lambda draft: draft.write_bytes(_packed(path, entry)))
    return target


def ported(path: Path, entry: Entry) -> Tensors:
    """Return the tensors of a publisher's file by our names, checked."""
    if path.name == entry.original:
        _check_digest(path, entry)
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


def _check_digest(path: Path, entry: Entry) -> None:
    """Hold a publisher's file against the digits in its name, as in vgg19-dcbb9e9d.pth."""
    wanted, found = entry.original.rpartition("-")[2].removesuffix(".pth"), sha256(path)
    if not found.startswith(wanted):
        digits = f"its sha256 begins with {found[: len(wanted)]}"
        raise InputError(f"{entry.original}: incomplete or altered ({digits}); download it again")
