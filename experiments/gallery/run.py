"""Make the pictures of README and docs, each by the command that its caption names.

    python -m experiments.gallery.run --out gallery [--only NAME ...]          (two CPU cores: half an hour)

The photographs are scikit-image's (`chelsea`, `coffee`, `rocket`: CC0; `astronaut`: NASA, public domain), the
styles the demo's, the networks the bundle's. OUT gets every picture beside its provenance, and a sheet a
figure, as WebP: `docs/pictures` holds copies. A picture that is there is not made again.
"""

import argparse
import sys
from pathlib import Path

import jax

from experiments.artefact import DEMO, file_of, pictured
from jaxstyle import cli, fit, read, write
from jaxstyle.image import plot

PHOTOGRAPHS = ("chelsea", "coffee", "rocket", "astronaut")
STYLES = ("strokes", "glass", "ink")

# A figure: its columns, the long edge of its pictures, what is shown, by caption: a photograph, a style, or a
# command in which their names stand for their files.
FIGURES: dict[str, tuple[int, int, dict[str, str]]] = {
    "photographer": (
        3,
        512,
        {
            "photograph": "chelsea",
            "gatys": "gatys chelsea strokes",
            "gatys, another style": "gatys chelsea glass",
            "another photograph": "coffee",
            "whose light is wanted": "rocket",
            "photo-wct": "photo-wct coffee rocket",
        },
    ),
    "researcher": (
        5,
        384,
        {
            "photograph": "coffee",
            "style": "glass",
            "gatys: Gram matrices": "gatys coffee glass",
            "mmd: kernel means": "mmd coffee glass",
            "nnst: nearest neighbours": "nnst coffee glass",
            "adain: means, deviations": "adain coffee glass",
            "wct: covariances": "wct coffee glass",
            "optimal: distributions": "optimal coffee glass",
            "johnson: trained": "johnson coffee --weights johnson-glass",
            "monge: colours": "monge coffee glass",
        },
    ),
    "sweep": (
        4,
        256,
        {
            f"--strength {strength}": f"gatys chelsea glass --strength {strength}"
            for strength in (0.1, 0.4, 0.7, 1)
        },
    ),
    "gallery": (
        3,
        512,
        {
            "nnst, strokes": "nnst astronaut strokes",
            "adain --refine 20, ink": "adain astronaut ink --refine 20",
            "gpdm, strokes": "gpdm astronaut strokes",
            "optimal, strokes": "optimal coffee strokes",
            "johnson, strokes": "johnson chelsea --weights johnson-strokes",
            "style-swap, glass": "style-swap chelsea glass",
        },
    ),
}


def made(words: str, size: int, out: Path) -> Path:
    """Return the file of a photograph, a style, or what a command makes of them, which is made if need be."""
    files = {name: out / f"{name}.png" for name in PHOTOGRAPHS}
    files |= {name: DEMO / f"{name}.jpg" for name in STYLES}
    if words in files:
        return files[words]
    path = file_of(out, f"{words} {size}")
    if not path.exists():
        arguments = [str(files.get(word, word)) for word in words.split()]
        if code := cli.main([*arguments, "--size", str(size), "--output", str(path)]):
            raise SystemExit(code)
        jax.clear_caches()
    return path


def main(out: Path, only: list[str]) -> None:
    """Make the pictures of some figures, and the figures."""
    out.mkdir(parents=True, exist_ok=True)
    for name in PHOTOGRAPHS:
        write(out / f"{name}.png", pictured(None, name))
    for name in only:
        columns, size, shown = FIGURES[name]
        pictures = {words: fit(read(made(words, size, out)), size) for words in shown.values()}
        height = max(len(picture) for words, picture in pictures.items() if words not in STYLES)
        cut = [picture[:height] for picture in pictures.values()]  # a style may be taller
        write(out / f"{name}.webp", plot.sheet(cut, [*shown], columns), quality=80)
        print(out / f"{name}.webp", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("gallery"))
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=[*FIGURES], metavar="NAME")
    options = parser.parse_args()
    main(options.out, options.only)
