"""Paint three style pictures: `strokes.jpg` (oils), `glass.jpg` (leaded glass) and `ink.jpg` (woodcut).

    python -m experiments.demo.paint experiments/demo        (15 seconds on one core)

The same seed gives the same picture.
"""

import sys
from pathlib import Path

from PIL import Image

from experiments.demo.glass import glass
from experiments.demo.ink import ink
from experiments.demo.strokes import strokes

SIZE, SCALE = 512, 3  # pictures are painted SCALE times larger, then reduced
SEEDS = {strokes: 6, glass: 5, ink: 3}


def main(out: str) -> None:
    """Write the pictures into the folder `out`."""
    for paint, seed in SEEDS.items():
        picture = paint(seed, SIZE * SCALE).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        picture.save(Path(out) / f"{paint.__name__}.jpg", quality=90)


if __name__ == "__main__":
    main(sys.argv[1])
