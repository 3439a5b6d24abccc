"""Measure what the WCT decoders give back of a photograph, level by level, beside the published ones.

    python -m experiments.train.reconstruction --out experiments/train/results [--weights FILE]

The 24 Kodak photographs at a long edge of 256 px, every level: encode, decode, clip, PSNR; the mean of
the photographs' PSNR. Beside it the 16x smaller model of Collaborative Distillation (Wang et al. 2020),
encoder and decoder its own, on the same pixels. Reads JAXSTYLE_DATA/kodak24 and JAXSTYLE_WEIGHTS. Half
a minute on two CPU cores.
"""

import argparse
import json
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from experiments.train import distilled
from jaxstyle import read, weights
from jaxstyle.image.resize import fit
from jaxstyle.metrics import psnr
from jaxstyle.networks.decoders import decoded, encoded


def ours(encoder, decoders, image):
    """Return the PSNR of every level, as `methods` encode and decode."""
    values = []
    for level in decoders.levels:
        values.append(psnr(image, decoded(decoders[level], encoded(encoder, level, image), image)))
    return jnp.stack(values)


def published(levels, image):
    """Return the PSNR of every level of the published model, which has an encoder for each."""
    pairs = levels.items()
    recoded = [decoded(decoder, encoded(encoder, n, image), image) for n, (encoder, decoder) in pairs]
    return jnp.stack([psnr(image, jnp.clip(output, 0, 1)) for output in recoded])


def main():
    """Measure both, print and write the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", default="wct-decoders")
    options = parser.parse_args()
    encoder, decoders = weights.load("vgg19-lite"), weights.load(options.weights)
    paths = sorted((Path(os.environ["JAXSTYLE_DATA"]) / "kodak24").glob("*.png"))
    images = [fit(read(path), 256) for path in paths]
    sides = {
        "jaxstyle": (jax.jit(ours), (encoder, decoders)),
        "published": (jax.jit(published), (distilled.levels(),)),
    }
    table = {
        name: np.mean([function(*given, image) for image in images], axis=0).round(2).tolist()
        for name, (function, given) in sides.items()
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "reconstruction.json").write_text(json.dumps({"photographs": len(images), **table}) + "\n")
    for name, values in table.items():
        print(f"{name:10}", *(f"{value:6.2f} dB" for value in values))


if __name__ == "__main__":
    main()
