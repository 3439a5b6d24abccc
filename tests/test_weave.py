"""Laws of the loss that keeps decoders from weaving."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import picture

from jaxstyle.training.weave import weave


def noise(*shape: int):
    return jnp.asarray(np.random.default_rng(0).random(shape), jnp.float32)


def test_one_colour_and_a_ramp_have_none():
    ramp = jnp.broadcast_to(jnp.linspace(0, 1, 96)[:, None], (64, 96, 3))
    assert weave(jnp.full((64, 96, 3), 0.3)) == pytest.approx(0, abs=1e-9)
    assert weave(ramp) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("period", [2.4, 3, 5])
def test_threads_have_more_than_waves_that_slant(period):
    i, j = np.mgrid[:64, :96]
    thread, slanted = (np.sin(2 * np.pi * x / period)[..., None] * np.ones(3) for x in (j, (i + j) / 2**0.5))
    assert weave(jnp.asarray(0.1 * thread, jnp.float32)) > 5 * weave(jnp.asarray(0.1 * slanted, jnp.float32))


def test_cells_that_repeat_have_more_than_the_same_pixels_elsewhere():
    cells = jnp.tile(noise(8, 8, 3), (8, 16, 1))
    shuffled = np.random.default_rng(1).permutation(np.asarray(cells).reshape(-1, 3)).reshape(cells.shape)
    assert weave(cells) > 10 * weave(jnp.asarray(shuffled))


def test_it_is_a_square_and_turns_with_the_picture():
    image = picture(64, 96, 1)
    assert weave(0.5 * image) == pytest.approx(float(weave(image)) / 4, rel=1e-4)
    assert weave(image.swapaxes(0, 1)) == pytest.approx(float(weave(image)), rel=1e-4)


@pytest.mark.parametrize("size", [8, 16, 63, 130])
def test_any_crop_has_a_finite_gradient(size):
    gradient = jax.grad(weave)(noise(size, size, 3))
    assert jnp.all(jnp.isfinite(gradient)) and jnp.any(gradient != 0)
