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
from safetensors.numpy import load_file

from jaxstyle import read, weights
from jaxstyle.image.resize import fit
from jaxstyle.networks.convolution import max_pool, reflect_conv
from jaxstyle.networks.decoders import LEVELS, decoded, encoded, upsample, whole

ORDER = ("11", "12", "21", "22", "31", "32", "33", "34", "41", "42", "43", "44", "51")


def psnr(image, other):
    """Return the peak signal-to-noise ratio in dB of images in [0, 1]."""
    return -10 * jnp.log10(jnp.mean((jnp.clip(other, 0, 1) - image) ** 2))


def ours(encoder, decoders, image):
    """Return the PSNR of every level, the as `methods` encode and decode."""
    values = []
    for level in decoders.levels:
        values.append(psnr(image, decoded(decoders[level], encoded(encoder, level, image), image)))
    return jnp.stack(values)


def published(tensors, image):
    """Return the PSNR of every level of the published model, padded the same."""

    def conv(x, name):
        return reflect_conv(x, tensors[f"{name}.weight"].transpose(2, 3, 1, 0)) + tensors[f"{name}.bias"]

    values = []
    for level in LEVELS:
        first = f"enc{level}.conv0"
        x = whole(image, level) @ tensors[f"{first}.weight"][:, :, 0, 0].T + tensors[f"{first}.bias"]
        names = ORDER[: ORDER.index(f"{level}1") + 1]
        for name in names:
            x = max_pool(x) if name.endswith("1") and name != "11" else x
            x = jax.nn.relu(conv(x, f"enc{level}.conv{name}"))
        for name in names[:0:-1]:
            x = jax.nn.relu(conv(x, f"dec{level}.conv{name}"))
            x = upsample(x) if name.endswith("1") else x
        x = conv(x, f"dec{level}.conv11")
        values.append(psnr(image, x[: image.shape[0], : image.shape[1]]))
    return jnp.stack(values)


def main():
    """Measure both, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", default="wct-decoders")
    options = parser.parse_args()
    encoder, decoders = weights.load("vgg19-lite"), weights.load(options.weights)
    tensors = load_file(Path(os.environ["JAXSTYLE_WEIGHTS"]) / "collab_distill_16x_wct_1-5.safetensors")
    tensors = {name: jnp.asarray(array) for name, array in tensors.items()}
    paths = sorted((Path(os.environ["JAXSTYLE_DATA"]) / "kodak24").glob("*.png"))
    images = [fit(read(path), 256) for path in paths]
    sides = {"jaxstyle": (jax.jit(ours), (encoder, decoders)), "published": (jax.jit(published), (tensors,))}
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
