"""How well does `vgg19-lite` stand in for VGG-19? Stylise through both, score with the real one.

    python -m experiments.train.lite_quality --out DIR        (20 minutes on two CPU cores)

Eight pairs of a folder `classic/`, 256 px, the default method with 200 steps of L-BFGS. The style
distance is |S(x) - S(style)|^2 / |S(style)|^2 of the real `vgg19-normalised`, mean of relu1_1, 2_1,
3_1 and 4_1; the figure is how many times lower it is than the unstylised content's. Bar: 8 or more
through the lite encoder. Held out from its training: the photographs of a folder `kodak24/`, on which
the relative errors of features and second moments are given. Writes `lite_quality.md`,
`lite_quality.jpg` (content, style, through lite, through the real encoder) and, from the log that the
bundled weights carry, `lite_curve.png` (`jaxstyle train` draws its own `loss.png`).
"""

import argparse
import dataclasses
import json
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from safetensors import safe_open

from jaxstyle import Gatys, fit, read, weights
from jaxstyle.image.io import to_bytes
from jaxstyle.statistics.covariance import second_moment

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
PAIRS = (
    ("tubingen", "starry_night"),
    ("tubingen", "seated-nude"),
    ("golden_gate", "the_scream"),
    ("golden_gate", "frida_kahlo"),
    ("brad_pitt", "picasso_selfport1907"),
    ("brad_pitt", "woman-with-hat-matisse"),
    ("hoovertowernight", "shipwreck"),
    ("hoovertowernight", "escher_sphere"),
)
SIZE, STEPS = 256, 200


@jax.jit
def style_distance(encoder, image, style):
    """Return the mean relative squared distance of the second moments."""
    a, b = encoder(image, LAYERS), encoder(style, LAYERS)
    pairs = [(second_moment(a[name]), second_moment(b[name])) for name in LAYERS]
    return jnp.mean(jnp.stack([jnp.sum((s - t) ** 2) / jnp.sum(t**2) for s, t in pairs]))


def stylise(encoder, content, style):
    method = Gatys(encoder, steps=300, style_weight=10.0, pyramid=())
    method = dataclasses.replace(method, steps=STEPS)
    *_, last = method.run(content, method.prepare(style))
    return last.image


@jax.jit
def errors(lite, real, image):
    """Return the relative squared errors of the features and of the second moments, by layer."""
    a, b = lite(image, LAYERS), real(image, LAYERS)
    relative = lambda s, t: jnp.sum((s - t) ** 2) / jnp.sum(t**2)
    pairs = [(a[name], b[name]) for name in LAYERS]
    return jnp.array([[relative(*pair), relative(*map(second_moment, pair))] for pair in pairs])


def held_out(lite, real, folder):
    """Return the mean errors over the photographs of a folder, as a table."""
    paths = sorted(folder.iterdir())
    means = np.mean([errors(lite, real, fit(read(path), SIZE)) for path in paths], 0)
    rows = [f"| {name} | {a:.4f} | {b:.4f} |" for name, (a, b) in zip(LAYERS, means, strict=True)]
    return [
        f"| {folder.name}, {len(paths)} photographs | features | second moments |",
        "|---|---|---|",
        *rows,
    ]


def curve(path):
    """Plot the log of the first training, which the weights carry: the second moments' errors by layer."""
    with safe_open(weights.find("vgg19-lite"), "numpy") as file:
        log = [row for row in json.loads(file.metadata()["training"]) if "moments" in row]
    figure = Figure((7, 4), layout="constrained")
    axes = figure.subplots()
    for name in log[0]["moments"]:
        axes.plot([row["step"] for row in log[1:]], [row["moments"][name] for row in log[1:]], label=name)
    axes.set(xlabel="step", ylabel="relative error of the second moments", yscale="log")
    axes.legend()
    figure.savefig(path)


def sheet(rows):
    """Set rows of images into one picture, each in a square of SIZE."""
    cell = lambda image: np.pad(
        to_bytes(image), [(0, SIZE + 4 - edge) for edge in image.shape[:2]] + [(0, 0)]
    )
    return Image.fromarray(np.concatenate([np.concatenate([cell(i) for i in row], 1) for row in rows]))


def main(data: Path, out: Path, pairs: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    curve(out / "lite_curve.png")
    real, lite = weights.load("vgg19-normalised"), weights.load("vgg19-lite")
    rows, distances = [], []
    for names in PAIRS[:pairs]:
        content, style = (fit(read(data / "classic" / f"{name}.jpg"), SIZE) for name in names)
        images = [content, *(stylise(encoder, content, style) for encoder in (lite, real))]
        distances.append([float(style_distance(real, image, style)) for image in images])
        rows.append([content, style, *images[1:]])
        print(*names, *(f"{distance:.4f}" for distance in distances[-1]), flush=True)
    table = [
        "| content | style | unstylised | lite | times lower | real | times lower |",
        "|---|---|---|---|---|---|---|",
    ]
    for (content, style), (a, b, c) in zip(PAIRS, distances, strict=False):
        table.append(f"| {content} | {style} | {a:.3f} | {b:.4f} | {a / b:.1f} | {c:.4f} | {a / c:.1f} |")
    a, b, c = np.mean(distances, 0)
    table.append(f"| **mean** | | {a:.3f} | {b:.4f} | **{a / b:.1f}** | {c:.4f} | {a / c:.1f} |")
    table += ["", *held_out(lite, real, data / "kodak24")]
    (out / "lite_quality.md").write_text("\n".join(table) + "\n")
    sheet(rows).save(out / "lite_quality.jpg", quality=88)
    print("\n".join(table))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("JAXSTYLE_DATA"),
        required="JAXSTYLE_DATA" not in os.environ,
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=len(PAIRS))
    options = parser.parse_args()
    main(Path(options.data), options.out, options.pairs)
