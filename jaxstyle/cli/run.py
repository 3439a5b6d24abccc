"""Running a parsed command: what was compiled is kept for the next time, what goes wrong is one line."""

import argparse
import sys

import jax

from jaxstyle import weights
from jaxstyle.core import InputError


def keep_programs() -> None:
    """Keep what is compiled in the user's cache, unless JAX was told where."""
    if not jax.config.jax_compilation_cache_dir:  # pyright: ignore
        jax.config.update("jax_compilation_cache_dir", str(weights.cache() / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def run(options: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    keep_programs()
    try:
        return options.run(options)
    except InputError as error:
        print(f"jaxstyle: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jaxstyle: stopped before there was an image", file=sys.stderr)
        return 130
