"""What the C library does with memory that was given back, where that is glibc; elsewhere nothing is done.

A program of XLA asks for one block of memory a call. glibc maps one of more than 32 MB anew each time, which
Linux then fills with zeros page by page, and unmaps it after. A process that runs the same program again and
again had better keep it: on a CPU Johnson's training step takes 13 % less time, AdaIN at 256 px 21 %. One
that runs a few large programs had better give back what compiling left.

Only the main thread can keep large blocks. So JAX is told to ask for them there, that is to run a CPU's
programs in the thread that calls. The threads within a program ask for thousands of small blocks, each from
an arena of its own: in one they would wait for one another.
"""

import ctypes
import sys
from collections.abc import Callable

import jax

MMAP_MAX, TRIM_THRESHOLD = -4, -1  # mallopt(3)


def _glibc(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def keep() -> None:
    """Keep from now on all memory that was ever taken, for the next call: before JAX is first used."""
    if mallopt := _glibc("mallopt"):
        for option, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, -1)):
            mallopt(option, value)
        jax.config.update("jax_cpu_enable_async_dispatch", False)


def give_back() -> None:
    """Give the system what no buffer uses: half a gigabyte after compiling."""
    if trim := _glibc("malloc_trim"):
        trim(0)
