"""What the networks that are trained here share: made of a few numbers and a seed, stored by name.

    network = Decoder(level=4, seed=0)      random parameters (He et al. 2015), float32
    network.config                          {"level": 4, "widths": ...}: travels in the file's metadata
    tensors_of(network)                     {"conv1_1.kernel": ..., ...}: what the file holds
    Decoder.restored(config, tensors, ...)  the same network again

A subclass takes its numbers as keyword arguments with defaults, keeps each under its name, and last
takes `seed`: a number, or the key of a part of another network. Every tensor is drawn from a key of its
own, the seed's with the names on the way to the tensor folded in (`part`): of one seed no two networks,
parts or tensors share a stream.
"""

import inspect
import zlib
from collections.abc import Mapping
from functools import partial
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx, traverse_util
from jax.typing import ArrayLike
from jaxtyping import Array, PRNGKeyArray

from jaxstyle.core import InputError
from jaxstyle.networks.convolution import Conv
from jaxstyle.networks.parameters import verified

Seed = ArrayLike | PRNGKeyArray
LARGEST = 4096  # of the numbers in a configuration: more is damage, and would take long to find out


class Trained(nnx.Module):
    """A network whose constructor's arguments, less the seed, are its configuration."""

    @property
    def config(self) -> dict[str, Any]:
        """The numbers that the network was made of."""
        names = inspect.signature(type(self).__init__).parameters.keys() - {"self", "seed"}
        return {name: getattr(self, name) for name in sorted(names)}

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value}" for name, value in self.config.items())
        return f"{type(self).__name__}({given})"

    __str__ = __repr__

    @classmethod
    def restored(cls, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray], origin: object) -> Self:
        """Return the network of a configuration with stored parameters, as float32.

        Raises `InputError`, which names the `origin`, for a tensor that is missing, strange, of the
        wrong shape or kind, or not finite, and for a configuration that is none of this network.
        """
        arguments = {name: tuple(v) if isinstance(v, list) else v for name, v in config.items()}
        try:
            if not all(map(_is_sane, arguments.values())) or "seed" in arguments:
                raise ValueError
            with np.errstate(all="raise"):
                template = jax.eval_shape(partial(cls, **arguments))
        except (TypeError, ValueError, IndexError, ArithmeticError) as error:
            raise InputError(f"{origin}: no configuration of {cls.__name__}: {dict(config)}") from error
        shapes = {name: array.shape for name, array in tensors_of(template).items()}
        checked = verified(dict(tensors), shapes, f"{cls.__name__} {dict(config)}", origin)
        nested = {tuple(key.split(".")): jnp.asarray(array) for key, array in checked.items()}
        return nnx.merge(nnx.graphdef(template), traverse_util.unflatten_dict(nested))


def _is_sane(value: Any) -> bool:
    """Tell whether a value of a configuration is a name, or one or more whole numbers of a network's size."""
    numbers = value if isinstance(value, tuple) else (value,)
    return isinstance(value, str) or all(type(n) is int and 0 <= n <= LARGEST for n in numbers)


def tensors_of(network: nnx.Module) -> dict[str, Array]:
    """Return the parameters of a network by name, `module.module.parameter`."""
    nested = nnx.to_pure_dict(nnx.state(network))
    return traverse_util.flatten_dict(nested, sep=".")  # pyright: ignore


def part(seed: Seed, name: str) -> PRNGKeyArray:
    """Return the key of a named part of what has this seed or key."""
    is_key = isinstance(seed, jax.Array) and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key)
    return jax.random.fold_in(seed if is_key else jax.random.key(seed), zlib.crc32(name.encode()))


def he_normal(key: PRNGKeyArray, *shape: int, gain: float = 1.0) -> Conv:
    """Return a convolution (h, w, c, o) that keeps the variance of relu features, times `gain` squared."""
    deviation = gain * (2 / np.prod(shape[:-1])) ** 0.5
    return Conv(deviation * jax.random.normal(key, shape), jnp.zeros(shape[-1]))
