"""Memory that is kept: a program that runs again and again seldom takes fresh pages from the system."""

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
import resource, jax, jax.numpy as jnp
from jaxstyle import allocator
if {keep}:
    allocator.keep()
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
run = jax.jit(lambda x: jnp.full((4096, 4096), x))  # a block of 64 MB
run(1.0)
before = faults()
for _ in range(20):
    run(1.0).block_until_ready()
print(faults() - before)
"""


def faults(keep: bool) -> int:
    """Return how many pages a process took in 20 calls."""
    command = [sys.executable, "-c", PROGRAM.format(keep=keep)]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc's alone"
)
def test_memory_is_kept_for_the_next_call():
    assert faults(keep=True) < faults(keep=False) / 2
