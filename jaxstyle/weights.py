"""The published weights as networks: find them, download them, port them from PyTorch.

    load(name)    the bundle, else $JAXSTYLE_WEIGHTS, else the cache, else the publisher's file, downloaded

`weights/manifest.toml` says what there is, where from, and under which licence. A file is safetensors
with the names and shapes of `networks/parameters.py`, of any float type; its metadata or the manifest
give `network` and `flavour`. The publisher's own PyTorch file will do as well: it is ported when read.

Conventions: a file that is found but broken is an error, never passed over. Names, shapes and numbers
are checked before they become a network, in float32. A file appears in its place whole or not at all.
`$JAXSTYLE_CACHE` stands for the user's cache folder.
"""

import hashlib
import json
import os
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import jax.numpy as jnp
import numpy as np
import platformdirs
from rich.console import Console
from rich.progress import wrap_file
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as pack

from jaxstyle import torchfile
from jaxstyle.core import Encoder, InputError, unknown
from jaxstyle.image.io import check_folder, check_output, replace
from jaxstyle.networks.decoders import Decoder, Decoders
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.networks.linear import LinearTransfer
from jaxstyle.networks.parameters import NETWORKS, Tensors, check, from_torch
from jaxstyle.networks.trained import Trained, tensors_of
from jaxstyle.networks.unpooling import Unpooling
from jaxstyle.networks.vgg import VGG, conv_names

HERE = Path(__file__).parent
BUNDLE = HERE / "bundle" if (HERE / "bundle").exists() else HERE.parent / "weights"
SUFFIX = ".safetensors"
TRAINED = {
    "decoder": Decoder,
    "decoders": Decoders,
    "johnson": TransformNet,
    "linear": LinearTransfer,
    "unpooling": Unpooling,
}


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
    megabytes: float = 0.0

    @property
    def original(self) -> str:
        """The name of the publisher's file, or nothing."""
        return self.url.rpartition("/")[2]

    @property
    def where(self) -> str:
        """Where the file lies: bundled, folder, cache, to download or missing."""
        if path := find(self.name):
            return next(place for place, folder in _folders().items() if folder == path.parent)
        return "to download" if self.url else "missing"

    @property
    def size(self) -> float:
        """Megabytes of the file that there is, else of the download, else 0."""
        path = find(self.name)
        return path.stat().st_size / 1e6 if path else self.megabytes

    def __str__(self) -> str:
        what = f"{self.name:16}  {self.network:10}  {self.flavour:11}"
        size = f"{self.size:6.1f} MB" if self.size else " " * 9
        return f"{what}  {self.where:11}  {size}  {self.licence}"


def entries() -> list[Entry]:
    """Return what the manifest lists, in its order."""
    tables = tomllib.loads((BUNDLE / "manifest.toml").read_text("utf-8"))
    return [Entry(name=name, **table) for name, table in tables.items()]


def _entry(name: str) -> Entry:
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
    return unknown("weights", name, known)


def cache() -> Path:
    """Return the user's folder for what can be made again."""
    given = os.environ.get("JAXSTYLE_CACHE")
    return Path(given) if given else platformdirs.user_cache_path("jaxstyle")


def _folders() -> dict[str, Path]:
    """Return the folders to look in, in order."""
    given = os.environ.get("JAXSTYLE_WEIGHTS")
    if given and not Path(given).is_dir():
        raise InputError(f"JAXSTYLE_WEIGHTS is {given}: there is no such folder")
    return {"bundled": BUNDLE} | ({"folder": Path(given)} if given else {}) | {"cache": cache() / "weights"}


def find(name: str) -> Path | None:
    """Return the file that `load(name)` reads, or None if there is none yet."""
    if name.endswith(SUFFIX):
        return Path(name)
    entry = _entry(name)
    files = (folder / file for folder in _folders().values() for file in (entry.file, entry.original))
    return next((file for file in files if file.is_file()), None)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def load(name: str) -> Any:
    """Return the network of the weights `name`, downloading them where that is the only way.

    `name` is one of the manifest, or the path of a .safetensors file with its network, and flavour or
    configuration, in the metadata. Raises `InputError` if there is no such file, or a broken one.
    """
    entry = None if name.endswith(SUFFIX) else _entry(name)
    path = find(name) or fetch(name)
    if entry and path.name == entry.original:
        return _encoder(entry.network, entry.flavour, _ported(path, entry))
    given, tensors = metadata(name), _tensors(path)
    network, flavour = (given.get(key, getattr(entry, key, "")) for key in ("network", "flavour"))
    if entry and (network, flavour) != (entry.network, entry.flavour):
        raise InputError(f"{path}: holds {network} {flavour}, not {entry.network} {entry.flavour}")
    if network in TRAINED:
        return TRAINED[network].restored(_config(given, path), tensors, path)
    if network not in NETWORKS or flavour not in NETWORKS[network].FLAVOURS:
        raise InputError(f"{path}: no known network and flavour in its metadata, but '{network}' '{flavour}'")
    return _encoder(network, flavour, check(tensors, network, path))


