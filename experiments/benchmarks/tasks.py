"""What is measured: for every task how both sides build it, at a size; the table at the end names all.

A task returns builds by name; a build takes `precision` and makes a variant: see `ours.py`.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from flax import nnx

from experiments.benchmarks.inputs import load, picture, pictures
from experiments.benchmarks.machine import torch_device
from experiments.benchmarks.ours import Call, Descended, Trainer
from experiments.benchmarks.report import OURS
from experiments.benchmarks.scipy_matting import Scipy, products, smoothed
from experiments.benchmarks.torch_descent import TorchDescent
from experiments.benchmarks.torch_gatys import CHANNELS_LAST, ways
from experiments.benchmarks.torch_training import DecodersLoss, JohnsonLoss, TorchTraining
from experiments.benchmarks.torch_transfer import (
    Drawn,
    Matched,
    TorchTransfer,
    Transfer,
    eigh,
    match_covariance,
    match_moments,
    svd,
)
from jaxstyle import stylize, training, weights
from jaxstyle.image.matting import Laplacian
from jaxstyle.methods import WCT, AdaIN, DeepPhoto, Gatys, Johnson
from jaxstyle.methods.starts import from_content
from jaxstyle.networks.decoders import encoded
from jaxstyle.optimizers import LBFGS, Adam, Spectral
from jaxstyle.smoothing import ClosedForm
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.transforms import match_covariance as matched
from jaxstyle.transforms.covariance import cholesky, newton_schulz, zca
from weights.port import wct_decoders

STEPS, CALLS, BATCH, PRODUCTS, BETA = 5, 3, 4, 100, 0.9999  # steps and calls: in a turn
ORIGINAL = Path(os.environ.get("JAXSTYLE_WEIGHTS", "")) / "wct_decoders_1-3.safetensors"
Builds = dict[str, Callable]


def by(weights_of: str, kind: type[Gatys], **fields) -> Gatys:
    """Return a method; each process makes its own."""
    return kind(load(weights_of), pyramid=(), **fields)


def descent(options, size: int, method: Callable[[], Gatys], masks: tuple = ()) -> Builds:
    """Return a descent of `STEPS` steps a turn, in masks of content and of style."""
    given = pictures(options, size), masks, STEPS
    return {OURS: partial(Descended, method, *given)} | ways(
        partial(TorchDescent, method, *given, torch_device()), options.smoke
    )


def by_lbfgs(options, kind: type = LBFGS) -> dict:
    """Return the steps of all turns, and an optimiser with as many pairs as are worth keeping."""
    count = STEPS * (options.turns + 1)
    return {"steps": count, "optimizer": kind(memory=min(count, 100))}


def gatys(options, size: int) -> Builds:
    builds = descent(options, size, partial(by, options.weights, Gatys, **by_lbfgs(options)))
    spectral = partial(by, options.weights, Gatys, **by_lbfgs(options, Spectral))
    return {**builds, f"{OURS}, spectral": partial(Descended, spectral, pictures(options, size), (), STEPS)}


def gatys_adam(options, size: int) -> Builds:
    method = partial(by, options.weights, Gatys, **by_lbfgs(options) | {"optimizer": Adam()})
    return descent(options, size, method)


def deep_photo(options, size: int) -> Builds:
    first = np.tile(np.linspace(0, 1, size, dtype=np.float32), (size, 1))
    masks = np.stack([first, 1 - first])
    method = partial(by, options.weights, DeepPhoto, **by_lbfgs(options), init=from_content)
    return descent(options, size, method, (masks, masks))


def _stylized(method, content, style):
    return stylize(method, content, style)


def transfer(options, size: int, method, build: Callable) -> Builds:
    images = pictures(options, size)
    theirs = partial(TorchTransfer, build, images, CALLS, torch_device())
    return {OURS: partial(Call, _stylized, (method, *images), CALLS)} | ways(theirs, options.smoke)


def johnson(options, size: int) -> Builds:
    method = Johnson(weights.load("johnson-strokes"))
    return transfer(options, size, method, partial(Drawn, method.network))


def adain(options, size: int) -> Builds:
    method = AdaIN(weights.load("vgg19-lite"), weights.load("adain"))
    return transfer(options, size, method, partial(Transfer, method, match_moments))


def wct(options, size: int) -> Builds:
    return _wct(options, size, weights.load("vgg19-lite"), weights.load("wct-decoders"), (5, 4, 3, 2, 1))


def wct_original(options, size: int) -> Builds:
    return _wct(options, size, weights.load("vgg19-normalised"), wct_decoders.ported(ORIGINAL), (3, 2, 1))


def _wct(options, size: int, encoder, decoders, levels: tuple[int, ...]) -> Builds:
    method, images = WCT(encoder, decoders, levels=levels), pictures(options, size)
    root = lambda way: partial(Transfer, method, partial(match_covariance, way))
    other = partial(TorchTransfer, root(eigh), images, CALLS, torch_device(), layout=CHANNELS_LAST)
    return transfer(options, size, method, root(svd)) | {"PyTorch eager, channels_last, eigh": other}


def _whitened(whitening: Callable, feature, style):
    return matched(feature, Covariance.of(style), whitening=whitening)


def whitening(options, size: int) -> Builds:
    encode = jax.jit(partial(encoded, weights.load("vgg19-lite"), 4))
    content, style = (np.asarray(encode(image)) for image in pictures(options, size))
    features = content, style
    ours = {OURS: zca, f"{OURS}, cholesky": cholesky, f"{OURS}, newton_schulz": newton_schulz}
    theirs = {"PyTorch svd": svd, "PyTorch eigh": eigh}
    build = lambda root: partial(Matched, partial(match_covariance, root))
    return {
        name: partial(Call, partial(_whitened, whitening), features, CALLS)
        for name, whitening in ours.items()
    } | {
        name: partial(TorchTransfer, build(root), features, CALLS, torch_device())
        for name, root in theirs.items()
    }


def _trained(options, size: int, network, recipe: Callable, loss: Callable) -> Builds:
    batch = np.stack([picture(size, seed % 4) for seed in range(BATCH)])
    given = np.round(255 * batch).astype(np.uint8), STEPS
    theirs = partial(TorchTraining, loss, network, *given, torch_device())
    return {OURS: partial(Trainer, recipe, network, *given)} | ways(theirs, options.smoke)


def train_johnson(options, size: int) -> Builds:
    recipe, style = training.Johnson(load("vgg19-lite")), picture(size, 1)
    network = jax.tree.map(np.asarray, recipe.init(nnx.Rngs(0)))
    given = partial(recipe.prepare, jax.numpy.asarray(style)), partial(JohnsonLoss, recipe, style)
    return _trained(options, size, network, *given)


def train_decoders(options, size: int) -> Builds:
    recipe = training.WCTDecoders(load("vgg19-lite"))
    # Fresh decoders end in zeros: they give plain grey, where every maximum of the encoder's is a tie.
    noise = np.random.default_rng(0).standard_normal
    fill = lambda leaf: np.where(leaf == 0, 0.02 * noise(leaf.shape), leaf).astype(np.float32)
    network = jax.tree.map(fill, recipe.init(nnx.Rngs(0)))
    return _trained(options, size, network, recipe.replace, partial(DecodersLoss, recipe))


def _applied(content: jax.Array, image: jax.Array) -> jax.Array:
    matrix = Laplacian.of(content)
    return jax.lax.fori_loop(0, PRODUCTS, lambda _, p: matrix.matvec(p) / 16, image)


def laplacian(options, size: int) -> Builds:
    pair = picture(size, 1), picture(size, 2)
    return {
        OURS: partial(Call, _applied, pair, 1),
        "SciPy": partial(Scipy, partial(products, count=PRODUCTS), *pair, 1),
    }


def _smoothed(content: jax.Array, image: jax.Array) -> jax.Array:
    return ClosedForm(BETA)(image, content)


def smoothing(options, size: int) -> Builds:
    height = 2 * size // 3
    pair = picture(size, 1)[:height], picture(size, 2)[:height]
    return {
        OURS: partial(Call, _smoothed, pair, 1),
        "SciPy": partial(Scipy, partial(smoothed, beta=BETA), *pair, 1),
    }


class Task(NamedTuple):
    """How both sides are built, what a step is, how many a turn has, the bar of theirs / ours, own sizes."""

    builds: Callable[..., Builds]
    step: str
    steps: int
    bar: float | None
    sizes: tuple[int, ...] = ()
    near: float = 1e-5  # how far apart the results in float64 may be


TASKS = {
    "gatys": Task(gatys, "a step of L-BFGS", STEPS, 1.2),
    "gatys-adam": Task(gatys_adam, "a step of Adam", STEPS, 1.2),
    "deep-photo": Task(deep_photo, "a step of L-BFGS, two regions", STEPS, 1.0),
    "johnson": Task(johnson, "a picture", CALLS, 1.1),
    "adain": Task(adain, "a picture and its style", CALLS, 1.0),
    "wct": Task(wct, "a picture and its style, levels 5 to 1", CALLS, 1.2),
    "wct-original": Task(
        wct_original, "the same by the original decoders, levels 3 to 1", CALLS, 1.2, (512,)
    ),
    "whitening": Task(whitening, "WCT's transform alone, at relu4_1", CALLS, None, (512,)),
    "train-johnson": Task(train_johnson, "a training step, 4 pictures", STEPS, 1.0, (256,)),
    "train-decoders": Task(
        train_decoders, "a training step of all WCT decoders, 4 pictures", STEPS, 1.0, (128,)
    ),
    "laplacian": Task(laplacian, "a matting Laplacian, built and applied 100 times", 1, 10.0, (512,), 1e-3),
    "smoothing": Task(smoothing, "PhotoWCT's closed-form smoothing", 1, 5.0, (800,), 1e-3),
}
