"""The jaxstyle side of the training benchmark: what is trained, and the library's own step.

A task is a network at its start, the recipe that `jaxstyle train` would follow, and the same loss in PyTorch.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

from experiments.benchmarks.inputs import load, picture
from experiments.benchmarks.torch_training import RATE, DecodersLoss, JohnsonLoss, state_dict
from jaxstyle.networks.trained import Trained
from jaxstyle.training import Johnson, Recipe, WCTDecoders
from jaxstyle.training.loop import by_jit, fresh, replicated


class Task(NamedTuple):
    """What is trained: the network at the start, the recipe for JAX, and the loss in PyTorch."""

    network: Trained
    recipe: Callable[[], Recipe]
    loss: Callable[..., torch.nn.Module]


def johnson(options, size: int) -> Task:
    recipe, style = Johnson(load(options.weights)), picture(size, 1)
    network = jax.tree.map(np.asarray, recipe.init(0))
    return Task(network, partial(recipe.prepare, style), partial(JohnsonLoss, recipe, style))


def decoders(options, size: int) -> Task:
    recipe = WCTDecoders(load(options.weights), levels=tuple(options.levels))
    # Fresh decoders end in zeros: they give plain grey, where every maximum of the encoder's is a tie.
    noise = np.random.default_rng(0).standard_normal
    fill = lambda leaf: np.where(leaf == 0, 0.02 * noise(leaf.shape), leaf).astype(np.float32)
    network = jax.tree.map(fill, recipe.init(0))
    return Task(network, recipe.replace, partial(DecodersLoss, recipe))


TASKS = {"johnson": johnson, "decoders": decoders}


class Jaxstyle:
    """The recipe's step as `fit` compiles it; `network` and `batch` are numpy."""

    def __init__(
        self, recipe: Callable[[], Recipe], network: Trained, batch: np.ndarray, compute=jnp.float32
    ):
        ready, optimizer = recipe(), optax.adam(RATE)
        loss = jax.tree_util.Partial(type(ready).loss, ready)
        self.loss, self.batch = jax.device_put(loss, replicated()), {"image": batch}
        self.state = fresh(lambda: jax.tree.map(jnp.array, network), optimizer)
        self.step, self.place = by_jit(optimizer, compute)

    def advance(self, count: int) -> list[float]:
        """Take `count` steps; return the loss before each."""
        losses = []
        for _ in range(count):
            self.state, terms = self.step(self.loss, self.state, self.place(self.batch))
            losses.append(terms["loss"])
        jax.block_until_ready(self.state)
        return [float(loss) for loss in losses]

    def moments(self) -> dict[str, np.ndarray]:
        """Return Adam's mean of the gradients, by PyTorch's names and in its order of axes."""
        moments = optax.tree.get(self.state.optimizer, "mu")
        return {name: value.numpy() for name, value in state_dict(moments).items()}

    def flops(self) -> float:
        """Return the operations of a step as traced: once compiled, XLA does not count what cuDNN does."""
        lowered = self.step.lower(self.loss, self.state, self.place(self.batch))
        return lowered.cost_analysis()["flops"]