def load_encoder(name: str) -> Encoder:
    """Return the encoder of the weights `name`; raises `InputError` for any other network, too."""
    found = load(name)
    if not isinstance(found, tuple(NETWORKS.values())):
        raise InputError(f"{name}: holds a {type(found).__name__}, which is no encoder; take e.g. vgg19-lite")
    return found


def _encoder(network: str, flavour: str, tensors: Tensors) -> Encoder:
    parameters: dict[str, dict] = {}
    for key, array in tensors.items():
        layer, _, kind = key.rpartition(".")
        parameters.setdefault(layer, {})[kind] = jnp.asarray(array)
    return NETWORKS[network](parameters, flavour)


def fetch(name: str, progress: bool = True) -> Path:
    """Download and port the weights `name` into the cache, unless they are there; return the file."""
    if path := find(name):
        return path
    entry = _entry(name)
    if not entry.url:
        looked = ", ".join(map(str, _folders().values()))
        ways = f"set JAXSTYLE_WEIGHTS to its folder, or `jaxstyle weights port FILE --name {name}`"
        raise InputError(f"{entry.file} is not in {looked} and not to download: {ways}, or use vgg19-lite")

    def make(draft: Path) -> None:
        _download(entry.url, draft, progress)
        _check_digest(draft, entry)
        draft.write_bytes(_packed(draft, entry))

    replace(target := _cached(entry), make)
    return target


def save(path: Path, network: Trained | VGG, metadata: Mapping[str, str]) -> None:
    """Write a trained network as float32, what `load` has to know of it in the metadata."""
    arrays = {name: np.asarray(array, np.float32) for name, array in tensors_of(network).items()}
    replace(path, lambda draft: draft.write_bytes(packed(arrays, _described(network) | dict(metadata))))


def packed(tensors: Tensors, metadata: dict[str, str]) -> bytes:
    """Return the content of a safetensors file.

    Its writer for NumPy takes an array for C-contiguous whatever it is: of a view it writes other numbers.
    """
    return pack({name: np.asarray(array, order="C") for name, array in tensors.items()}, metadata)


def _described(network: Trained | VGG) -> dict[str, str]:
    if isinstance(network, VGG):
        kind = next(name for name in ("vgg19", "vgg16") if set(network.convs) <= set(conv_names(name)))
        return {"network": kind, "flavour": network.flavour}
    kind = next(name for name, known in TRAINED.items() if isinstance(network, known))
    return {"network": kind, "config": json.dumps(network.config)}


def port(path: str | Path, name: str | None = None, output: str | Path | None = None) -> Path:
    """Write the feature layers of a PyTorch file as safetensors, into the cache or to `output`.

    `name` says which weights of the manifest it holds, where its own name does not. Raises
    `InputError` if it holds anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: {'is a folder' if path.is_dir() else 'there is no such file'}")
    listed = {entry.original: entry for entry in entries() if entry.url}
    names = ", ".join(entry.name for entry in entries() if entry.network in NETWORKS)
    if not name and path.name not in listed:
        raise InputError(f"{path}: not a publisher's file name, so say --name, one of {names}")
    entry = _entry(name) if name else listed[path.name]
    if entry.network not in NETWORKS:
        raise InputError(
            f"{name} was trained by this project: there is nothing to port; --name is one of {names}"
        )
    target = check_output(Path(output), [SUFFIX]) if output else _cached(entry)
    replace(target, lambda draft: draft.write_bytes(_packed(path, entry)))
    return target


def _cached(entry: Entry) -> Path:
    folder = _folders()["cache"]
    with suppress(OSError):  # where it cannot be made, the check says so
        folder.mkdir(parents=True, exist_ok=True)
    return check_folder(folder) / entry.file


def _packed(path: Path, entry: Entry) -> bytes:
    return packed(_ported(path, entry), {"network": entry.network, "flavour": entry.flavour})


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


def metadata(name: str) -> dict[str, str]:
    """Return what the file of the weights `name` says of itself."""
    with _opened(find(name) or fetch(name)) as file:
        return file.metadata() or {}


def _tensors(path: Path) -> Tensors:
    with _opened(path) as file:
        names = file.keys()
        return {name: _tensor(file, name, path) for name in names if not name.startswith("conv10.")}


def _tensor(file: Any, name: str, path: Path) -> np.ndarray:
    try:
        return file.get_tensor(name)
    except (AttributeError, SafetensorError):
        kind = file.get_slice(name).get_dtype()
        cure = "convert it to F32, F16 or BF16"
        raise InputError(f"{path}: {name} is of type {kind}, which NumPy has not: {cure}") from None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not os.path.isfile(path):
        raise InputError(f"{path}: there is no such file")
    try:
        with safe_open(path, "numpy") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    except SafetensorError as error:
        raise InputError(f"{path}: damaged, or no safetensors file of weights ({error})") from error


def _config(metadata: dict[str, str], path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(metadata.get("config", "{}")))
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: its metadata has no configuration that can be read ({error})") from error


def _ported(path: Path, entry: Entry) -> Tensors:
    if path.name == entry.original:
        _check_digest(path, entry)
    return from_torch(torchfile.read(path), entry.network, entry.flavour, path)
