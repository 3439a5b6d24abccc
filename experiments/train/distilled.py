"""WCT through networks that no one here trained: do encoders, decoders and transform fit the field's?

    python -m experiments.train.distilled --content F --style F --out DIR

The 16x smaller model of Collaborative Distillation (Wang et al. 2020, MIT): an encoder and a decoder of its
own for each of five levels, read from JAXSTYLE_WEIGHTS. Writes `distilled.png`: content, style, WCT from
level 5 to 1 at alpha 1 and 0.6, and the single levels. Expected: the picture of the style's patterns that
the paper shows, coarse from level 5, colours alone from level 1. A minute on two CPU cores.
"""

import argparse
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors.numpy import load_file

from jaxstyle import Chain, fit, read, stylize, write
from jaxstyle.image.plot import sheet
from jaxstyle.methods.wct import whitened
from jaxstyle.networks import VGG
from jaxstyle.networks.conv import Conv
from jaxstyle.networks.decoders import LEVELS, Decoder
from jaxstyle.networks.vgg import CAFFE

FILE = "collab_distill_16x_wct_1-5.safetensors"


def conv(tensors: dict[str, np.ndarray], name: str) -> dict[str, jax.Array]:
    """Return kernel and bias of a convolution by our names and axes."""
    kernel = tensors[f"{name}.weight"].transpose(2, 3, 1, 0)
    return {"kernel": jnp.asarray(kernel), "bias": jnp.asarray(tensors[f"{name}.bias"])}


def level(tensors: dict[str, np.ndarray], number: int) -> tuple[VGG, Decoder]:
    """Return the encoder and the decoder of a level.

    It normalises by a 1 x 1 convolution that was trained on: what it differs by from our flavour goes into
    the next one.
    """
    decoder = nnx.eval_shape(lambda: Decoder(number, rngs=nnx.Rngs(0)))
    theirs = lambda side, name: conv(tensors, f"{side}{number}.{name.replace('_', '')}")
    layers: dict[str, dict] = {name: theirs("enc", name) for name in decoder.layers}
    zero = CAFFE(jnp.zeros(3))
    own, first = CAFFE(jnp.eye(3)) - zero, theirs("enc", "conv0")
    change = jnp.linalg.solve(own, first["kernel"][0, 0])  # theirs = ours @ change + rest
    rest = first["bias"] - zero @ change
    second = layers["conv1_1"]
    bias = second["bias"] + jnp.einsum("hwio,i->o", second["kernel"], rest)
    kernel = jnp.einsum("ji,hwio->hwjo", change, second["kernel"])
    encoder = VGG(layers | {"conv1_1": {"kernel": kernel, "bias": bias}}, "normalised")
    for name in decoder.layers:
        setattr(decoder, name, Conv(**theirs("dec", name)))
    return encoder, decoder


def levels() -> dict[int, tuple[VGG, Decoder]]:
    """Return all levels of the published model."""
    tensors = load_file(Path(os.environ["JAXSTYLE_WEIGHTS"]) / FILE)
    return {number: level(tensors, number) for number in LEVELS}


def main():
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    content, style = (fit(read(path), options.size) for path in (options.content, options.style))
    networks = levels()
    images = {"content": content, "style": style}
    for alpha in (1.0, 0.6):
        single = {n: whitened(encoder, decoder, n, alpha) for n, (encoder, decoder) in networks.items()}
        images[f"levels 5 to 1, alpha {alpha}"] = stylize(
            Chain([single[n] for n in LEVELS[::-1]]), content, style
        )
        if alpha == 1:
            images |= {f"level {n} alone": stylize(single[n], content, style) for n in LEVELS[::-1]}
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.out / "distilled.png", sheet([*images.values()], [*images], 3))


if __name__ == "__main__":
    main()
