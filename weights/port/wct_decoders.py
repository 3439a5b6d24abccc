"""Port the original decoders of WCT, levels 1 to 3, and hold them against plain PyTorch.

    python -m weights.port.wct_decoders wct_decoders_1-3.safetensors decoders.safetensors

The file has them by the numbers of PyTorch's modules, `dec3.1.weight` (OIHW); their encoder is
`vgg19-normalised`. Prints for every level the largest difference on a random feature, relative to the
image's largest value; above 1e-4 it exits with 1. Expected: at most 1e-6.
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn.functional import interpolate, pad

from jaxstyle import weights
from jaxstyle.networks.decoders import MIRROR, Decoders, mirrored
from jaxstyle.networks.vgg import WIDTHS
from jaxstyle.weights.parameters import restored
from weights.port.torchvision import convolve

KINDS = {"weight": "kernel", "bias": "bias"}


def modules(state, level):
    """Return the numbers of a decoder's convolutions in order."""
    return sorted(
        int(key.split(".")[1]) for key in state if key.startswith(f"dec{level}.") and "weight" in key
    )


def ported(path):
    """Return the decoders of a file."""
    state, tensors = load_file(path), {}
    levels = tuple(sorted({int(key[3]) for key in state}))
    for level in levels:
        for layer, module in zip(mirrored(level), modules(state, level), strict=True):
            for theirs, ours in KINDS.items():
                array = state[f"dec{level}.{module}.{theirs}"].numpy()
                tensors[f"level{level}.{layer}.{ours}"] = (
                    array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
                )
    return restored(Decoders, {"levels": levels, "widths": MIRROR}, tensors, path)


def decode(state, level, x):
    """Return the image; the convolutions are numbered in steps of 3, and one more over an upsampling."""
    numbers = modules(state, level)
    for module, following in pairwise([*numbers, None]):
        x = convolve(state, f"dec{level}.{module}", pad(x, (1, 1, 1, 1), "reflect"))
        if following:
            x = interpolate(x.relu(), scale_factor=following - module - 2)
    return x


if __name__ == "__main__":
    source, output = sys.argv[1:]
    weights.save(Path(output), ported(source), {"encoder": "vgg19-normalised"})
    state, network, worst = load_file(source), weights.load(output), 0.0
    for level in network.levels:
        feature = torch.rand(1, WIDTHS[level - 1], 24, 32)
        ours = torch.tensor(np.asarray(network[level](feature[0].permute(1, 2, 0).numpy())))
        image = decode(state, level, feature)[0].permute(1, 2, 0)
        error = float((ours - image).abs().max() / image.abs().max())
        print(f"level {level}  {error:.1e}")
        worst = max(worst, error)
    sys.exit(worst > 1e-4)
