"""What does a megapixel cost, of a picture of one and of one of twelve in tiles? It should cost the same.

    python -m experiments.benchmarks.megapixels [--tile 1024] [--turns 5]

Seconds per megapixel of a call of the compiled program, the style of 512 px prepared before; small and large
take turns in this one process. The first calls, which touch new memory, are told apart. Pictures of
noise: the time does not depend on them.
"""

import argparse
import time
from statistics import median

import jax
import jax.numpy as jnp

from experiments.benchmarks.inputs import picture
from jaxstyle import weights
from jaxstyle.core import prepared
from jaxstyle.methods import AdaIN, Johnson
from jaxstyle.options import count
from jaxstyle.tiling import Tiled

SMALL, LARGE, STYLE = 1000, 3464, 512  # pixels a side
BAR = 1.15


def timed(method, size: int):
    """Return a function that says how many seconds a megapixel takes."""
    content, style = jnp.asarray(picture(size, 0)), jnp.asarray(picture(STYLE, 1))
    target = jax.block_until_ready(jax.jit(prepared)(method, style))
    program = jax.jit(type(method).apply).lower(method, content, target).compile()

    def run() -> float:
        begun = time.perf_counter()
        jax.block_until_ready(program(method, content, target))
        return (time.perf_counter() - begun) / size**2 * 1e6

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--tile", type=count, default=1024, help="pixels a side of a tile (default 1024)")
    parser.add_argument("--turns", type=count, default=5, help="calls of each (default 5)")
    options = parser.parse_args()
    methods = {
        "johnson": Johnson(weights.load("johnson-strokes")),
        "adain": AdaIN(weights.load("vgg19-lite"), weights.load("adain")),
    }
    print("|  | 1 MP, s/MP | 12 MP in tiles, s/MP | ratio | bar | first calls |\n" + "| --- " * 6 + "|")
    for name, method in methods.items():
        runs = timed(method, SMALL), timed(Tiled(method, options.tile), LARGE)
        first = [run() for run in runs]
        small, large = zip(*[[run() for run in runs] for _ in range(options.turns)], strict=True)
        spread = lambda times: f"{median(times):.3f} ({min(times):.3f}..{max(times):.3f})"
        ratio = median(large) / median(small)
        judged = f"{BAR} {'met' if ratio <= BAR else '**MISSED**'}"
        cells = name, spread(small), spread(large), f"**{ratio:.2f}**", judged, f"{first[1] / first[0]:.2f}"
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
