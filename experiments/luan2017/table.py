"""Photorealistic methods on the pairs of Luan et al. 2017, beside its authors' results.

    python -m experiments.luan2017.table --data $JAXSTYLE_DATA/dpst --out DIR [--encoder NAME] [--size N]

Of DATA there are `input/in{N}.png`, `style/tar{N}.png`, masks of the same names in `segmentation/`, and,
where there are any, `final_results/best{N}_t_1000.png`. For each pair and method: SSIM of edges to the
content; energy in the content's matting Laplacian, a mean over pixels; Gram and covariance distance to the
style, means over labels, as `--judge` sees them; LPIPS to the content, where `--lpips` gives its heads (by
`--lpips-encoder`); seconds of a compiled call. Writes `table.csv`, `table.md` (means over
the pairs), `sheet.jpg` and `pictures/`; pictures that are there are measured, not made again.

Two CPU cores, 20 pairs at 512 px: about 2 hours, nearly all of it gatys and deep-photo. `results/` is of
`--encoder vgg19-normalised --judge vgg19-normalised --lpips FILE --lpips-encoder squeezenet-caffe`,
deep-photo with `--steps 150`, then gatys and the rest with `--steps 60`; other work ran on the machine, so
its seconds are no benchmark. LPIPS there is not the published one: its heads were fitted on other weights.
"""

import argparse
import csv
import re
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image as Pillow

from jaxstyle import fit, read, weights, write
from jaxstyle.cli.compare import timed
from jaxstyle.core import Encoder, Image, Method
from jaxstyle.image import labels, plot
from jaxstyle.image.arrays import as_masks
from jaxstyle.image.matting import Laplacian
from jaxstyle.methods import WCT, WCT2, DeepPhoto, Gatys, Monge, PhotoWCT, Reinhard
from jaxstyle.metrics import LPIPS, covariance_distance, edge_ssim, gram_distance
from jaxstyle.smoothing import Unsmoothed

AUTHORS = "authors"


class Pair(NamedTuple):
    """A content and a style, the masks of their common labels, and the authors' result if there is one."""

    name: str
    content: Image
    style: Image
    regions: labels.Placement
    result: Image | None


def pairs(folder: Path, size: int) -> list[Pair]:
    """Read all pairs of a folder, in the order of their numbers."""
    names = [
        match[1]
        for path in (folder / "input").iterdir()
        if (match := re.fullmatch(r"in(\d+)\.png", path.name))
    ]
    found = []
    for name in sorted(names, key=int):
        content, style = (
            fit(read(folder / part), size) for part in (f"input/in{name}.png", f"style/tar{name}.png")
        )
        masks = (labels.read_painting(folder / f"segmentation/{kind}{name}.png") for kind in ("in", "tar"))
        regions = labels.place_pair(*masks)
        regions = regions._replace(
            content=as_masks(regions.content, content, "mask"), style=as_masks(regions.style, style, "mask")
        )
        result = folder / f"final_results/best{name}_t_1000.png"
        found.append(Pair(name, content, style, regions, read(result) if result.exists() else None))
    return found


def methods(encoder: str, steps: int) -> dict[str, Method]:
    """Return the methods of the table; decoders go with the encoder that they were trained through."""
    sees, lite, photo = weights.load(encoder), weights.load("vgg19-lite"), weights.load("photo-wct")
    return {
        "gatys": Gatys(sees, steps=steps, pyramid=()),
        "deep-photo": DeepPhoto(sees, steps=steps),
        "photo-wct, not smoothed": PhotoWCT(lite, photo, smooth=Unsmoothed()),
        "photo-wct": PhotoWCT(lite, photo),
        "wct2": WCT2(lite, weights.load("wct2")),
        "wct": WCT(lite, weights.load("wct-decoders"), levels=(4, 3, 2, 1)),
        "reinhard": Reinhard(),
        "monge": Monge(),
    }


def measured(judge: Encoder, lpips: LPIPS | None, pair: Pair) -> Callable[[Image], dict[str, float]]:
    """Return what measures an image of a pair."""
    given = judge, lpips, Laplacian.of(pair.content), pair.content, pair.style, *pair.regions[:2]
    return lambda image: {name: float(value) for name, value in _numbers(image, *given).items()}


