"""Before a run: how much memory and time it will take, and in tiles of which size it fits.

    peak = what the process has now + the largest of the programs' buffers, as XLA laid them out
    time = the program's operations / the rate at which this machine does a small network

The programs are those that run afterwards (the cache of programs keeps them). Operations are counted of the
untiled method. On a GPU, memory is the device's.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.stages import Compiled

from jaxstyle import allocator
from jaxstyle.core import InputError, Method, padded, prepare_compiled, summarise
from jaxstyle.networks.conv import conv2d
from jaxstyle.networks.pooling import max_pool
from jaxstyle.statistics.covariance import second_moment
from jaxstyle.tiling.method import needs_whole

WORTH = 2**19  # pixels from which a plan is made unasked
SMALLER = "try a smaller --size or --style-size, or of L-BFGS fewer --pairs"
TILES = (2048, 1024, 512, 256, 128)
UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


class Plan(NamedTuple):
    """A method, perhaps in tiles, and the bytes and seconds that it is predicted to take."""

    method: Method
    tile: int | None
    bytes: float
    seconds: float

    def __str__(self) -> str:
        tiles = f" in tiles of {self.tile} px" if self.tile else ""
        minutes = f"{self.seconds:.0f} s" if self.seconds < 100 else f"{self.seconds / 60:.0f} min"
        return f"about {self.bytes / 1e9:.1f} GB and {minutes}{tiles}"


class TooLargeError(InputError):
    """What does not fit: `fact` says so, `share` is that of its memory that there is."""

    def __init__(self, plan: Plan, limit: float, why: str = ""):
        self.fact = f"{plan}, and there are {limit / 1e9:.1f} GB"
        self.share = limit / plan.bytes
        super().__init__(f"{self.fact}: {why}{SMALLER}")


def size_of(text: str) -> float:
    """Parse `4GB`, `800MB`, ... as bytes."""
    found = re.fullmatch(r"(\d+\.?\d*) *(kb|mb|gb|tb)", text.strip().lower())
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"'{text}' is no size of memory like 4GB or 800MB")
    return float(found[1]) * UNITS[found[2]]


def available() -> float:
    """Return the bytes that there are for one more run; endless where the machine does not tell."""
    stats = jax.devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"]
    return _told("/proc/meminfo", "MemAvailable", float("inf")) + taken()


def taken() -> float:
    """Return the bytes that are taken now: by this process, or on the device."""
    stats = jax.devices()[0].memory_stats()
    if stats and "bytes_in_use" in stats:
        return stats["bytes_in_use"]
    return _told("/proc/self/status", "VmRSS", 0.0)


def _told(path: str, name: str, otherwise: float) -> float:
    """Return the bytes that a table of Linux tells, or `otherwise` where there is none."""
    table = Path(path)
    lines = table.read_text().splitlines() if table.exists() else []
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith(name)), otherwise)


def buffers(program: Compiled) -> float:
    """Return the bytes of a program's arguments, results and everything between."""
    memory: Any = program.memory_analysis()
    sizes = (memory.argument_size_in_bytes, memory.output_size_in_bytes, memory.temp_size_in_bytes)
    return sum(sizes) - memory.alias_size_in_bytes


def compiled(method: Method, content, *given) -> list[tuple[Compiled, float]]:
    """Return the programs of a run, and how often each is done."""
    target = jax.eval_shape(partial(summarise, method), *given)
    prepare = prepare_compiled.lower(method, *padded(method, *given))
    every = [(prepare, 1.0), *method.programs(content, target)]
    return [(program.compile(), times) for program, times in every]


def _network(x, kernels):
    """Return the energy of what a small piece of VGG sees."""
    for kernel in kernels:
        x = jax.nn.relu(conv2d(x, kernel, trained=False))
    return jnp.sum(second_moment(max_pool(x)) ** 2)


def rate() -> float:
    """Return how many operations of a small network and its gradient this device does in a second."""
    kernels = [jnp.full((3, 3, *pair), 1e-3) for pair in ((3, 64), (64, 64), (64, 64))]
    image = jnp.ones((256, 256, 3))
    program = jax.jit(jax.grad(_network)).lower(image, kernels).compile()
    jax.block_until_ready(program(image, kernels))
    start = time.perf_counter()
    jax.block_until_ready(program(image, kernels))
    return operations([(program, 1.0)]) / (time.perf_counter() - start)


def operations(programs: list[tuple[Compiled, float]]) -> float:
    """Return the operations of a run."""
    facts: list[Any] = [program.cost_analysis() for program, _ in programs]
    return sum(times * each.get("flops", 0.0) for each, (_, times) in zip(facts, programs, strict=True))


def fitting(
    in_tiles: Callable[[int | None], Method], tile: int | None, given: tuple, limit: float | None
) -> Plan:
    """Return how a method runs within `limit` bytes, or those that there are: whole, or in what tiles.

    `in_tiles` gives the method whose tiles have a side, or none; `given` are content, style and masks as
    `core.styled` takes them; a `tile` is taken as it is. Raises `TooLargeError` where nothing fits.
    """
    limit = limit or available()
    whole = compiled(in_tiles(None), *given)
    seconds = operations(whole) / rate()

    def predict(tile: int | None) -> Plan:
        method = in_tiles(tile)
        programs = compiled(method, *given) if tile else whole
        allocator.give_back()
        return Plan(method, tile, taken() + max(buffers(program) for program, _ in programs), seconds)

    first = plan = predict(tile)
    for smaller in TILES:
        if tile or plan.bytes <= limit:
            break
        if smaller < max(given[0].shape):
            if not first.method.tileable:
                raise TooLargeError(first, limit, f"{needs_whole(first.method)}; ")
            plan = predict(smaller)
    if plan.bytes > limit:
        raise TooLargeError(plan, limit)
    if plan is not first:
        print(f"{first} as a whole, and there are {limit / 1e9:.1f} GB: in tiles", file=sys.stderr)
    print(plan, file=sys.stderr)
    return plan
