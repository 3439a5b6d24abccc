"""Metrics beside independent ones, and what they say of cases that are known."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import picture
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from jaxstyle import InputError
from jaxstyle.losses import Content
from jaxstyle.metrics import (
    StyleRemainder,
    content_distance,
    covariance_distance,
    edge_ssim,
    grain,
    gram_distance,
    grid,
    psnr,
    ssim,
    unpainted,
    weave,
)


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


def chessboard(height: int, width: int):
    """Return black and white pixels by turns."""
    return jnp.broadcast_to((jnp.indices((height, width)).sum(0) % 2)[..., None], (height, width, 3)) * 1.0


def waves(height: int, width: int, period: float, axis: int):
    """Return a cosine of a period along an axis, grey, between -1 and 1."""
    wave = jnp.cos(2 * jnp.pi * jnp.indices((height, width))[axis] / period)
    return jnp.broadcast_to(wave[..., None], (height, width, 3))


def test_grain_is_one_on_a_chessboard_and_zero_where_rows_and_columns_add_up():
    rows, columns = (jnp.asarray(np.random.default_rng(n).random(40), jnp.float32) for n in (1, 2))
    both = (rows[:, None] + columns)[..., None] / 2 * jnp.ones(3)
    assert grain(chessboard(40, 33)) == pytest.approx(1, rel=1e-5)
    assert grain(both) == pytest.approx(0, abs=1e-6)


def test_grain_grows_with_what_is_added_and_does_not_know_left_from_right():
    x = picture(40, 48, 1)
    grains = [float(grain(x + a * (chessboard(40, 48) - 0.5))) for a in (0, 0.2, 0.4, 0.8)]
    assert grains == sorted(grains) and grains[3] > 2 * grains[0]
    assert grain(0.3 * x) == pytest.approx(0.3 * float(grain(x)), rel=1e-4)
    for other in (x[::-1], x[:, ::-1], 1 - x, jnp.swapaxes(x, 0, 1)):
        assert grain(other) == pytest.approx(float(grain(x)), rel=1e-4)


@pytest.mark.parametrize("axis", [0, 1])
def test_grid_sees_periods_of_two_and_four_and_no_others(axis):
    x = picture(130, 101, 1)  # not of whole periods
    for period, seen in ((2, True), (4, True), (3, False), (5, False), (8, False), (2.2, False)):
        peaks = [float(grid(x + a * waves(130, 101, period, axis))) for a in (0, 0.02, 0.05, 0.1)]
        if seen:
            assert peaks == sorted(peaks) and peaks[3] > 4
        else:
            assert peaks == pytest.approx([peaks[0]] * 4, rel=0.25)


def test_grid_is_one_of_one_colour_and_about_one_of_noise():
    noise = jnp.asarray(np.random.default_rng(3).random((128, 96, 3)), jnp.float32)
    assert grid(jnp.full((128, 96, 3), 0.3)) == pytest.approx(1, abs=1e-3)
    assert 0.9 < grid(noise) < 1.4
    assert grid(noise) == pytest.approx(float(grid(jnp.swapaxes(noise, 0, 1))), rel=1e-4)
    assert grid(chessboard(128, 96)) > 100
    with pytest.raises(InputError, match="64 pixels"):
        grid(noise[:63])


@pytest.mark.parametrize("axis", [0, 1])
def test_weave_sees_threads_of_any_fine_period_but_no_slanted_ones(axis):
    x = picture(130, 101, 1)
    for period in (2.3, 2.9, 3.5, 4.2):
        threads = [float(weave(x + a * waves(130, 101, period, axis))) for a in (0, 0.02, 0.05, 0.1)]
        assert threads == sorted(threads) and threads[0] < 1.2 and threads[3] > 3
    slanted = jnp.sin(2 * jnp.pi * (jnp.arange(130)[:, None] + jnp.arange(101)) / 5)[..., None]
    assert weave(x + 0.1 * slanted) < 0.5
    assert weave(x + 0.1 * waves(130, 101, 16, axis)) < 1.2


def test_weave_is_one_of_one_colour_and_about_one_of_noise():
    noise = jnp.asarray(np.random.default_rng(3).random((128, 96, 3)), jnp.float32)
    assert weave(jnp.full((128, 96, 3), 0.3)) == pytest.approx(1, abs=1e-3)
    assert 0.8 < weave(noise) < 1.2
    assert weave(noise) == pytest.approx(float(weave(jnp.swapaxes(noise, 0, 1))), rel=1e-4)
    fence = noise.at[:40].add(0.5 * waves(40, 96, 3, 1))  # in three rows of windows of seven
    assert weave(fence) < 1.5
    with pytest.raises(InputError, match="32 pixels"):
        weave(noise[:31])


def test_unpainted_is_the_share_that_is_blank():
    style = picture(160, 128, 1)
    blank = jnp.full((128, 160, 3), 0.7)
    for columns in range(0, 161, 32):
        x = jnp.concatenate([picture(128, 160, 2)[:, columns:], blank[:, :columns]], 1)
        assert unpainted(x, style) == pytest.approx(columns / 160, abs=0.01)
    assert unpainted(blank + 0.2 * (chessboard(128, 160) - 0.5), style) == 1
    slope = blank * jnp.linspace(0.5, 1, 160)[:, None]
    assert unpainted(slope, style) == 1


def test_unpainted_grows_as_the_texture_goes():
    style = picture(160, 128, 1)
    shares = [float(unpainted(0.5 + a * (style - 0.5), style)) for a in (1, 0.5, 0.33, 0.3, 0.2)]
    assert shares == sorted(shares) and shares[1] == 0 and shares[4] == 1
    with pytest.raises(InputError, match="32 pixels"):
        unpainted(style[:31], style)


@pytest.mark.parametrize("encoder", ["small_vgg", "small_squeezenet"])
def test_what_is_left_of_the_style_is_one_at_the_content_and_falls_to_zero_at_the_style(encoder, request):
    encoder = request.getfixturevalue(encoder)
    content, style = picture(128, 144, 1), 0.5 * picture(128, 144, 2)
    judge = jax.jit(lambda left, image: left(image))
    left = StyleRemainder.of(encoder, encoder.style_layers, content, style)
    path = [float(judge(left, content + t * (style - content))) for t in (0, 0.25, 0.5, 0.75, 1)]
    assert path == sorted(path, reverse=True)
    assert path[0] == pytest.approx(1, abs=1e-4) and path[4] == pytest.approx(0, abs=1e-6)
    assert StyleRemainder.of(encoder, encoder.style_layers, style, style)(style) == 0
