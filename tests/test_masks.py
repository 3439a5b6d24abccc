"""Laws of masks at the resolution of features, and of colour spaces."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import Compiled

from jaxstyle.image import color, masks
from jaxstyle.networks.decoders import pad_to_multiple

SHAPE = (30, 40)


def patchwork(count: int, seed: int = 0) -> np.ndarray:
    """Return labels in random order, each of the first `count` somewhere."""
    labels = np.arange(SHAPE[0] * SHAPE[1]) % count
    return np.random.default_rng(seed).permutation(labels).reshape(SHAPE)


def grey(levels) -> np.ndarray:
    return np.repeat(np.asarray(levels, np.float32)[..., None], 3, axis=-1)


# ---- resolution


@pytest.mark.parametrize("shape", [(30, 40), (29, 41), (15, 20), (8, 10), (4, 5), (60, 80), (1, 1)])
def test_masks_fit_features_of_any_size(shape):
    parts = jnp.stack([jnp.float32(patchwork(3) == index) for index in range(3)])
    feature = jnp.zeros((*shape, 2))
    fitted = np.stack([masks.pool_mask(mask, feature.shape) for mask in parts])
    assert fitted.shape == (3, *shape)
    assert np.all((fitted >= -1e-6) & (fitted <= 1 + 1e-6))
    np.testing.assert_allclose(np.sum(fitted, axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(np.mean(fitted, axis=(1, 2)), 1 / 3, atol=0.05)


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (7, 9)])
def test_a_level_mask_is_level_at_any_size(share, shape):
    mask = jnp.full(shape, share)
    np.testing.assert_allclose(masks.pool_mask(mask, (12, 5, 1)), share, rtol=1e-6)


@pytest.mark.parametrize("beyond", range(1, 18))
@pytest.mark.parametrize("layer", ["relu1_1", "relu2_1", "relu3_1", "relu4_1"])
def test_an_edge_is_at_its_own_row_where_pools_drop_an_odd_one(bare_vgg, layer, beyond):
    """A descent's masks: the sum over a column is the number of rows above the edge."""
    height, row = 48 + beyond, 31
    mask = jnp.zeros((height, 40)).at[:row].set(1)
    unit = bare_vgg.reduction(layer)
    feature = jax.eval_shape(lambda x: bare_vgg(x, (layer,))[layer], jnp.zeros((height, 40, 3)))
    np.testing.assert_allclose(masks.pool_mask(mask, feature.shape).sum(0) * unit, row, rtol=1e-6)


@pytest.mark.parametrize("beyond", range(1, 18))
@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_an_edge_is_at_its_own_row_where_pictures_are_padded(level, beyond):
    height, row, unit = 48 + beyond, 31, 2 ** (level - 1)
    mask = pad_to_multiple(jnp.zeros((height, 40)).at[:row].set(1), level)
    feature = jax.ShapeDtypeStruct((-(-height // unit), -(-40 // unit), 8), jnp.float32)
    np.testing.assert_allclose(masks.pool_mask(mask, feature.shape).sum(0) * unit, row, rtol=1e-6)


# ---- colours

CORNERS = np.asarray(list(itertools.product((0, 1), repeat=3)), np.float32)[None]
RANDOM = np.random.default_rng(0).random((20, 30, 3), np.float32)
SPACES = {
    "lab": (color.to_lab, color.from_lab),
    "yiq": (color.to_yiq, color.from_yiq),
    "linear": (color.to_linear, color.from_linear),
}
spaces = pytest.mark.parametrize("space", SPACES)


@Compiled
def there_and_back(image):
    return {name: (to(image), back(to(image))) for name, (to, back) in SPACES.items()}


@spaces
@pytest.mark.parametrize(
    "image", [RANDOM, CORNERS, grey([[0.0, 1.0]])], ids=["random", "corners", "black-white"]
)
def test_colours_come_back(space, image):
    """But for black, whose logarithm is that of `DARKEST`: one of 255."""
    pixels, again = there_and_back(image)[space]
    assert np.all(np.isfinite(pixels))
    black = (space == "lab") & np.all(image == 0, axis=-1, keepdims=True)
    assert np.all(np.abs(again - image) <= np.where(black, 1.01 / 255, 1e-5))


@spaces
def test_grey_has_no_colour(space):
    levels = np.linspace(0, 1, 50, dtype=np.float32)
    pixels = np.asarray(there_and_back(grey(levels[None]))[space][0])[0]
    if space == "linear":
        np.testing.assert_allclose(pixels, pixels[:, :1].repeat(3, 1), atol=1e-6)
    else:
        np.testing.assert_allclose(pixels[:, 1:], 0, atol=2e-3)  # the paper's matrix has four digits
    assert np.all(np.diff(pixels[4:, 0]) > 0)


def test_luminance_weighs_green_most_and_blue_least():
    luminance = np.asarray(there_and_back(np.eye(3, dtype=np.float32)[None])["yiq"][0])[0, :, 0]
    np.testing.assert_allclose(luminance, [0.299, 0.587, 0.114], atol=1e-6)


def test_linear_light_is_the_standards():
    srgb = np.asarray([0, 0.04045, 0.5, 1], np.float32)
    expected = [0, 0.04045 / 12.92, ((0.5 + 0.055) / 1.055) ** 2.4, 1]
    np.testing.assert_allclose(there_and_back(grey(srgb[None]))["linear"][0][0, :, 0], expected, atol=1e-6)


def test_yiq_is_scikit_images():
    skimage = pytest.importorskip("skimage.color")
    np.testing.assert_allclose(there_and_back(RANDOM)["yiq"][0], skimage.rgb2yiq(RANDOM), atol=2e-3)


def test_linear_light_is_scikit_images():
    skimage = pytest.importorskip("skimage.color")
    to_xyz = [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    light = np.asarray(there_and_back(RANDOM)["linear"][0], np.float64)
    np.testing.assert_allclose(light @ np.transpose(to_xyz), skimage.rgb2xyz(RANDOM), atol=1e-5)


def test_colours_have_finite_gradients_at_black_and_white():
    image = jnp.asarray(CORNERS)
    for to, back in SPACES.values():
        gradient = Compiled(jax.grad(lambda x, to=to, back=back: jnp.sum(back(to(x)) ** 2)))(image)
        assert np.all(np.isfinite(gradient))
