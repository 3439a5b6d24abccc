"""Train `vgg19-lite`, the bundled encoder: VGG-19 with thin convolutions, made on-policy.

    python -m experiments.train.lite_encoder --output weights/vgg19_lite.safetensors

Every convolution of VGG-19 but the first becomes a thin one (a quarter to three eighths of the
channels) and a 1 x 1 lift back to the full width, so that the student speaks the teacher's language
at every layer. Start: the lift is the principal subspace of the teacher's responses, the thin filters
are the teacher's projected on it (Zhang et al. 2015, without the correction for the ReLU).

Teacher: `vgg19-normalised` up to relu4_1; beyond, where its weights end, the fifth encoder of
Collaborative Distillation (Wang et al. 2020), whose lifted relu5_1 is the target. Phase 1 regresses
the features of crops. Phase 2 is on-policy: a third of each batch are images in the middle of being
stylised through the current student, because pixels that are optimised through a network leave the
natural images and find its blind spots. The loss per layer, relative to the teacher's own size:

    |s - t|^2 / |t|^2  +  |S(s) - S(t)|^2 / |S(t)|^2        features, and second moments at relu{b}_1

Reads the folders JAXSTYLE_WEIGHTS and JAXSTYLE_DATA. Two CPU cores: 3 seconds a step; the file is
written anew every 200 steps. Expected, and where the bundled one stopped: weights/README.md.
"""

import argparse
import json
import os
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from PIL import Image as Pillow
from safetensors.numpy import load_file, save_file

from jaxstyle import weights
from jaxstyle.networks.convolution import Conv, max_pool, reflect_conv
from jaxstyle.networks.vgg import VGG
from jaxstyle.statistics.covariance import second_moment

RANKS = {"conv1_2": 16, "conv2_1": 32, "conv2_2": 48, "conv3_1": 72, "conv3_2": 96, "conv3_3": 72}
RANKS |= {"conv3_4": 72, "conv4_1": 128, "conv4_2": 96, "conv4_3": 96, "conv4_4": 96, "conv5_1": 96}
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
PIXELS, CROPS, POOL = 128, 3, 18
WARM_UP, PATIENCE, PACE, STROKES = 0.15, 60, 0.02, 2
DEEPEST = 0.05  # the weight of relu5_1, whose teacher is the weaker one


def crop(generator, image):
    """Return a random square of `image`, at a random scale and mirrored or not, in [0, 1]."""
    side = generator.integers(PIXELS, min(image.size) + 1)
    left, top = (generator.integers(0, edge - side + 1) for edge in image.size)
    box = (left, top, left + side, top + side)
    square = np.asarray(image.resize((PIXELS, PIXELS), Pillow.Resampling.BICUBIC, box), np.float32) / 255
    return square[:, :: generator.choice([-1, 1])]


def crops(generator, images, count):
    return np.stack([crop(generator, images[i]) for i in generator.integers(len(images), size=count)])


def fifth_encoder(tensors, image):
    """Return the lifted relu5_1 of the distilled encoder."""
    get = lambda name: jnp.asarray(tensors[f"enc5.{name}"])
    point = lambda x, name: x @ get(f"{name}.weight")[:, :, 0, 0].T + get(f"{name}.bias")
    x = point(image, "conv0")
    for name in ("11", "12", "21", "22", "31", "32", "33", "34", "41", "42", "43", "44", "51"):
        x = max_pool(x) if name in ("21", "31", "41", "51") else x
        kernel = get(f"conv{name}.weight").transpose(2, 3, 1, 0)
        x = jax.nn.relu(reflect_conv(x, kernel) + get(f"conv{name}.bias"))
    return jax.nn.relu(point(x, "conv51_aux"))


def teach(teacher, tensors, image):
    """Return the targets: every relu of the teacher, and relu5_1."""
    features = teacher(image, [name for name in teacher.layers if name.startswith("relu")])
    return features | {"relu5_1": fifth_encoder(tensors, image)}


def factor(teacher, batch, seed):
    """Return the student's first parameters: the teacher's responses, projected on their main axes."""
    first = teacher.conv1_1  # copied: the student's arrays are donated
    parameters = {"conv1_1": {"kernel": jnp.array(first.kernel[...]), "bias": jnp.array(first.bias[...])}}
    generator = np.random.default_rng(seed)
    for name, rank in RANKS.items():
        if name in teacher.convs:
            response = np.asarray(jax.jit(jax.vmap(lambda x, n=name: teacher(x, (n,))[n]))(batch))
            flat = response.reshape(-1, response.shape[-1])
            mean, axes = flat.mean(0), np.linalg.eigh(np.cov(flat.T))[1][:, -rank:]
            conv = getattr(teacher, name)
            bias = mean + (conv.bias[...] - mean) @ axes @ axes.T
            thin = {"kernel": conv.kernel[...] @ axes, "lift": axes.T, "bias": bias}
        else:
            kernel = generator.standard_normal((3, 3, 512, rank)) * np.sqrt(2 / (9 * 512))
            lift = generator.standard_normal((rank, 512)) * np.sqrt(1 / rank)
            thin = {"kernel": kernel, "lift": lift, "bias": np.zeros(512)}
        parameters[name] = {key: jnp.asarray(value, jnp.float32) for key, value in thin.items()}
    return parameters


def distance(a, b):
    return jnp.sum((a - b) ** 2) / jnp.sum(b**2)


