"""Memory that a step has freed stays with the process, for the next step.

A CPU's step allocates its intermediate results anew, hundreds of megabytes in one piece. The C library takes
such a piece from the system and gives it back, so every step begins by touching fresh pages: a sixth to a
quarter of its time on a virtual machine. One heap that never shrinks has the pages already. It costs what
fragments leave unused, and nothing is gained where a program runs once, so only training asks for it.
"""

import ctypes

OPTIONS = {-4: 0, -1: -1, -8: 1}  # of malloc.h: M_MMAP_MAX none, M_TRIM_THRESHOLD never, M_ARENA_MAX one heap


def keep_memory() -> None:
    """Let the C library keep what is freed, if it is glibc; elsewhere nothing happens."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl and macOS have none, Windows no such library
        return
    for option, value in OPTIONS.items():
        mallopt(option, value)
