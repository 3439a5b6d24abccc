"""Train the deepest convolutions of `vgg19-lite` and the decoder of level 5 together, pixels and teacher.

    python -m experiments.train.deepest --data DIR... --steps N --output DIR [--start DIR]

    L = 100 mean((D(F(x)) - x)^2) + sum_l |M_l F_l(x) - T_l(x)|^2 / |T_l(x)|^2,      l = relu4_2 to 5_1

after Collaborative Distillation (Wang et al. 2020): T is the published fifth encoder, whose features are a
linear map M_l of those of the student; all before relu4_2 stays as it is. The decoder begins with the lower
half of that of level 4. From pixels alone it stays at grey: `--hidden`, to be run first, takes for the term
of pixels the distance to what level 4's decoder has behind conv4_1. Reads the published model from
JAXSTYLE_WEIGHTS. Writes `vgg19_lite.safetensors` and `wct-decoders.safetensors` (level 5 alone), every 500
steps and at SIGTERM; `--start` goes on from there, but for the maps M. The features written are as strong as
the bundle's, in the mean square of each layer over some crops: relu passes factors on to the next kernel,
and the weights of a loss keep their meaning.
"""

import argparse
import json
from collections import deque
from functools import partial
from itertools import islice
from pathlib import Path

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from experiments.train import distilled
from jaxstyle import weights
from jaxstyle.losses import Content
from jaxstyle.networks import VGG
from jaxstyle.networks.decoders import Decoder, Decoders, mirrored
from jaxstyle.training.data import batches, open_images
from jaxstyle.training.lite_encoder import Student
from jaxstyle.training.loop import fit, fresh
from jaxstyle.training.run import signals

TRAINED = ("conv4_2", "conv4_3", "conv4_4", "conv5_1")
LAYERS = tuple(name.replace("conv", "relu") for name in TRAINED)
PIXELS, HIDDEN = 100.0, 5.0
UPPER = mirrored(5)[:5]  # down to conv4_1, with which level 4 begins


def parameters(network):
    """Return the tensors of a network, module by module."""
    return nnx.to_pure_dict(nnx.state(network))


def loss(hidden, given, params, example):
    """Return the terms of one image."""
    fixed, teacher, lower = given
    image = example["image"]
    student = Student(fixed | params["encoder"], "normalised")
    features, target = student(image, ("relu4_1", *LAYERS)), teacher(image, LAYERS)
    same = Content.relative(target, dict.fromkeys(LAYERS, 1.0))
    embedded = {name: features[name] @ params["embedding"][name] for name in LAYERS}
    terms = {"teacher": same(embedded)}
    if hidden:
        wanted = lower.through(lower.layers[:1], features["relu4_1"])
        found = params["decoder"].through(UPPER, features["relu5_1"])
        return terms | {"hidden": HIDDEN * jnp.mean((found - wanted) ** 2) / jnp.var(wanted)}
    output = params["decoder"](features["relu5_1"])
    return terms | {"pixel": PIXELS * jnp.mean((output - image) ** 2)}


def begin(encoder, decoder, levels, seed):
    """Return what is trained: of the bundle, but for the upper half of a decoder that has none yet."""
    own = parameters(encoder)
    if decoder is None:
        decoder, lower = Decoder(5, seed=seed), levels[4]
        for name in lower.layers[1:]:
            setattr(decoder, name, getattr(lower, name))
    widths = {name: own[name]["bias"].size for name in TRAINED}
    embedding = {n.replace("conv", "relu"): jnp.zeros((width, 128)) for n, width in widths.items()}
    return {"encoder": {n: own[n] for n in TRAINED}, "decoder": decoder, "embedding": embedding}


@jax.jit
def strengths(encoder, images):
    """Return the roots of the mean squares of the trained layers."""
    features = jax.vmap(lambda image: encoder(image, LAYERS))(images)
    return [jnp.sqrt(jnp.mean(features[name] ** 2)) for name in LAYERS]


def as_strong(fixed, params, wanted, images):
    """Return the trained parameters, with features of the strengths `wanted`: the same decoded images."""
    found = strengths(VGG(fixed | params["encoder"], "normalised"), images)
    encoder, before = {}, 1.0
    for name, factor in zip(TRAINED, map(jnp.divide, wanted, found), strict=True):
        conv = params["encoder"][name]
        kernel, bias = conv["kernel"] * (factor / before), conv["bias"] * factor
        encoder[name], before = conv | {"kernel": kernel, "bias": bias}, factor
    decoder = jax.tree.map(jnp.array, params["decoder"])
    decoder.conv5_1.kernel[...] /= before
    return params | {"encoder": encoder, "decoder": decoder}


def main():
    """Train, and write both networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--start", type=Path)
    parser.add_argument(
        "--hidden", action="store_true", help="train to what level 4 has inside, not to pixels"
    )
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    bundled, decoder = weights.load("vgg19-lite"), None
    encoder = bundled
    if options.start:
        encoder = weights.load(str(options.start / "vgg19_lite.safetensors"))
        decoder = weights.load(str(options.start / "wct-decoders.safetensors"))[5]
    lower = weights.load("wct-decoders")
    params = begin(encoder, decoder, lower, options.seed)
    teacher = distilled.levels()[5][0]
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, options.learning_rate, options.steps // 50, options.steps
    )
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))
    fixed = {name: conv for name, conv in parameters(encoder).items() if name not in TRAINED}
    images = {"image": open_images(*options.data)}
    data = batches(images, options.size, options.batch_size, options.seed)
    crops = next(batches(images, options.size, 32, options.seed))["image"] / 255
    wanted = strengths(bundled, crops)
    options.output.mkdir(parents=True, exist_ok=True)
    loss_fn = jax.tree_util.Partial(partial(loss, options.hidden), (fixed, Student.of(teacher), lower[4]))
    recent = deque(maxlen=50)
    steps = islice(fit(fresh(lambda: params, optimizer), loss_fn, data, optimizer), options.steps)
    with signals() as noted:
        for step in steps:
            recent.append(step.losses)
            last = bool(noted) or step.number == options.steps
            if step.number % 50 == 0 or last:
                means = {name: float(sum(row[name] for row in recent) / len(recent)) for name in step.losses}
                print(step.number, {name: round(value, 4) for name, value in means.items()}, flush=True)
            if step.number % 500 == 0 or last:
                found = as_strong(fixed, step.state.params, wanted, crops)
                write(options.output, fixed, found, step.number, options)
            if last:
                break


def write(output, fixed, params, steps, options):
    """Write encoder and decoder, with how they were trained."""
    how = {name: getattr(options, name) for name in ("hidden", "batch_size", "size", "learning_rate", "seed")}
    how = {"training": json.dumps({"train": "deepest", "steps": steps, "pixel_weight": PIXELS} | how)}
    decoders = Decoders((5,), params["decoder"].widths)
    decoders.level5 = params["decoder"]
    weights.save(output / "wct-decoders.safetensors", decoders, how | {"encoder": "vgg19-lite"})
    weights.save(output / "vgg19_lite.safetensors", VGG(fixed | params["encoder"], "normalised"), how)


if __name__ == "__main__":
    main()
