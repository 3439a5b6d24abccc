"""The recipe of the lite encoder: near its teacher from the start, nearer with training, saved as a VGG."""

from itertools import islice, repeat

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import picture, thin
from flax import nnx

from jaxstyle import weights
from jaxstyle.core import InputError
from jaxstyle.losses import Gram
from jaxstyle.networks import VGG, vgg
from jaxstyle.training.lite_encoder import LiteEncoder, Student
from jaxstyle.training.loop import fit, fresh
from jaxstyle.weights.parameters import tensors_of

SIZE = 32
SURVEY = [picture(SIZE, SIZE, seed) for seed in range(6)]
EXAMPLE = {"image": picture(SIZE, SIZE, 7), "style": picture(SIZE, SIZE, 8)}


def teacher(flavour: str, last: str = "conv2_1", factor: int = 2) -> VGG:
    """Return a VGG-19 on random weights that ends at `last`, `1 / factor` as wide."""
    parameters = {name: conv for name, conv in vgg.random_parameters("vgg19", 0).items() if name <= last}
    return VGG(thin(parameters, factor) if factor > 1 else parameters, flavour)


@pytest.fixture(scope="module")
def recipe():
    return LiteEncoder(teacher("normalised")).survey(SURVEY)


def features(network, image=EXAMPLE["image"]):
    names = [name for name in network.layers if name.startswith("relu")]
    return jax.jit(lambda network, image: network(image, names))(network, image)


def test_the_untrained_student_is_near_its_teacher(recipe):
    student, encoder = features(recipe.init(nnx.Rngs(0))), features(recipe.encoder)
    for name, target in encoder.items():
        assert jnp.sum((student[name] - target) ** 2) <= 0.15 * jnp.sum(target**2), name


@pytest.mark.parametrize("flavour", ["normalised", "torchvision"])
def test_of_full_rank_it_is_its_teacher(flavour):
    encoder = teacher(flavour, factor=8)
    start = LiteEncoder(encoder).survey(SURVEY).init(nnx.Rngs(0))
    again = LiteEncoder(start).survey(SURVEY).init(nnx.Rngs(0))
    for network in (start, again, Student.of(start)):
        student, target = features(network), features(encoder)
        assert student.keys() == target.keys()
        for name in target:
            np.testing.assert_allclose(student[name], target[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("last", "weight"), [("conv5_4", 0.05), ("conv4_1", 1.0)])
def test_it_is_taught_as_deep_as_its_teacher_goes(last, weight):
    layers = LiteEncoder(teacher("normalised", last)).weight
    assert list(layers.items())[-1] == ("relu5_1" if last == "conv5_4" else "relu4_1", weight)


def test_a_start_is_kept_and_copied(recipe):
    assert recipe.survey([]) is recipe
    copy = recipe.init(nnx.Rngs(0))
    assert copy.conv2_1.kernel[...] is not recipe.start.conv2_1.kernel[...]
    jax.tree.map(np.testing.assert_array_equal, copy, recipe.start)


def test_a_painted_image_nears_its_style_as_the_student_sees_it(recipe):
    student, image = recipe.init(nnx.Rngs(0)), recipe.paint(recipe.start, EXAMPLE["image"], EXAMPLE["style"])
    layers = dict.fromkeys(recipe.style_weight, 1.0)
    match = Gram.relative(student(EXAMPLE["style"], layers), layers)
    assert match(student(image, layers)) < 0.7 * match(student(EXAMPLE["image"], layers))
    assert 0 < jnp.max(jnp.abs(image - EXAMPLE["image"])) <= 1.5 * recipe.strokes * recipe.pace


def test_gradients_are_finite_and_reach_every_parameter(recipe):
    total = lambda recipe, params: sum(recipe.loss(params, EXAMPLE, jax.random.key(0)).values())
    for leaf in jax.tree.leaves(jax.jit(jax.grad(total, 1))(recipe, recipe.init(nnx.Rngs(0)))):
        assert jnp.all(jnp.isfinite(leaf)) and jnp.any(leaf != 0)


def test_training_brings_it_nearer(recipe):
    optimizer, batch = recipe.optimizer(3e-4, 8), jax.tree.map(lambda image: image[None], EXAMPLE)
    state = fresh(lambda: recipe.init(nnx.Rngs(0)), optimizer)
    steps = fit(state, jax.tree_util.Partial(LiteEncoder.loss, recipe), repeat(batch), optimizer)
    losses = [float(step.losses["loss"]) for step in islice(steps, 8)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_file_is_a_vgg(tmp_path):
    recipe = LiteEncoder(teacher("normalised", "conv2_1", factor=1)).survey(SURVEY)
    student, path = recipe.init(nnx.Rngs(0)), tmp_path / "lite-encoder.safetensors"
    weights.save(path, jax.tree.map(np.asarray, student), {"encoder": "a teacher"})
    found = weights.load(str(path))
    assert weights.metadata(str(path)) == {
        "network": "vgg19",
        "flavour": "normalised",
        "encoder": "a teacher",
    }
    assert isinstance(found, VGG) and tensors_of(found)["conv2_1.lift"].shape == (32, 128)
    jax.tree.map(np.testing.assert_array_equal, found, student)


def test_what_it_cannot_imitate_or_start_from(small_squeezenet, recipe):
    with pytest.raises(InputError, match="imitates a VGG"):
        LiteEncoder(small_squeezenet).survey(SURVEY)
    with pytest.raises(InputError, match="starts from a survey"):
        recipe.replace(start=None).init(nnx.Rngs(0))
