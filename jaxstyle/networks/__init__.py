"""The networks: Flax modules that are plain pytrees, built from arrays."""

from jaxstyle.networks.alexnet import AlexNet
from jaxstyle.networks.squeezenet import SqueezeNet
from jaxstyle.networks.vgg import VGG

__all__ = ["VGG", "AlexNet", "SqueezeNet"]
