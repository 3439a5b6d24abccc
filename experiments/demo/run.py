"""Repaint a photograph in the two bundled styles: the first thing to see of the library.

    python -m experiments.demo.run --out demo          (make demo; two CPU cores: one to three minutes)

The photograph is scikit-image's `chelsea` (CC0), the styles are painted by `experiments.demo.paint`,
the encoder is the bundled `vgg19-lite`. Writes the photograph, two pictures with their provenance,
and `panel.png`.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from jaxstyle import cli

STYLES = ("strokes", "glass")
SIZE, STEPS, MARGIN = 384, 40, 8


def panel(paths: list[Path]) -> Image.Image:
    """Set pictures side by side at one height."""
    pictures = [Image.open(path).convert("RGB") for path in paths]
    height = pictures[0].height
    pictures = [
        picture.resize((round(picture.width * height / picture.height), height)) for picture in pictures
    ]
    sheet = Image.new("RGB", (sum(picture.width + MARGIN for picture in pictures) - MARGIN, height), "white")
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + MARGIN
    return sheet


def main(out: Path, steps: int) -> None:
    """Run the command `jaxstyle gatys` once a style."""
    start = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    photo = out / "photo.png"
    Image.fromarray(np.asarray(skimage.data.chelsea())).save(photo)
    pictures = []
    for style in STYLES:
        pictures += [Path(__file__).parent / f"{style}.jpg", out / f"{style}.png"]
        options = ["--output", str(pictures[-1]), "--size", str(SIZE), "--steps", str(steps)]
        if code := cli.main(["gatys", str(photo), str(pictures[-2]), *options]):
            raise SystemExit(code)
    panel([pictures[1], pictures[0], pictures[3], pictures[2]]).save(out / "panel.png")
    seconds = time.perf_counter() - start
    print(f"\nLook at {out / 'panel.png'}: the photograph {photo} in two styles, in {seconds:.0f} seconds.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("demo"))
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    main(options.out, options.steps)
