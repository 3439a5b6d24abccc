"""What the programs of a method will take, before they run.

bytes = arguments, results and everything between, as XLA laid them out
time  = the program's operations, or bytes, / the rate at which this machine does those of a small network
"""

import time
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.stages import Compiled

from jaxstyle.core import Method, padded, prepare_compiled, summarise
from jaxstyle.networks.conv import conv2d
from jaxstyle.networks.pooling import max_pool
from jaxstyle.statistics.covariance import second_moment


def buffers(program: Compiled) -> float:
    """Return the bytes of a program's arguments, results and everything between."""
    memory: Any = program.memory_analysis()
    sizes = (memory.argument_size_in_bytes, memory.output_size_in_bytes, memory.temp_size_in_bytes)
    return sum(sizes) - memory.alias_size_in_bytes


def compiled(method: Method, content, *arguments) -> list[tuple[Compiled, float]]:
    """Return the programs of a run, and how often each is done."""
    target = jax.eval_shape(partial(summarise, method), *arguments)
    prepare = prepare_compiled.lower(method, *padded(method, *arguments))
    every = [(prepare, 1.0), *method.programs(content, target)]
    return [(program.compile(), times) for program, times in every]


def _network(x, kernels):
    """Return the energy of what a small piece of VGG sees."""
    for kernel in kernels:
        x = jax.nn.relu(conv2d(x, kernel, trained=False))
    return jnp.sum(second_moment(max_pool(x)) ** 2)


def rates() -> tuple[float, float]:
    """Return the operations and bytes of a small network and its gradient that this device does a second."""
    kernels = [jnp.full((3, 3, *pair), 1e-3) for pair in ((3, 64), (64, 64), (64, 64))]
    image = jnp.ones((256, 256, 3))
    program = jax.jit(jax.grad(_network)).lower(image, kernels).compile()
    jax.block_until_ready(program(image, kernels))
    start = time.perf_counter()
    jax.block_until_ready(program(image, kernels))
    seconds, done = time.perf_counter() - start, [(program, 1.0)]
    return cost(done, "flops") / seconds, cost(done, "bytes accessed") / seconds


def cost(programs: list[tuple[Compiled, float]], kind: str) -> float:
    """Return what XLA counts of a kind, in a run."""
    facts: list[Any] = [program.cost_analysis() for program, _ in programs]
    return sum(times * each.get(kind, 0.0) for each, (_, times) in zip(facts, programs, strict=True))


def seconds_of(programs: list[tuple[Compiled, float]]) -> float:
    """Return the seconds of a run: those of its operations or of its bytes, whichever are more."""
    operations, size = rates()
    return max(cost(programs, "flops") / operations, cost(programs, "bytes accessed") / size)
