"""What a paper adds to the loop: a network to begin with, and the loss of one example.

    recipe = Johnson(encoder).prepare(style)
    params = recipe.init(nnx.Rngs(seed));    recipe.loss(params, {"image": image}, key) -> {name: term}

A recipe is a pytree: its arrays (encoder, targets, weights) travel to the devices beside the parameters,
and its documented fields are the options of `jaxstyle train NAME`.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import PRNGKeyArray

from jaxstyle.core import Encoder, Image, InputError, Scalar, pytree


@pytree
class Recipe:
    """A network and how it is trained.

    `ENCODER` names its weights. `SOURCES` are the pictures of an example: photographs, and "style"
    where every example has its own. `DECAYS` tells whether the learning rate falls to zero by a cosine.
    `PRESETS` names constructors after sources, and the encoder that each source used.
    """

    NAME: ClassVar[str]
    ENCODER: ClassVar[str] = "vgg19-lite"
    SOURCES: ClassVar[tuple[str, ...]] = ("image",)
    DECAYS: ClassVar[bool] = True
    DEFAULTS: ClassVar[dict[str, Any]]
    PRESETS: ClassVar[dict[str, str]] = {}

    encoder: Encoder
    start: Any = None

    def network(self, rngs: nnx.Rngs) -> nnx.Module:
        """Return the network, untrained."""
        raise NotImplementedError

    def init(self, rngs: nnx.Rngs) -> Any:
        """Return the network to begin with: a copy of `start`, or an untrained one."""
        network: Any = self.network(rngs)
        if self.start is None:
            return network
        if type(self.start) is not type(network) or self.start.config != network.config:
            raise InputError(f"{self.NAME} cannot start from {_show(self.start)}: it is {_show(network)}")
        return jax.tree.map(jnp.array, self.start)

    def survey(self, images: Iterable[Image]) -> Self:
        """Return the recipe after a look at as many pictures of the data as it takes; most need none."""
        return self

    def prepare(self, style: Image) -> Self:
        """Return the recipe for one style; those that learn any style need none."""
        raise InputError(f"{self.NAME} learns any style: give --style a folder, not a file")

    def optimizer(self, learning_rate: float, steps: int) -> optax.GradientTransformation:
        """Return Adam, its rate constant or decaying to zero after `steps`."""
        decayed = optax.cosine_decay_schedule(learning_rate, steps)
        return optax.adam(decayed if self.DECAYS else learning_rate)

    def loss(self, params: Any, example: dict[str, Image], key: PRNGKeyArray) -> dict[str, Scalar]:
        """Return the terms of the loss of one example, weights included.

        `key` is another one for every example and step, and the same again where a run goes on.
        """
        raise NotImplementedError

    def sample(self, params: Any, example: dict[str, Image]) -> list[Image]:
        """Return what to look at: the example, and what the network makes of it."""
        raise NotImplementedError

    def replace(self, **changes: Any) -> Self:
        """Return the recipe with other fields."""
        return dataclasses.replace(self, **changes)


def _show(network: Any) -> str:
    return f"{type(network).__name__} {getattr(network, 'config', '')}"
