"""The tensors of a network by name: which there are, of which shapes, and networks of them.

    {"conv1_1.kernel": (3, 3, 3, 64), "conv1_1.bias": (64,), "conv1_2.kernel": ...}

A network may end after any layer, but has all layers before; a fire of SqueezeNet is whole. A kernel of
rank r may stand in two factors, `<layer>.kernel` (h, w, i, r) and `<layer>.lift` (r, o).

Beside them there may be the heads of LPIPS (see `metrics/lpips.py`), `lpips.<layer>` (c,), for its layers.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx, traverse_util
from jaxtyping import Array

from jaxstyle.core import InputError
from jaxstyle.networks import alexnet
from jaxstyle.networks.alexnet import AlexNet
from jaxstyle.networks.squeezenet import FIRES, SqueezeNet
from jaxstyle.networks.trained import Trained
from jaxstyle.networks.vgg import VGG, WIDTHS, conv_names

ENCODERS = {"vgg16": VGG, "vgg19": VGG, "squeezenet": SqueezeNet, "alexnet": AlexNet}
HEADS = "lpips."  # what the names of LPIPS' heads begin with
HEADS_OF = {  # the layers that have one
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
    "squeezenet": ("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9"),
    "alexnet": ("relu1", "relu2", "relu3", "relu4", "relu5"),
}
MAX_CONFIG = 4096  # of the numbers in a configuration: more is damage, and would take long to find out

T = TypeVar("T", bound=Trained)
Shape = tuple[int, ...]
Tensors = dict[str, np.ndarray]


def kernels(network: str) -> dict[str, Shape]:
    """Return the shape of every kernel by layer, in order."""
    if network == "alexnet":
        return alexnet.KERNELS
    if network != "squeezenet":
        names = conv_names(network)
        widths = [3, *(WIDTHS[name.block - 1] for name in names)]
        return {name: (3, 3, *pair) for name, pair in zip(names, pairwise(widths), strict=True)}
    shapes = {"conv1": (3, 3, 3, 64)}
    for fire, (inputs, squeezed, expanded) in FIRES.items():
        shapes[f"{fire}.squeeze1x1"] = (1, 1, inputs, squeezed)
        shapes[f"{fire}.expand1x1"] = (1, 1, squeezed, expanded)
        shapes[f"{fire}.expand3x3"] = (3, 3, squeezed, expanded)
    return shapes


def _shapes(tensors: Tensors, network: str) -> dict[str, Shape]:
    """Return the shapes that there should be, down to the deepest layer of which there is anything.

    Heads of LPIPS are of the layers that there are, if there are any.
    """
    every, stages, shapes = kernels(network), {key.partition(".")[0] for key in tensors}, {}
    depth = max((i for i, layer in enumerate(every) if layer.partition(".")[0] in stages), default=0)
    for layer, shape in list(every.items())[: depth + 1]:
        shapes |= {f"{layer}.kernel": shape, f"{layer}.bias": shape[3:]}
        if f"{layer}.lift" in tensors:
            rank = tensors[f"{layer}.lift"].shape[:1]
            shapes |= {f"{layer}.kernel": shape[:3] + rank, f"{layer}.lift": rank + shape[3:]}
    return shapes | (_heads(shapes, network) if "lpips" in stages else {})


def _heads(shapes: dict[str, Shape], network: str) -> dict[str, Shape]:
    convs = {layer: layer.replace("relu", "conv") for layer in HEADS_OF.get(network, ())}
    return {f"{HEADS}{x}": shapes[f"{conv}.bias"] for x, conv in convs.items() if f"{conv}.bias" in shapes}


def checked(tensors: Tensors, shapes: dict[str, Shape], network: str, origin: object) -> Tensors:
    """Return the tensors of these names and shapes as contiguous float32.

    Raises `InputError`, which names the `origin`, for a tensor that is missing, strange, of the
    wrong shape or kind, or not finite.
    """
    for key in sorted(tensors.keys() - shapes.keys()):
        raise InputError(f"{origin}: has {key}, which {network} has not")
    for key, shape in shapes.items():
        if key not in tensors:
            raise InputError(f"{origin}: lacks {key} of {network}")
        found = tensors[key]
        if found.shape != shape or not jnp.issubdtype(found.dtype, jnp.floating):
            raise InputError(f"{origin}: {key} is {found.dtype} {found.shape}, not float {shape} (HWIO)")
    with np.errstate(over="ignore"):
        arrays = {key: np.ascontiguousarray(tensors[key], np.float32) for key in shapes}
    for key, array in arrays.items():
        if not np.isfinite(array).all():
            raise InputError(f"{origin}: {key} has numbers that are not finite")
    return arrays


def check(tensors: Tensors, network: str, path: Path) -> Tensors:
    """Return the tensors of an encoder as contiguous float32; raises `InputError` as `checked` does."""
    return checked(tensors, _shapes(tensors, network), network, path)


def restored(kind: type[T], config: Mapping[str, Any], tensors: Tensors, origin: object) -> T:
    """Return the trained network of a configuration with stored parameters, as float32.

    Raises `InputError` as `checked` does, and for a configuration that is none of this network.
    """
    arguments = {name: tuple(v) if isinstance(v, list) else v for name, v in config.items()}
    try:
        if not all(map(_is_sane, arguments.values())):
            raise ValueError
        with np.errstate(all="raise"):
            template = jax.eval_shape(lambda: kind(**arguments, rngs=nnx.Rngs(0)))
    except (TypeError, ValueError, IndexError, ArithmeticError) as error:
        raise InputError(f"{origin}: no configuration of {kind.__name__}: {dict(config)}") from error
    shapes = {name: array.shape for name, array in tensors_of(template).items()}
    arrays = checked(tensors, shapes, f"{kind.__name__} {dict(config)}", origin)
    nested = {tuple(key.split(".")): jnp.asarray(array) for key, array in arrays.items()}
    return nnx.merge(nnx.graphdef(template), traverse_util.unflatten_dict(nested))


def _is_sane(value: Any) -> bool:
    """Tell whether a value of a configuration is a name, or one or more whole numbers of a network's size."""
    numbers = value if isinstance(value, tuple) else (value,)
    return isinstance(value, str) or all(type(n) is int and 0 <= n <= MAX_CONFIG for n in numbers)


def tensors_of(network: nnx.Module) -> dict[str, Array]:
    """Return the parameters of a network by name, `module.module.parameter`."""
    nested = nnx.to_pure_dict(nnx.state(network))
    return traverse_util.flatten_dict(nested, sep=".")  # pyright: ignore
