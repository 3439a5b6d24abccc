"""Port torchvision's VGG-16, VGG-19 or SqueezeNet 1.1, and hold the port against plain PyTorch.

    python -m weights.port.torchvision vgg19-dcbb9e9d.pth vgg19.safetensors

A third argument, `vgg19`, says what a file of another name holds. Prints for every layer the largest
difference on a random image, relative to the layer's largest value; above 1e-4 it exits with 1.
"""

import sys
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import conv2d, max_pool2d, pad

from jaxstyle import weights
from jaxstyle.networks import VGG


def convolve(state, module, x, **options):
    """Apply the convolution that is called `module`."""
    return conv2d(x, state[f"{module}.weight"], state[f"{module}.bias"], **options)


def vgg(state, x, step=2, border="constant"):
    """Give every layer; the convolutions are numbered in steps of `step`, and one more over a pool."""
    modules = [key.removesuffix(".weight") for key in state if state[key].shape[2:] == (3, 3)]
    for module, following in pairwise([*modules, "99"]):
        yield (x := convolve(state, module, pad(x, (1, 1, 1, 1), border)))
        yield (x := x.relu())
        if int(following.split(".")[-1]) - int(module.split(".")[-1]) > step:
            yield (x := max_pool2d(x, 2))


def squeezenet(state, x):
    """Give every layer; a module that is no fire is a pool."""
    yield (x := convolve(state, "features.0", x, stride=2))
    yield (x := x.relu())
    for module in (f"features.{number}" for number in range(2, 13)):
        if f"{module}.squeeze.weight" in state:
            s = convolve(state, f"{module}.squeeze", x).relu()
            pair = [convolve(state, f"{module}.expand{k}x{k}", s, padding=k // 2) for k in (1, 3)]
            yield (x := torch.cat(pair, 1).relu())
        else:
            yield (x := max_pool2d(x, 3, 2, ceil_mode=True))


def compare(network, layers, image):
    """Print how far the layers are off; tell whether any is too far."""
    features, errors = network(image[0].permute(1, 2, 0).numpy(), network.layers), {}
    for name in network.layers:
        layer, ours = next(layers), torch.tensor(np.asarray(features[name])).permute(2, 0, 1)
        errors[name] = float((ours - layer[0]).abs().max() / layer.abs().max())
        print(f"{name:8} {errors[name]:.1e}")
    return max(errors.values()) > 1e-4


if __name__ == "__main__":
    source, output, *name = sys.argv[1:]
    network = weights.load(str(weights.port(source, name[0] if name else None, output)))
    state, image = torch.load(source, weights_only=True), torch.rand(1, 3, 96, 128)
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    run = vgg if isinstance(network, VGG) else squeezenet
    sys.exit(compare(network, run(state, (image - mean) / deviation), image))