def imitation(student, teacher, tensors, image):
    """Return the relative errors of one image: of the features by layer, of the second moments."""
    target = jax.lax.stop_gradient(teach(teacher, tensors, image))
    guess = student(image, tuple(target))
    features = {name: distance(guess[name], target[name]) for name in target if name != "image"}
    moments = {name: distance(second_moment(guess[name]), second_moment(target[name])) for name in STYLE}
    return features, moments


def style_loss(student, image, style):
    """Return the relative style distance of two images, seen through the student."""
    a, b = student(image, STYLE), student(style, STYLE)
    return sum(distance(second_moment(a[n]), jax.lax.stop_gradient(second_moment(b[n]))) for n in STYLE)


def paint(student, canvas, first, second, styles):
    """Take one Adam step on every canvas towards its style, seen through the student."""
    loss, gradient = jax.vmap(jax.value_and_grad(style_loss, 1), (None, 0, 0))(student, canvas, styles)
    first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient**2
    return canvas - PACE * first / (jnp.sqrt(second) + 1e-8), first, second, loss


def make_step(optimizer, teacher, tensors):
    def loss_fn(student, images):
        features, moments = jax.vmap(partial(imitation, student, teacher, tensors))(images)
        means = [jax.tree.map(jnp.mean, errors) for errors in (features, moments)]
        weigh = lambda name, error: (DEEPEST if name == "relu5_1" else 1.0) * error
        return sum(weigh(*item) for errors in means for item in errors.items()), means

    @partial(jax.jit, donate_argnums=(0, 1), static_argnames="on_policy")
    def step(student, state, contents, styles, canvas, first, second, on_policy):
        images, seen = jnp.concatenate([contents, styles]), jnp.zeros(CROPS)
        if on_policy:
            for _ in range(STROKES):
                canvas, first, second, seen = paint(student, canvas, first, second, styles)
            images = jnp.concatenate([images, canvas])
        (loss, terms), gradient = jax.value_and_grad(loss_fn, has_aux=True)(student, images)
        updates, state = optimizer.update(gradient, state, student)
        return optax.apply_updates(student, updates), state, (canvas, first, second), loss, terms, seen

    return step


def load_images(folder):
    data = Path(folder)
    paths = [sorted((data / name).glob("*.*")) for name in ("content", "bsds500", "styles")]
    opened = [[Pillow.open(path).convert("RGB") for path in group] for group in paths]
    opened = [[image for image in group if min(image.size) >= PIXELS] for group in opened]
    return opened[0] + opened[1], opened[2]


def save(student, path, log):
    """Write the student in float16, one tensor a parameter."""
    flat = {}
    for name in student.convs:
        conv: Conv = getattr(student, name)
        for kind in ("kernel", "bias", "lift"):
            if getattr(conv, kind) is not None:
                flat[f"{name}.{kind}"] = np.asarray(getattr(conv, kind)[...], np.float16)
    metadata = {"network": "vgg19", "flavour": "normalised", "training": json.dumps(log)}
    save_file(flat, path, metadata)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    generator = np.random.default_rng(options.seed)
    contents, styles = load_images(os.environ["JAXSTYLE_DATA"])
    teacher = weights.load("vgg19-normalised")
    tensors = load_file(Path(os.environ["JAXSTYLE_WEIGHTS"]) / "collab_distill_16x_wct_1-5.safetensors")
    tensors = {key: value for key, value in tensors.items() if key.startswith("enc5.")}
    sample = np.concatenate([crops(generator, contents, 24), crops(generator, styles, 24)])
    student = VGG(factor(teacher, sample, options.seed), "normalised")

    schedule = optax.warmup_cosine_decay_schedule(
        0.0, options.learning_rate, options.steps // 50, options.steps
    )
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))
    state = optimizer.init(student)
    step = make_step(optimizer, teacher, tensors)

    canvas, style = crops(generator, contents, POOL), crops(generator, styles, POOL)
    first, second = np.zeros_like(canvas), np.zeros_like(canvas)
    log, start = [], time.time()
    for index in range(options.steps):
        on_policy = index >= WARM_UP * options.steps
        visited = np.arange(CROPS) + CROPS * index
        visited %= POOL
        if on_policy:
            fresh = visited[generator.random(CROPS) < 1 / PATIENCE]
            canvas[fresh] = crops(generator, contents, len(fresh)) if len(fresh) else canvas[fresh]
            style[fresh] = crops(generator, styles, len(fresh)) if len(fresh) else style[fresh]
            first[fresh] = second[fresh] = 0
        else:
            style[visited] = crops(generator, styles, CROPS)
        batch = crops(generator, contents, CROPS), style[visited]
        moving = canvas[visited], first[visited], second[visited]
        student, state, moved, loss, terms, seen = step(student, state, *batch, *moving, on_policy)
        canvas[visited], first[visited], second[visited] = (np.asarray(part) for part in moved)
        if index % 20 == 0 or index == options.steps - 1:
            features, moments = ({k: round(float(v), 5) for k, v in part.items()} for part in terms)
            row = {"step": index, "seconds": round(time.time() - start), "loss": round(float(loss), 5)}
            log.append(row | {"moments": moments, "relu4_1": features["relu4_1"]})
            print(
                json.dumps(log[-1] | {"features": features, "seen": np.mean(seen).round(4).item()}),
                flush=True,
            )
        if index % 200 == 199 or index == options.steps - 1:
            save(student, options.output, log)


if __name__ == "__main__":
    main()
