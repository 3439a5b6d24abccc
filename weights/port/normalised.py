"""Port vgg_normalised, VGG-19 rescaled to mean activation 1 (AdaIN, WCT), and hold it against plain PyTorch.

    python -m weights.port.normalised vgg_normalised.pth vgg19_normalised.safetensors

The file is a chain of a 1 x 1 convolution, which normalises the image, and reflected 3 x 3 ones, all
or the first few. Prints for every layer the largest difference on a random image, relative to the
layer's largest value; above 1e-4 it exits with 1. Expected to relu3_1: at most 2e-6.
"""

import sys

import torch

from jaxstyle import weights
from weights.port.torchvision import compare, convolve, vgg

if __name__ == "__main__":
    source, output = sys.argv[1:]
    network = weights.load(str(weights.port(source, "vgg19-normalised", output)))
    state, image = torch.load(source, weights_only=True), torch.rand(1, 3, 96, 128)
    layers = vgg(state, convolve(state, "0", image), step=3, border="reflect")
    sys.exit(compare(network, layers, image))
