"""The bundled encoder: it sees what VGG-19 sees, also where it was led astray, and keeps the pixels."""

import jax
import numpy as np
import pytest

from experiments.train import reconstruction
from jaxstyle import Gatys, fit, read, weights
from jaxstyle.statistics.covariance import second_moment

BARS = (40.0, 29.8, 26.0, 23.0, 20.7)  # dB, of levels 1 to 5
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


@pytest.fixture(scope="module")
def pair(real_data):
    return [fit(read(real_data / "classic" / f"{name}.jpg"), 128) for name in ("golden_gate", "starry_night")]


@pytest.fixture(scope="module")
def teacher(real_weights):
    return weights.load("vgg19-normalised")


def relative(a, b):
    return float(np.sum((np.asarray(a) - np.asarray(b)) ** 2) / np.sum(np.asarray(b) ** 2))


@jax.jit
def features(encoder, image):
    return encoder(image, LAYERS)


def test_features_are_the_teachers(teacher, pair):
    student = weights.load("vgg19-lite")
    for image in pair:
        guess, truth = features(student, image), features(teacher, image)
        errors = [relative(guess[name], truth[name]) for name in LAYERS]
        assert max(errors) < 0.1, errors


def test_what_it_optimises_the_teacher_sees(teacher, pair):
    content, style = pair
    method = Gatys(weights.load("vgg19-lite"), steps=30)
    *_, last = method.run(content, jax.jit(Gatys.prepare)(method, style))
    target = features(teacher, style)

    def distance(image):
        seen = features(teacher, image)
        return np.mean([relative(second_moment(seen[name]), second_moment(target[name])) for name in LAYERS])

    assert distance(content) > 4 * distance(last.image)


def test_the_decoders_give_photographs_back(real_data):
    paths = sorted((real_data / "kodak24").glob("*.png"))
    upright = [image for image in (fit(read(path), 256) for path in paths) if image.shape[0] == 256]
    ours = jax.jit(reconstruction.ours)
    given = weights.load("vgg19-lite"), weights.load("wct-decoders")
    kept = np.mean([ours(*given, image) for image in upright], 0)
    assert len(upright) == 6 and np.all(kept > BARS), kept
