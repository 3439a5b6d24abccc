"""Teach the bundled `vgg19-lite` its deepest layer, relu5_1, and leave everything up to relu4_1 as it is.

    python -m experiments.train.lite_fifth --output weights/vgg19_lite.safetensors

Only conv4_2 to conv5_1 are trained, against the lifted relu5_1 of the fifth encoder of
Collaborative Distillation (Wang et al. 2020; in JAXSTYLE_WEIGHTS), on crops of the folders content,
bsds500 and styles of JAXSTYLE_DATA:

    |s - t|^2 / |t - mean t|^2  +  |S(s) - S(t)|^2 / |S(t)|^2        relu5_1, and its second moments

Why: in the first training this layer counted a twentieth; block colours could not be read off it by
a linear map (R^2 0.31 on Kodak, the teacher's 0.70), so nothing could be decoded from it. Two CPU
cores: 0.6 seconds a step, 10 minutes.
"""

import argparse
import json
import os
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from safetensors.numpy import load_file, save_file

from jaxstyle import weights
from jaxstyle.losses import Gram
from jaxstyle.networks.convolution import direct, max_pool, reflect, reflect_conv
from jaxstyle.training.data import batches, open_images

TRAINED = ("conv4_2", "conv4_3", "conv4_4", "conv5_1")
RANK = 96
FOLDERS = ("content", "bsds500", "styles")
ORDER = ("11", "12", "21", "22", "31", "32", "33", "34", "41", "42", "43", "44", "51")


def teach(tensors, image):
    """Return the lifted relu5_1 of the distilled encoder."""
    get = lambda name: jnp.asarray(tensors[f"enc5.{name}"])
    point = lambda x, name: x @ get(f"{name}.weight")[:, :, 0, 0].T + get(f"{name}.bias")
    x = point(image, "conv0")
    for name in ORDER:
        x = max_pool(x) if name in ("21", "31", "41", "51") else x
        kernel = get(f"conv{name}.weight").transpose(2, 3, 1, 0)
        x = jax.nn.relu(reflect_conv(x, kernel) + get(f"conv{name}.bias"))
    return jax.nn.relu(point(x, "conv51_aux"))


def begin(feature, generator):
    """Return random convolutions whose responses to a batch of relu4_1 have mean 0 and deviation 1.

    Otherwise, relus on top of relus make features that are nearly the same everywhere (Mishkin & Matas
    2016), which is what became of these layers in the first training.
    """
    params = {}
    for name in TRAINED:
        feature = jax.vmap(max_pool)(feature) if name == "conv5_1" else feature
        thin = jnp.asarray(generator.standard_normal((3, 3, 512, RANK)) / (9 * 512) ** 0.5, jnp.float32)
        lift = jnp.asarray(generator.standard_normal((RANK, 512)) / RANK**0.5, jnp.float32)
        response = jax.vmap(lambda x, k=thin: direct(reflect(x), k, ((0, 0), (0, 0))))(feature) @ lift
        mean, deviation = response.mean((0, 1, 2)), response.std((0, 1, 2))
        params[name] = {"kernel": thin, "lift": lift / deviation, "bias": -mean / deviation}
        feature = jax.nn.relu((response - mean) / deviation)
    return params


def student(params, feature):
    """Return relu5_1 from relu4_1."""
    for name in TRAINED:
        conv = params[name]
        feature = max_pool(feature) if name == "conv5_1" else feature
        thin = direct(reflect(feature), conv["kernel"], ((0, 0), (0, 0)))
        feature = jax.nn.relu(thin @ conv["lift"] + conv["bias"])
    return feature


def loss(params, encoder, tensors, image):
    """Return the relative errors of relu5_1 and of its second moments for one image."""
    target = teach(tensors, image)
    guess = student(params, encoder(image, ("relu4_1",))["relu4_1"])
    centred = target - target.mean((0, 1))
    feature = jnp.sum((guess - target) ** 2) / jnp.sum(centred**2)
    moments = Gram.relative({"relu5_1": target}, {"relu5_1": 1.0})({"relu5_1": guess})
    return feature, moments


def main():
    """Train, and write the whole encoder in float16."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    options = parser.parse_args()
    source, data = weights.find("vgg19-lite"), Path(os.environ["JAXSTYLE_DATA"])
    encoder, metadata = weights.load("vgg19-lite"), weights.metadata("vgg19-lite")
    folder = Path(os.environ["JAXSTYLE_WEIGHTS"])
    tensors = load_file(folder / "collab_distill_16x_wct_1-5.safetensors")
    tensors = {name: array for name, array in tensors.items() if name.startswith("enc5.")}
    images = open_images(*(data / name for name in FOLDERS))
    series, log = batches({"image": images}, 128, 8, seed=0), []
    first = next(series)["image"] / np.float32(255)
    features = jax.jit(jax.vmap(lambda x: encoder(x, ("relu4_1",))["relu4_1"]))(first)
    params = begin(features, np.random.default_rng(0))
    optimizer = optax.adam(optax.cosine_decay_schedule(options.learning_rate, options.steps))
    state = optimizer.init(params)

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(params, state, encoder, images):
        def total(params):
            terms = jax.vmap(partial(loss, params, encoder, tensors))(images / jnp.float32(255))
            means = jax.tree.map(jnp.mean, terms)
            return sum(means), means

        gradient, terms = jax.grad(total, has_aux=True)(params)
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state, terms

    for index in range(1, options.steps + 1):
        params, state, terms = step(params, state, encoder, next(series)["image"])
        if index % 50 == 0 or index == 1:
            log.append({"step": index, **dict(zip(("feature", "moments"), map(float, terms), strict=True))})
            print(json.dumps(log[-1]), flush=True)
    arrays = load_file(source)
    for name, conv in params.items():
        arrays |= {f"{name}.{kind}": np.asarray(array, np.float16) for kind, array in conv.items()}
    save_file(arrays, options.output, metadata | {"training_relu5_1": json.dumps(log)})


if __name__ == "__main__":
    main()
