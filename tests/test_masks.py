"""Laws of the masks that people paint, and of colour spaces."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import Compiled

from jaxstyle import InputError
from jaxstyle.image import color, masks
from jaxstyle.image.masks import LABELS, SMALLEST

NAMES = list(LABELS)
SHAPE = (30, 40)


def painted(labels) -> np.ndarray:
    """Return the picture of the labels of every pixel, by number."""
    return np.asarray(list(LABELS.values()), np.float32)[labels]


def noisy(picture, seed=0):
    """Return a picture as a bad JPEG or a soft brush would have it."""
    noise = np.random.default_rng(seed).uniform(-0.2, 0.2, picture.shape)
    return np.clip(picture + noise, 0, 1).astype(np.float32)


def patchwork(count: int, seed: int = 0) -> np.ndarray:
    """Return labels in random order, each of the first `count` somewhere."""
    labels = np.arange(SHAPE[0] * SHAPE[1]) % count
    return np.random.default_rng(seed).permutation(labels).reshape(SHAPE)


def halves(first: str, second: str, share: float = 0.5) -> np.ndarray:
    """Return the picture of two labels, the first on the left."""
    left = np.arange(SHAPE[1]) < share * SHAPE[1]
    return painted(np.where(left, NAMES.index(first), NAMES.index(second))[None].repeat(SHAPE[0], 0))


def grey(levels) -> np.ndarray:
    return np.repeat(np.asarray(levels, np.float32)[..., None], 3, axis=-1)


TINT = np.float32([0.05, 0, -0.05])  # too little for a colour
RAMP = grey(np.linspace(0, 1, SHAPE[1])[None].repeat(SHAPE[0], 0))


# ---- labels


@pytest.mark.parametrize("spoil", [lambda picture: picture, noisy], ids=["clean", "noisy"])
def test_every_label_is_read_back(spoil):
    labels = patchwork(len(NAMES))
    np.testing.assert_array_equal(masks.nearest(spoil(painted(labels))), labels)


@pytest.mark.parametrize("name", LABELS)
def test_a_picture_of_one_label_is_that_label(name):
    index = NAMES.index(name)
    np.testing.assert_array_equal(masks.nearest(noisy(painted(np.full(SHAPE, index)))), index)


@pytest.mark.parametrize("count", [1, 2])
def test_a_label_of_less_than_the_smallest_share_goes_to_the_nearest_there_is(count):
    labels = np.full((40, 40), NAMES.index("black"))
    labels[:, 20:] = NAMES.index("white")
    labels[5, :count] = NAMES.index("blue")
    assert (count / labels.size < SMALLEST) == (count == 1)
    fate = "black" if count == 1 else "blue"  # blue is a step from black, and two from white
    expected = np.where(labels == NAMES.index("blue"), NAMES.index(fate), labels)
    np.testing.assert_array_equal(masks.nearest(painted(labels)), expected)


def test_a_pair_of_labelled_pictures_gives_their_common_regions():
    content, style = patchwork(4), patchwork(4, seed=1)[:20, :30]
    found = masks.labelled(noisy(painted(content)), noisy(painted(style)))
    assert found.names == NAMES[:4]
    assert found.lonely == []
    for own, labels in ((found.content, content), (found.style, style)):
        np.testing.assert_array_equal(own, [labels == index for index in range(4)])
        np.testing.assert_array_equal(np.sum(own, axis=0), 1)


def test_lonely_labels_are_told_and_their_pixels_are_in_no_region():
    found = masks.labelled(halves("red", "green"), halves("green", "blue"))
    assert found.names == ["green"]
    assert found.lonely == ["red", "blue"]
    np.testing.assert_array_equal(found.content[0, 0], np.arange(SHAPE[1]) >= 20)
    np.testing.assert_array_equal(found.style[0, 0], np.arange(SHAPE[1]) < 20)


def test_no_label_in_common_is_refused():
    with pytest.raises(InputError, match="no label in common: red, blue and green, yellow"):
        masks.labelled(halves("red", "blue"), halves("yellow", "green"))


def test_content_regions_are_for_as_many_styles():
    regions = masks.of_content(halves("blue", "red", 0.25), 2)
    expected = [np.arange(SHAPE[1]) >= 10, np.arange(SHAPE[1]) < 10]  # in the order of LABELS
    np.testing.assert_array_equal(regions, np.repeat(np.asarray(expected)[:, None], SHAPE[0], axis=1))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_another_number_of_styles_is_refused_by_the_names_of_the_regions(count):
    picture = painted(patchwork(3) + 2)
    with pytest.raises(InputError, match=f"the regions red, green, blue: give as many styles, not {count}"):
        masks.of_content(picture, count)


# ---- grey levels


@pytest.mark.parametrize("read", [masks.soft, lambda picture: masks.of_content(picture, 2)])
@pytest.mark.parametrize("picture", [RAMP, grey(patchwork(2)), np.clip(RAMP + TINT, 0, 1)])
def test_soft_pictures_are_white_and_black_and_add_up_to_one(read, picture):
    white, black = read(np.float32(picture))
    np.testing.assert_allclose(white, np.mean(picture, axis=-1), atol=1e-6)
    np.testing.assert_allclose(white + black, 1, atol=1e-6)


def test_a_pair_of_soft_pictures_is_white_and_black():
    found = masks.labelled(RAMP, 1 - RAMP)
    assert (found.names, found.lonely) == (["white", "black"], [])
    np.testing.assert_allclose(found.content, found.style[::-1], atol=1e-6)


@pytest.mark.parametrize("other", ["red", "yellow", "blue"])
def test_a_coloured_picture_is_not_soft(other):
    assert masks.is_soft(halves("white", "grey"))
    assert not masks.is_soft(halves("white", other))
    assert masks.labelled(halves("white", other), halves("white", "black")).names == ["white"]


# ---- resolution


@pytest.mark.parametrize("shape", [(30, 40), (29, 41), (15, 20), (8, 10), (4, 5), (60, 80), (1, 1)])
def test_masks_fit_features_of_any_size(shape):
    parts = np.stack([np.float32(patchwork(3) == index) for index in range(3)])
    feature = np.zeros((*shape, 2), np.float32)
    fitted = np.stack([masks.at(mask, feature) for mask in parts])
    assert fitted.shape == (3, *shape)
    assert np.all((fitted >= -1e-6) & (fitted <= 1 + 1e-6))
    np.testing.assert_allclose(np.sum(fitted, axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(np.mean(fitted, axis=(1, 2)), 1 / 3, atol=0.05)


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (7, 9)])
def test_a_level_mask_is_level_at_any_size(share, shape):
    mask = np.full(shape, share, np.float32)
    np.testing.assert_allclose(masks.at(mask, np.zeros((12, 5, 1))), share, rtol=1e-6)


def test_a_halved_mask_keeps_its_place():
    mask = np.zeros((8, 12), np.float32)
    mask[:, 6:] = 1
    halved = np.asarray(masks.at(mask, np.zeros((4, 6, 1))))
    np.testing.assert_allclose(halved[:, :2], 0, atol=1e-6)
    np.testing.assert_allclose(halved[:, 4:], 1, rtol=1e-6)
    np.testing.assert_allclose(halved + halved[:, ::-1], 1, rtol=1e-6)


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
    srgb = np.float32([0, 0.04045, 0.5, 1])
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
