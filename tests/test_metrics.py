"""Metrics beside independent ones, and what they say of cases that are known."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import picture
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from jaxstyle import InputError
from jaxstyle.losses import Content
from jaxstyle.metrics import content_distance, covariance_distance, edge_ssim, gram_distance, psnr, ssim


def similarity(x: np.ndarray, y: np.ndarray) -> float:
    """Return what scikit-image computes with the window of Wang et al. 2004."""
    options: dict[str, Any] = {
        "gaussian_weights": True,
        "sigma": 1.5,
        "use_sample_covariance": False,
        "data_range": 1.0,
    }
    return np.asarray(structural_similarity(x, y, **options)).item()


def grey(image) -> np.ndarray:
    return np.asarray(image, np.float64) @ [0.299, 0.587, 0.114]


def test_ssim_is_scikit_images():
    x, y = picture(40, 33, 1), picture(40, 33, 2)
    assert ssim(x, y) == pytest.approx(similarity(grey(x), grey(y)), abs=1e-5)


def test_edge_ssim_is_that_of_sobels_modulus():
    x, y = picture(40, 33, 1), picture(40, 33, 2)
    modulus = lambda z: np.hypot(ndimage.sobel(z, 0), ndimage.sobel(z, 1))[1:-1, 1:-1] / 4 / np.sqrt(2)
    assert edge_ssim(x, y) == pytest.approx(similarity(*(modulus(grey(z)) for z in (x, y))), abs=1e-4)


def test_psnr_is_scikit_images():
    x, y = picture(40, 33, 1), picture(40, 33, 2)
    assert psnr(x, y) == pytest.approx(peak_signal_noise_ratio(np.array(x), np.array(y)), abs=1e-4)


def test_content_distance_is_the_relative_content_loss(small_vgg):
    x, y = picture(32, 32, 1), picture(32, 32, 2)
    weights = dict.fromkeys(small_vgg.content_layers, 1 / len(small_vgg.content_layers))
    loss = Content.relative(small_vgg(y, tuple(weights)), weights)(small_vgg(x, tuple(weights)))
    assert content_distance(small_vgg, x, y) == pytest.approx(float(loss), rel=1e-5)
    assert content_distance(small_vgg, y, y) == 0


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
    whole = distance(small_vgg, both, two, halves, jnp.ones((2, 32, 32)))
    assert distance(small_vgg, both, two, halves) == pytest.approx(float(whole), rel=1e-4)
