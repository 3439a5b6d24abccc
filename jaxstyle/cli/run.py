"""Running a parsed command: what was compiled is kept for the next time, what goes wrong is one line.

SIGTERM ends a command as Ctrl-C does; the exit codes are those of the signals, 143 and 130.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr
from io import StringIO
from typing import TextIO

import jax

from jaxstyle import weights
from jaxstyle.cli import Call
from jaxstyle.core import InputError


class Terminated(KeyboardInterrupt):
    """SIGTERM: to whatever handles Ctrl-C, the same."""


class Silence(StringIO):
    """What `--quiet` says nothing on; `behind` is where what is wrong still goes."""

    def __init__(self, behind: TextIO):
        super().__init__()
        self.behind = behind


def complain(text: str) -> None:
    """Say in a line what is wrong, `--quiet` or not."""
    stream = sys.stderr.behind if isinstance(sys.stderr, Silence) else sys.stderr
    print("jaxstyle:", " ".join(text.splitlines()), file=stream)  # a name may have two lines


def exit_code(stopped: BaseException) -> int:
    """Return the exit code of a command that a signal stopped."""
    return 128 + (signal.SIGTERM if isinstance(stopped, Terminated) else signal.SIGINT)


def keep_programs() -> None:
    """Keep what is compiled in the user's cache, unless JAX was told where."""
    if not jax.config.jax_compilation_cache_dir:  # pyright: ignore
        jax.config.update("jax_compilation_cache_dir", str(weights.cache() / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` where SIGTERM comes."""

    def stop(number, frame):
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # others get no signals
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def on_a_device() -> Iterator[None]:
    """Raise `InputError` where JAX finds no device such as the environment asks for."""
    try:
        yield
    except (RuntimeError, AssertionError):  # JAX has either, by the platform
        if missing := _missing_device():
            raise InputError(missing) from None
        raise


def _missing_device() -> str:
    """Return what to do about JAX having no device at all, or nothing if it has one."""
    try:
        return "" if jax.devices() else "JAX has no device"
    except (RuntimeError, AssertionError) as error:
        asked = jax.config.jax_platforms  # pyright: ignore
        reason = str(error).partition("\n")[0].partition(" (set ")[0] or "not installed"
        return f"JAX has no device '{asked}' here ({reason}): set JAX_PLATFORMS to cpu, or to nothing"


def run(call: Call) -> int:
    """Run the command; return its exit code."""
    keep_programs()
    silent = getattr(call.bound.arguments.get("output"), "quiet", False)
    try:
        with terminable(), on_a_device(), redirect_stderr(Silence(sys.stderr)) if silent else nullcontext():
            return call() or 0
    except InputError as error:
        complain(str(error))
        return 2
    except KeyboardInterrupt as stopped:
        print("jaxstyle: stopped before there was an image", file=sys.stderr)
        return exit_code(stopped)
