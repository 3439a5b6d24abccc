"""The one training loop: data-parallel over all devices of all hosts, three ways, one mathematics.

    params <- params - optimizer(grad mean_i sum(loss_fn(params, example_i, key_i)))

A paper adds `init` and `loss_fn`, which gives the terms of the loss of one example by name; the loop
vmaps it over the batch. The step is written once, for one device. `jit` is the default: the batch is
sharded, and XLA puts in the all-reduce. `pmap` and `shard_map` run the same step on every device and
average with `lax.pmean`; all three give the one-device result.

| way | who averages | |
|---|---|---|
| `jit` | XLA, from the shardings | a batch norm would be global; compiles for any mesh |
| `pmap` | `lax.pmean` in the step | the classic; since JAX 0.8 a shard_map itself |
| `shard_map` | `lax.pmean` in the step | with `check_vma=False`, see below |

`shard_map` by default (`check_vma=True`) sums the gradient of replicated parameters over the devices
itself; its `pmean` would then be n times too large, which Adam hides and SGD shows.

Conventions: arrays of uint8 in a batch are pictures and become [0, 1]. Under `compute=bfloat16` the
loss runs in it, its means over the batch, the master parameters and the optimiser in float32.
Trained convolutions use XLA's own gradients, which see the whole batch (see `networks.conv`).
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import PRNGKeyArray

from jaxstyle.core import InputError, Scalar

AXIS = "data"
Example = dict[str, Any]
Loss = Callable[[Any, Example, PRNGKeyArray], dict[str, Scalar]]


class State(NamedTuple):
    """What training changes."""

    params: Any
    optimizer: Any


class Step(NamedTuple):
    """One step done: its number from 1, the state after it, its losses, the seconds waited for data."""

    number: int
    state: State
    losses: dict[str, jax.Array]
    waited: float


def _cast(tree, dtype):
    """Bring the numbers of a tree to a type, pictures from uint8 to [0, 1]."""

    def cast(leaf):
        leaf = jnp.asarray(leaf)
        if leaf.dtype == jnp.uint8:
            return leaf.astype(dtype) / 255
        return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(cast, tree)


def make_step(optimizer: optax.GradientTransformation, compute=jnp.float32, axis: str | None = None):
    """Return `step(loss_fn, state, batch, seed, number) -> state, losses` for one device or one of an `axis`.

    An example's key is the seed's with the step's number folded in, then its place in the whole batch; there
    hosts take turns (see `data`).
    """

    def step(loss_fn, state, batch, seed, number):
        size, hosts = len(jax.tree.leaves(batch)[0]), jax.process_count()
        share = size * (jax.device_count() if axis else 1) // hosts
        rows = jnp.arange(size) + (jax.lax.axis_index(axis) * size if axis else 0)
        places = rows % share * hosts + rows // share
        key = jax.random.fold_in(jax.random.key(seed), number)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, places)

        def total(params):
            loss, cast, examples = _cast((loss_fn, params, batch), compute)
            terms = jax.vmap(partial(loss, cast))(examples, keys)
            means = {name: jnp.mean(term.astype(jnp.float32)) for name, term in terms.items()}
            return sum(means.values()), means

        (loss, terms), gradient = jax.value_and_grad(total, has_aux=True)(state.params)
        losses = {"loss": loss} | terms
        if axis:
            losses, gradient = jax.lax.pmean((losses, gradient), axis)
        updates, optimizer_state = optimizer.update(gradient, state.optimizer, state.params)
        return State(optax.apply_updates(state.params, updates), optimizer_state), losses

    return step


def mesh() -> jax.sharding.Mesh:
    """Return all devices of all hosts in a row."""
    return jax.make_mesh((jax.device_count(),), (AXIS,), axis_types=(AxisType.Auto,))


def replicated() -> NamedSharding:
    """Return the sharding of what every device holds whole."""
    return NamedSharding(mesh(), PartitionSpec())


def _sharing():
    """Return how a batch is shared by all devices, and what does so with this host's part."""
    rows = NamedSharding(mesh(), PartitionSpec(AXIS))

    def place(batch):
        # There before the step is called: else a CPU runs it in a thread that keeps no memory (`allocator`).
        return jax.block_until_ready(jax.make_array_from_process_local_data(rows, batch))

    return rows, place


def by_jit(optimizer, compute):
    """Compile the step for a batch sharded over all devices."""
    every, (rows, place) = replicated(), _sharing()
    step = make_step(optimizer, compute)
    return jax.jit(
        step, in_shardings=(every, every, rows, every, every), out_shardings=every, donate_argnums=1
    ), place


def by_shard_map(optimizer, compute):
    """Compile the per-device step for all devices."""
    every, rows = PartitionSpec(), PartitionSpec(AXIS)
    step = make_step(optimizer, compute, AXIS)
    mapped = jax.shard_map(
        step, mesh=mesh(), in_specs=(every, every, rows, every, every), out_specs=every, check_vma=False
    )
    return jax.jit(mapped, donate_argnums=1), _sharing()[1]


def by_pmap(optimizer, compute):
    """Compile the per-device step for all devices, the classic way."""
    step = make_step(optimizer, compute, AXIS)
    n = jax.local_device_count()
    split = partial(jax.tree.map, lambda leaf: leaf.reshape(n, -1, *leaf.shape[1:]))
    return jax.pmap(step, axis_name=AXIS, in_axes=(None, None, 0, None, None), out_axes=None), split


PARALLEL = {"jit": by_jit, "pmap": by_pmap, "shard_map": by_shard_map}


def fresh(init: Callable[[], Any], optimizer: optax.GradientTransformation) -> State:
    """Return the first state, on all devices."""
    params = init()
    return jax.device_put(State(params, optimizer.init(params)), replicated())


def fit(
    state: State,
    loss_fn: Loss,
    data: Iterator[Example],
    optimizer: optax.GradientTransformation,
    parallel: str = "jit",
    compute: Any = jnp.float32,
    done: int = 0,
    seed: int = 0,
) -> Iterator[Step]:
    """Train without end, from `state` after `done` steps: take as many steps as wanted.

    `loss_fn(params, example, key)` is a function, or a `jax.tree_util.Partial` of one whose arrays are not
    trained and travel beside the parameters. `data` gives this host's share of each batch. The
    buffers of a yielded state are given away (donated) when the next step is asked for: copy what is to stay.
    Steps are handed out before the device has done them, so reading the losses one step late keeps it busy.

    Raises `InputError` if the devices do not divide a batch.
    """
    step, place = PARALLEL[parallel](optimizer, compute)
    if not isinstance(loss_fn, jax.tree_util.Partial):  # whose Partial would have no leaves
        loss_fn = jax.tree_util.Partial(loss_fn)
    loss_fn = jax.device_put(loss_fn, replicated())
    while True:
        start = time.perf_counter()
        batch = next(data)
        waited = time.perf_counter() - start
        size, devices = len(jax.tree.leaves(batch)[0]), jax.local_device_count()
        if size % devices:
            raise InputError(f"a batch of {size} cannot be shared by {devices} devices: take a multiple")
        state, losses = step(loss_fn, state, place(batch), np.uint32(seed), done)
        done += 1
        yield Step(done, state, losses, waited)
