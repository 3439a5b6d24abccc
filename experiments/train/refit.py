"""Solve the last convolution of trained WCT decoders in closed form: least squares, which Adam only nears.

    python -m experiments.train.refit RUN/wct-decoders.safetensors --data DIR... --output FILE

With all layers before it fixed, the image is linear in conv1_1, so its best kernel on some crops is

    W = W_0 + (X^T X + r I)^(-1) X^T (Y - X W_0)        X: 3 x 3 patches of its input, Y: pixels

in float64, on `CROPS` crops of 128 px; r is a millionth of the mean of the diagonal. A minute on two cores.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxstyle import weights
from jaxstyle.networks.conv.border import reflect
from jaxstyle.networks.conv.xla import LAYOUT
from jaxstyle.training.data import open_images, pictures

CROPS, SIZE = 64, 128


@jax.jit
def patches(encoder, decoder, image):
    """Return the input of the last convolution as rows of 3 x 3 patches and a one, channel by channel."""
    name = f"relu{decoder.level}_1"
    x = decoder.body(encoder(image, (name,))[name])
    cut: Callable[..., jax.Array] = partial(lax.conv_general_dilated_patches, dimension_numbers=LAYOUT)
    bordered: jax.Array = reflect(x)
    rows = cut(bordered[None], (3, 3), (1, 1), "VALID")
    rows = rows.reshape(-1, rows.shape[-1])
    return jnp.concatenate([rows, jnp.ones((len(rows), 1))], axis=1)


def refit(encoder, decoder, images):
    """Give the decoder the best last convolution for these images; return the error before and after."""
    last = decoder.conv1_1
    channels = last.kernel.shape[2]
    start = np.asarray(last.kernel[...], np.float64).transpose(2, 0, 1, 3).reshape(-1, 3)
    start = np.concatenate([start, np.asarray(last.bias[...], np.float64)[None]])
    products, moments = np.zeros((len(start), len(start))), np.zeros_like(start)
    size, count = 0.0, 0
    for image in images:
        rows = np.asarray(patches(encoder, decoder, image))
        rest = np.asarray(image).reshape(-1, 3) - rows @ start.astype(np.float32)
        products, moments = (
            products + (rows.T @ rows).astype(np.float64),
            moments + rows.T @ rest.astype(np.float64),
        )
        size, count = size + (rest.astype(np.float64) ** 2).sum(), count + rest.size
    ridge = 1e-6 * np.trace(products) / len(products) * np.eye(len(products))
    change = np.linalg.solve(products + ridge, moments)
    after = size - 2 * (change * moments).sum() + (change * (products @ change)).sum()
    found = start + change
    last.kernel[...] = jnp.asarray(found[:-1].reshape(channels, 3, 3, 3).transpose(1, 2, 0, 3), jnp.float32)
    last.bias[...] = jnp.asarray(found[-1], jnp.float32)
    return size / count, after / count


def main():
    """Refit every level, and write the decoders again."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    metadata, decoders = weights.metadata(str(options.file)), weights.load(str(options.file))
    encoder = weights.load(metadata["encoder"])
    series = pictures(open_images(*options.data), SIZE, seed=1)
    images = [series[index] for index in range(CROPS)]
    for level in decoders.levels:
        errors = refit(encoder, decoders[level], images)
        print(f"level {level}:", *(f"{-10 * np.log10(error):.2f} dB" for error in errors), flush=True)
    kept = {name: metadata[name] for name in ("encoder", "training")}
    weights.save(options.output, decoders, kept | {"refit": f"conv1_1 by least squares on {CROPS} crops"})


if __name__ == "__main__":
    main()
