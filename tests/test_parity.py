"""Laws of parity: networks, presets and optimisers give what PyTorch gives (`golden/make.py`)."""

from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.core import Encoder, InputError
from jaxstyle.methods.descent import evaluate
from jaxstyle.methods.gatys import Gatys
from jaxstyle.metrics import LPIPS
from jaxstyle.networks import VGG, AlexNet, SqueezeNet, alexnet, squeezenet, vgg
from jaxstyle.networks.pooling import average_pool
from jaxstyle.optimizers import LBFGS, Adam, minimise


def default_to(block: int) -> partial:
    """Return the default preset on layers no deeper than `relu<block>_1`."""
    style_layers = {f"relu{i}_1": 1 / block for i in range(1, block + 1)}
    return partial(
        Gatys, style_weight=10.0, content_layers={f"relu{block}_1": 1.0}, style_layers=style_layers
    )


PRESETS = {
    "default": (partial(Gatys, style_weight=10.0), "vgg19-torchvision"),  # the weight of the references
    "normalised": (default_to(3), "vgg19-normalised"),
    "paper": (Gatys.paper, "vgg19-torchvision"),  # brings its average pooling
    "author": (Gatys.author, "vgg19-caffe"),
    "stanford": (Gatys.stanford, "vgg16-torchvision"),
    "squeezenet": (Gatys.squeezenet, "squeezenet-torchvision"),
    "icfp": (Gatys.icfp, "vgg19-torchvision"),
}
OPTIMIZERS = {"lbfgs": LBFGS(), "lbfgs-damped": LBFGS(0.2, 5), "adam": Adam(0.02)}


@cache
def references(name: str) -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parent / "golden" / f"{name}.npz") as file:
        return dict(file)


NETWORKS = sorted({key.split("/")[0] for key in references("features") if "/" in key})


@cache
def parameters(network: str) -> dict:
    other = {"squeezenet": squeezenet, "alexnet": alexnet}
    return other[network].random_parameters(0) if network in other else vgg.random_parameters(network, 0)


def encoder(name: str) -> Encoder:
    """Return the network of `network-flavour[-average]`, its parameters in the widest float type."""
    network, flavour, *average = name.split("-")
    made = {"squeezenet": SqueezeNet, "alexnet": AlexNet}.get(network, VGG)(parameters(network), flavour)
    made = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), made)
    return made.with_pool(average_pool) if average else made


def image_of(pixels: np.ndarray) -> jax.Array:
    return jnp.asarray(pixels, float) / 255


def error(value, reference: np.ndarray) -> float:
    """Return the largest difference in units of the largest reference (of 1 where that is 0)."""
    value, scale = np.asarray(value), np.abs(reference).max() or 1
    assert value.shape == reference.shape
    return float(np.abs(value - reference).max() / scale)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_layer_is_that_of_torch(network):
    stored = references("features")
    model, image = encoder(network), image_of(stored["image"])
    features = jax.jit(lambda model, image: model(image, model.layers))(model, image)
    assert {f"{network}/{layer}" for layer in model.layers} == {key for key in stored if f"{network}/" in key}
    for layer in model.layers:
        mixed = np.asarray(features[layer], float) @ stored["mix"][: features[layer].shape[-1]]
        assert error(mixed, stored[f"{network}/{layer}"]) <= 1e-4, layer


@jax.jit
def loss_terms_and_gradient(method: Gatys, content, style, image):
    energy = partial(evaluate, method.encoder, method.loss(content, method.target(style, None)))
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
    for name, term in zip(("content", "gram", "variation"), stored[f"{preset}/terms"], strict=True):
        assert error(terms[name], term) <= tolerance, name
    assert error(gradient, stored[f"{preset}/gradient"]) <= tolerance


@jax.jit
def descend(method: Gatys, content, style, image):
    energy = partial(evaluate, method.encoder, method.loss(content, method.target(style, None)))
    image, history = minimise(method.optimizer, method.steps, energy, image)
    return image, history["loss"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_takes_the_steps_of_torch(optimizer):
    stored = references("trajectories")
    with jax.enable_x64(True):
        images = (image_of(stored[name]) for name in ("content", "style", "image"))
        method = default_to(2)(encoder("vgg19-torchvision"), optimizer=OPTIMIZERS[optimizer], steps=50)
        image, losses = descend(method, *images)
    np.testing.assert_allclose(losses, stored[f"{optimizer}/losses"], rtol=1e-6)
    assert error(image, stored[f"{optimizer}/image"]) <= 1e-6


@pytest.mark.parametrize(
    ("network", "sizes"),
    [
        ("vgg16-torchvision", (64, 128, 256, 512, 512)),
        ("squeezenet-torchvision", (64, 128, 256, 384, 384, 512, 512)),
        ("alexnet-torchvision", (64, 192, 384, 256, 256)),
    ],
)
def test_lpips_is_that_of_torch(network, sizes, monkeypatch):
    stored, model = references("lpips"), encoder(network)
    heads = {f"lin{i}.model.1.weight": 1 - np.arange(n).reshape(1, n, 1, 1) / n for i, n in enumerate(sizes)}
    monkeypatch.setattr("jaxstyle.weights.torchfile.read", lambda path, name=None: heads)
    measure = LPIPS.read("heads.pth", model)
    one, two, apart = image_of(stored["one"]), image_of(stored["two"]), jax.jit(LPIPS.__call__)
    assert error(apart(measure, one, two), stored[network]) <= 1e-5
    assert apart(measure, one, one) == 0
    heads.popitem()
    with pytest.raises(InputError, match="heads, which do not fit"):
        LPIPS.read("heads.pth", model)
