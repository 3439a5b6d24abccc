"""What the networks that are trained here share: made of a few numbers and keys, stored by name.

    network = Decoder(level=4, rngs=nnx.Rngs(0))    random parameters (He et al. 2015), float32
    network.config                                  {"level": 4, "widths": ...}: goes into the file's metadata

A subclass takes its numbers as keyword arguments with defaults, keeps each under its name, and takes `rngs`,
of whose stream `params` every tensor draws a key of its own; its parts are given the same `rngs`.
"""

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxstyle.networks.conv import Conv


class Trained(nnx.Module):
    """A network whose constructor's arguments, less `rngs`, are its configuration."""

    def __init__(self, *, rngs: nnx.Rngs):
        """Draw the parameters; a subclass takes its numbers too."""

    @property
    def config(self) -> dict[str, Any]:
        """The numbers that the network was made of."""
        names = inspect.signature(type(self).__init__).parameters.keys() - {"self", "rngs"}
        return {name: getattr(self, name) for name in sorted(names)}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.config.items())
        return f"{type(self).__name__}({shown})"

    __str__ = __repr__


def he_normal(rngs: nnx.Rngs, *shape: int, gain: float = 1.0) -> Conv:
    """Return a convolution (h, w, c, o) that keeps the variance of relu features, times `gain` squared."""
    deviation = gain * (2 / np.prod(shape[:-1])) ** 0.5
    return Conv(deviation * jax.random.normal(rngs.params(), shape), jnp.zeros(shape[-1]))
