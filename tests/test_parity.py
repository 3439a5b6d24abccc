"""Laws of parity: networks, presets and solvers give what PyTorch gives (`golden/make.py`)."""

from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.core import Encoder
from jaxstyle.methods.descent import evaluate
from jaxstyle.methods.gatys import Gatys
from jaxstyle.networks import VGG, SqueezeNet, squeezenet, vgg
from jaxstyle.networks.convolution import average_pool
from jaxstyle.solvers import LBFGS, Adam, advance

HALF = {"relu1_1": 0.5, "relu2_1": 0.5}
SHALLOW = partial(Gatys, content_layers={"relu2_1": 1.0}, style_layers=HALF)
PRESETS = {
    "default": (Gatys, "vgg19-torchvision"),
    "normalised": (Gatys, "vgg19-normalised"),
    "paper": (Gatys.paper, "vgg19-torchvision"),  # brings its average pooling
    "author": (Gatys.author, "vgg19-caffe"),
    "stanford": (Gatys.stanford, "vgg16-torchvision"),
    "squeezenet": (Gatys.squeezenet, "squeezenet-torchvision"),
    "icfp": (Gatys.icfp, "vgg19-torchvision"),
}
SOLVERS = {"lbfgs": LBFGS(50), "lbfgs-damped": LBFGS(50, 0.2, 5), "adam": Adam(50, 0.02)}
NETWORKS = [network for _, network in PRESETS.values()] + ["vgg19-torchvision-average", "squeezenet-caffe"]


@cache
def references(name: str) -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parent / "golden" / f"{name}.npz") as file:
        return dict(file)


@cache
def parameters(network: str) -> dict:
    return squeezenet.random_parameters(0) if network == "squeezenet" else vgg.random_parameters(network, 0)


def encoder(name: str) -> Encoder:
    """Return the network of `network-flavour[-average]`, its parameters in the widest float type."""
    network, flavour, *average = name.split("-")
    made = (SqueezeNet if network == "squeezenet" else VGG)(parameters(network), flavour)
    made = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), made)
    return made.with_pool(average_pool) if average else made


def image_of(pixels: np.ndarray) -> jax.Array:
    return jnp.asarray(pixels, float) / 255


def error(value, reference: np.ndarray) -> float:
    """Return the largest difference in units of the largest reference (of 1 where that is 0)."""
    value, scale = np.asarray(value), np.abs(reference).max() or 1.0
    assert value.shape == reference.shape
    return float(np.abs(value - reference).max() / scale)


@pytest.mark.parametrize("network", sorted(set(NETWORKS)))
def test_every_layer_is_that_of_torch(network):
    stored = references("features")
    expected = {key.split("/")[1]: value for key, value in stored.items() if key.startswith(f"{network}/")}
    model, mix = encoder(network), jnp.asarray(stored["mix"], float)
    features = jax.jit(lambda model, image: model(image, model.layers))(model, image_of(stored["image"]))
    assert features.keys() == expected.keys() | {"image"}
    errors = {name: error(features[name] @ mix[: features[name].shape[-1]], expected[name]) for name in expected}
    assert max(errors.values()) <= 1e-4, errors


@jax.jit
def loss_terms_and_gradient(method: Gatys, content, style, image):
    energy = partial(evaluate, method.encoder, method.loss(content, method.prepare(style)))
    (_, terms), gradient = jax.value_and_grad(energy, has_aux=True)(image)
    return terms, gradient


@pytest.mark.parametrize(("wide", "tolerance"), [(False, 1e-4), (True, 1e-9)], ids=["float32", "float64"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_the_loss_and_gradient_of_torch(preset, wide, tolerance):
    stored = references("presets")
    make, network = PRESETS[preset]
    with jax.enable_x64(wide):
        images = (image_of(stored[name]) for name in ("content", "style", "image"))
        terms, gradient = loss_terms_and_gradient(make(encoder(network)), *images)
        values = (terms[name] for name in ("content", "gram", "variation"))
    errors = [error(value, expected) for value, expected in zip(values, stored[f"{preset}/terms"], strict=True)]
    assert max(*errors, error(gradient, stored[f"{preset}/gradient"])) <= tolerance


@partial(jax.jit, static_argnames="count")
def run(solver, method: Gatys, content, style, image, count: int):
    energy = partial(evaluate, method.encoder, method.loss(content, method.prepare(style)))
    image, _, history = advance(solver, energy, image, solver.transform().init(image), count)
    return image, history["loss"]


@pytest.mark.parametrize("steps", [20, 50])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_solver_walks_as_that_of_torch(solver, steps):
    stored = references("trajectories")
    with jax.enable_x64(True):
        images = (image_of(stored[name]) for name in ("content", "style", "image"))
        image, losses = run(SOLVERS[solver], SHALLOW(encoder("vgg19-torchvision")), *images, steps)
    print("ERR", error(image, stored[f"{solver}/images"][steps // 50]), [error(l, e) for l,e in zip(losses, stored[f"{solver}/losses"][:steps])])