@jax.jit
def _numbers(image: Image, judge, lpips, laplacian, content, style, content_masks, style_masks):
    return {
        "edge_ssim": edge_ssim(image, content),
        "energy": laplacian.energy(image) / image[..., 0].size,
        "gram": gram_distance(judge, image, style, content_masks, style_masks),
        "covariance": covariance_distance(judge, image, style, content_masks, style_masks),
    } | ({"lpips": lpips(image, content)} if lpips else {})


def made(file: Path, method: Method, pair: Pair) -> tuple[Image, float]:
    """Return what a method makes of a pair, as a file has it, and the seconds of the call, compiled.

    A file that is there is read, with the seconds that it says it took.
    """
    if not file.exists():
        given = (method, pair.content, pair.style, pair.regions.content, pair.regions.style)
        image, seconds = timed(*given)
        write(file, image, settings=str(seconds))
    with Pillow.open(file) as picture:
        return read(file), float(picture.text["jaxstyle"])  # pyright: ignore


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="experiments.luan2017.table")
    parser.add_argument("--data", type=Path, required=True, help="folder of the pairs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--encoder", default="vgg19-lite", help="of gatys and deep-photo")
    parser.add_argument("--judge", default="vgg19-lite", help="the encoder that measures the style")
    parser.add_argument("--lpips", type=Path, help="published file of LPIPS' heads")
    parser.add_argument("--lpips-encoder", default="squeezenet", help="the encoder that they are put on")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--pairs", nargs="+", help="their numbers (all)")
    parser.add_argument("--methods", nargs="+", help="their names (all)")
    parser.add_argument("--smoke", action="store_true", help="two pairs, 64 px, 3 steps: does it run?")
    options = parser.parse_args(arguments)
    if options.smoke:
        options.size, options.steps = 64, 3
    every = [p for p in pairs(options.data, options.size) if not options.pairs or p.name in options.pairs]
    chosen = {
        n: m for n, m in methods(options.encoder, options.steps).items() if n in (options.methods or [n])
    }
    judge, rows, sheet = weights.load(options.judge), [], []
    lpips = LPIPS.read(options.lpips, weights.load(options.lpips_encoder)) if options.lpips else None
    (pictures := options.out / "pictures").mkdir(parents=True, exist_ok=True)
    for pair in every[:2] if options.smoke else every:
        measure = measured(judge, lpips, pair)
        results = {"content": (pair.content, 0.0)}
        if pair.result is not None:
            own = jax.image.resize(pair.result, pair.content.shape, "lanczos3", antialias=True)
            results[AUTHORS] = (jnp.clip(own, 0, 1), float("nan"))
        for name, method in chosen.items():
            results[name] = made(pictures / f"{pair.name}-{name}.png", method, pair)
        for name, (image, seconds) in results.items():
            rows.append({"pair": pair.name, "method": name} | measure(image) | {"seconds": seconds})
            print(rows[-1], flush=True)
        thumbs = [fit(image, 256) for image, _ in [(pair.style, 0), *results.values()]]
        sheet.append([np.asarray(image) for image in thumbs])
        save(options.out, rows, sheet, ["style", *results])
        jax.clear_caches()  # every pair has a size of its own, and programs fill the table of pages


def save(out: Path, rows: list[dict], sheet: list, labels: list[str]) -> None:
    """Write what there is so far."""
    with open(out / "table.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    names = list(dict.fromkeys(row["method"] for row in rows))
    columns = list(rows[0])[2:]
    lines = [f"| {len(sheet)} pairs | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        own = [row for row in rows if row["method"] == name]
        lines.append(f"| {name} | {' | '.join(f'{mean(row[c] for row in own):.4g}' for c in columns)} |")
    (out / "table.md").write_text("\n".join(lines) + "\n")
    flat = [image for row in sheet for image in row]
    write(out / "sheet.jpg", plot.sheet(flat, labels * len(sheet), len(labels)))


if __name__ == "__main__":
    main()
