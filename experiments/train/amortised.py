"""How near does AdaIN's decoder come to what optimising each picture reaches, in its own loss?

    python -m experiments.train.amortised --out experiments/train/results [--weights FILE]

The loss that `jaxstyle train adain` minimises, for 6 Kodak photographs in the 3 styles of `experiments/demo`,
at 256 px: of the decoder's picture, and of the same pixels after 200 steps of L-BFGS, from the photograph.
Reads JAXSTYLE_DATA/kodak24. Goal: a ratio of at most 1.5. Eight minutes on two CPU cores.
"""

import argparse
import json
import os
from functools import partial
from pathlib import Path

import jax
import numpy as np

from jaxstyle import fit, read, weights
from jaxstyle.optimizers import LBFGS, minimise
from jaxstyle.training import AdaIN

STYLES = Path(__file__).parents[1] / "demo"
SIZE, STEPS = 256, 200
KEY = jax.random.key(0)  # which the loss does not use


def energy(recipe, example, image):
    """Return the loss of a picture: that of a decoder which gives this one whatever it is asked."""
    terms = recipe.loss(lambda feature: image, example, KEY)
    return sum(terms.values()), terms


@jax.jit
def losses(recipe, decoder, example):
    """Return the loss of the decoder, and of the picture optimised."""
    _, history = minimise(LBFGS(), STEPS, partial(energy, recipe, example), example["image"])
    return sum(recipe.loss(decoder, example, KEY).values()), history["loss"][-1]


def main():
    """Measure, print and write the ratios."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", default="adain")
    options = parser.parse_args()
    recipe, decoder = AdaIN(weights.load("vgg19-lite")), weights.load(options.weights)
    contents = sorted((Path(os.environ["JAXSTYLE_DATA"]) / "kodak24").glob("*.png"))[::4]
    sized = lambda path: fit(read(path), SIZE)
    whole = lambda image: image[: image.shape[0] // 8 * 8, : image.shape[1] // 8 * 8]
    rows = []
    for style in (STYLES / f"{name}.jpg" for name in ("glass", "ink", "strokes")):
        for content in contents:
            example = {"image": whole(sized(content)), "style": whole(sized(style))}
            decoded, optimised = map(float, losses(recipe, decoder, example))
            rows.append({"pair": f"{content.stem} {style.stem}", "decoder": decoded, "optimised": optimised})
            print(rows[-1], f"{decoded / optimised:.2f}", flush=True)
    ratios = [row["decoder"] / row["optimised"] for row in rows]
    result = {"median_ratio": float(np.median(ratios)), "worst": max(ratios), "pairs": rows}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "amortised.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"median ratio {result['median_ratio']:.2f}, worst {result['worst']:.2f}")


if __name__ == "__main__":
    main()
