"""Metrics beside independent ones, and what they say of cases that are known."""

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import picture
from scipy import ndimage

from jaxstyle import InputError
from jaxstyle.metrics import covariance_distance, edge_ssim, gram_distance, ssim


def by_scipy(x: np.ndarray, y: np.ndarray) -> float:
    mean = lambda z: ndimage.gaussian_filter(z, 1.5, truncate=5 / 1.5)[5:-5, 5:-5]
    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    top = (2 * mx * my + 1e-4) * (2 * both + 9e-4)
    return float(np.mean(top / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))))


def grey(image) -> np.ndarray:
    return np.asarray(image, np.float64) @ [0.299, 0.587, 0.114]


def test_ssim_is_scipys():
    x, y = picture(40, 33, 1), picture(40, 33, 2)
    assert ssim(x, y) == pytest.approx(by_scipy(grey(x), grey(y)), abs=1e-5)


def test_edge_ssim_is_that_of_sobels_modulus():
    x, y = picture(40, 33, 1), picture(40, 33, 2)
    modulus = lambda z: np.hypot(ndimage.sobel(z, 0), ndimage.sobel(z, 1))[1:-1, 1:-1] / 4 / np.sqrt(2)
    assert edge_ssim(x, y) == pytest.approx(by_scipy(*(modulus(grey(z)) for z in (x, y))), abs=1e-4)


@pytest.mark.parametrize("metric", [ssim, edge_ssim])
def test_one_for_the_same_and_less_for_another(metric):
    x = picture(30, 31, 1)
    assert metric(x, x) == pytest.approx(1, abs=1e-5)
    assert metric(x, x[::-1]) < 0.9
    assert metric(x, jnp.clip(0.9 * x, 0, 1)) > metric(x, picture(30, 31, 2))
    with pytest.raises(InputError, match="11 pixels"):
        metric(x[:9], x[:9])


@pytest.mark.parametrize("distance", [gram_distance, covariance_distance])
def test_distance_is_zero_at_the_style_and_looks_under_the_masks(small_vgg, distance):
    one, two = picture(32, 32, 1), 0.5 * picture(32, 32, 2)
    assert distance(small_vgg, one, one) == pytest.approx(0, abs=1e-6)
    assert distance(small_vgg, one, two) > 0.1
    left = jnp.zeros((32, 32)).at[:, :16].set(1)
    halves, both = jnp.stack([left, 1 - left]), jnp.concatenate([one[:, :16], two[:, 16:]], 1)
    near = distance(small_vgg, both, both, halves, halves)
    assert near == pytest.approx(0, abs=1e-6)
    assert distance(small_vgg, both, both, halves, halves[::-1]) > 0.1
