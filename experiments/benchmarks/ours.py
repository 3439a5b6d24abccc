"""The jaxstyle side of the benchmark: the library as its users call it.

variant.advance()      a turn: the losses before each of its steps, or one empty loss list for a call
variant.result()       arrays by name, which the other side must have too
variant.operations()   those of one step, as traced (a loop counts once)
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.benchmarks.machine import on_gpu
from experiments.benchmarks.torch_training import RATE, state_dict
from jaxstyle.core import part_of, summarise
from jaxstyle.methods.descent import evaluate
from jaxstyle.networks.trained import Trained
from jaxstyle.training import Recipe
from jaxstyle.training.loop import by_jit, fresh, make_step, replicated


def typed(tree, precision: str):
    """Return a pytree, its numbers in the precision."""
    floats = lambda leaf: jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, precision) if floats(leaf) else leaf, tree)


def operations(function: Callable, *arguments) -> float:
    """Count by the CPU's compiler, which alone tells, what is lowered for the device."""
    shapes = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf)), arguments
    )
    platforms = ("cuda",) if on_gpu() else ("cpu",)
    with jax.default_device(jax.devices("cpu")[0]):
        lowered = jax.jit(function).trace(*shapes).lower(lowering_platforms=platforms)
    return (lowered.cost_analysis() or {})["flops"]


class Call:
    """A function of arrays and pytrees of them, compiled; a call is a step."""

    def __init__(self, function: Callable, arguments: tuple, steps: int, precision: str = "float32"):
        self.function, self.arguments = jax.jit(function), typed(arguments, precision)
        self.steps = steps

    def advance(self) -> list[float]:
        for _ in range(self.steps):
            self.output = jax.block_until_ready(self.function(*self.arguments))
        return []

    def result(self) -> dict[str, np.ndarray]:
        return {"result": np.asarray(self.output)}

    def operations(self) -> float:
        return operations(self.function, *self.arguments)


class Descended:
    """A method's descent on the image; a turn is a chunk of steps."""

    def __init__(self, method: Callable, images: tuple, masks: tuple, steps: int, precision: str = "float32"):
        self.method, self.content, style, masks = typed((method(), *images, masks), precision)
        self.target = summarise(self.method, style, *masks)
        self.snapshots = self.method.run(self.content, self.target, every=steps)

    def advance(self) -> list[float]:
        snapshot = next(self.snapshots)
        snapshot = snapshot if snapshot.step else next(self.snapshots)  # the first is the start
        self.image = jax.block_until_ready(snapshot.image)
        return snapshot.losses["loss"].tolist()

    def result(self) -> dict[str, np.ndarray]:
        return {"image": np.asarray(self.image)}

    def operations(self) -> float:
        def energy(method, content, target):
            loss = method.loss(content, part_of(target, -1))
            return jax.grad(lambda image: evaluate(method.encoder, loss, image)[0])(content)

        return operations(energy, self.method, self.content, self.target)


class Trainer:
    """A recipe's step as `fit` compiles it, on one batch; `network` and `batch` are numpy."""

    def __init__(
        self, recipe: Callable[[], Recipe], network: Trained, batch, steps: int, precision: str = "float32"
    ):
        ready, self.optimizer, self.precision = recipe(), optax.adam(RATE), jnp.dtype(precision)
        loss = jax.tree_util.Partial(type(ready).loss, ready)
        self.loss, self.batch, self.steps = jax.device_put(loss, replicated()), {"image": batch}, steps
        self.number = 0
        self.state = fresh(lambda: jax.tree.map(jnp.array, network), self.optimizer)
        self.step, self.place = by_jit(self.optimizer, self.precision)
        self.first: dict[str, np.ndarray] = {}

    def advance(self) -> list[float]:
        losses = []
        for _ in range(self.steps):
            given = self.loss, self.state, self.place(self.batch), 0, self.number
            (self.state, terms), self.number = self.step(*given), self.number + 1
            losses.append(terms["loss"])
            self.first = self.first or self._moments()
        jax.block_until_ready(self.state)
        return [float(loss) for loss in losses]

    def result(self) -> dict[str, np.ndarray]:
        """Return the first step's gradients: Adam moves by the sign of those that are but rounding."""
        return self.first

    def _moments(self) -> dict[str, np.ndarray]:
        """Return Adam's mean of the gradients, by PyTorch's names and in its order of axes."""
        moments = optax.tree.get(self.state.optimizer, "mu")
        return {name: value.numpy() for name, value in state_dict(moments).items()}

    def operations(self) -> float:
        given = self.loss, self.state, self.batch, 0, self.number
        return operations(make_step(self.optimizer, self.precision), *given)
