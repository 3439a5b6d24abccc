"""The filter that a descent learns: an inverse Hessian, where that is a filter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle import spectrum

SIZE = (12, 17, 3)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def noise(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape))


def positive(seed):
    """Return a symmetric positive matrix for every band."""
    root = noise(spectrum.BANDS, 3, 3, seed=seed)
    return root @ root.swapaxes(1, 2) + jnp.eye(3)


def trace(matrices):
    return jnp.trace(matrices, axis1=1, axis2=2)


def of(matrices):
    return spectrum.start(jnp.float64)._replace(matrices=matrices)


def test_the_filter_is_symmetric_and_positive():
    known, x, y = of(positive(1)), noise(*SIZE, seed=2), noise(*SIZE, seed=3)
    left, right = jnp.vdot(x, spectrum.filtered(known, y)), jnp.vdot(spectrum.filtered(known, x), y)
    np.testing.assert_allclose(left, right)
    assert jnp.vdot(x, spectrum.filtered(known, x)) > 0


def test_at_the_start_it_changes_nothing():
    x = noise(*SIZE)
    np.testing.assert_allclose(spectrum.filtered(spectrum.start(jnp.float64), x), x, atol=1e-12)


def test_the_geometric_mean_takes_one_to_the_other():
    a, b = positive(1), positive(2)
    mean = spectrum.geometric_mean(a, b)
    np.testing.assert_allclose(mean @ spectrum.inverse(b) @ mean, a, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(spectrum.inverse(a) @ a, jnp.broadcast_to(jnp.eye(3), a.shape), atol=1e-9)


def test_fine_frequencies_are_stepped_no_further_than_coarse_ones():
    matrices, known = positive(1), jnp.arange(spectrum.BANDS) != 3
    bounded = spectrum.falling(matrices.at[3].mul(1e-3), known)
    np.testing.assert_array_equal(bounded[0], matrices[0])
    assert jnp.all(jnp.diff(trace(bounded)[known]) <= 1e-12)
    np.testing.assert_allclose(
        bounded / trace(bounded)[:, None, None], matrices / trace(matrices)[:, None, None]
    )
    np.testing.assert_allclose(spectrum.falling(bounded, known), bounded)


def test_it_learns_the_inverse_of_a_hessian_that_is_a_filter():
    """But for a number, which the recursion fits anew at every step."""
    every = positive(4)
    hessian = of(every[jnp.argsort(-trace(spectrum.inverse(every)))])
    known, learn = spectrum.start(jnp.float64), jax.jit(spectrum.learn)
    for seed in range(60):
        step = noise(64, 64, 3, seed=seed)
        known = learn(known, step, spectrum.filtered(hessian, step))
    x = noise(64, 64, 3, seed=99)
    back = spectrum.filtered(known, spectrum.filtered(hessian, x))
    alike = jnp.vdot(back, x) / jnp.linalg.norm(back) / jnp.linalg.norm(x)
    blind = spectrum.filtered(hessian, x)
    assert alike > 0.97 > 0.9 > jnp.vdot(blind, x) / jnp.linalg.norm(blind) / jnp.linalg.norm(x)
