"""The door in Python: what is a picture, what is none, and what becomes of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import picture
from PIL import Image

from jaxstyle import Gatys, InputError, Luminance, Matched, Monge, Reinhard, Smoothed, Tiled, stylize, write
from jaxstyle.methods.descent import DivergedError
from jaxstyle.optimizers import Adam
from jaxstyle.smoothing import SMOOTHERS

FLOATS = np.asarray(picture(20, 24, 1))
BYTES = (FLOATS * 255 + 0.5).astype(np.uint8)
METHOD = Monge(alpha=0.0)  # gives the content back


def test_a_picture_is_an_array_of_floats_or_bytes_an_image_of_pillow_or_a_path(tmp_path):
    write(tmp_path / "p.png", BYTES)
    given = [BYTES / np.float32(255), BYTES, jnp.asarray(BYTES), Image.fromarray(BYTES), tmp_path / "p.png"]
    for one in [*given, str(tmp_path / "p.png")]:
        image = stylize(METHOD, one, one)
        assert image.dtype == jnp.float32
        np.testing.assert_allclose(image, BYTES / 255, atol=1e-5)


BAD = {
    "255": (FLOATS * 255, "divide by 255"),
    "negative": (FLOATS - 0.5, "scale it to"),
    "one nan of many": (
        np.where(np.arange(72000).reshape(150, 160, 3) == 9, np.nan, np.float32(0.5)),
        "not finite",
    ),
    "nan": (np.where(FLOATS > 0.9, np.nan, FLOATS), "not finite"),
    "batch": (FLOATS[None], "jax.vmap"),
    "channels first": (FLOATS.transpose(2, 0, 1), "transpose it"),
    "grey": (FLOATS[..., 0], "repeat it"),
    "one channel": (FLOATS[..., :1], "repeat it"),
    "alpha": (np.concatenate([FLOATS, FLOATS[..., :1]], -1), "four channels"),
    "two channels": (FLOATS[..., :2], "an image is"),
    "no pixels": (FLOATS[:0], "an image is"),
    "uint16": (BYTES.astype(np.uint16), "divide by 65535"),
    "integers": (BYTES.astype(int), "uint8"),
    "complex": (FLOATS * 1j, "is complex"),
    "nothing": (None, "give an array"),
    "words": ([["a"]], "give an array"),
    "no file": ("nowhere.png", "no such file"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("which", ["content", "style"])
def test_anything_else_is_one_error_that_says_what_to_do(case, which):
    given, expected = BAD[case]
    pair = (given, FLOATS) if which == "content" else (FLOATS, [given])
    with pytest.raises(InputError, match=expected) as error:
        stylize(METHOD, *pair)
    assert "\n" not in str(error.value)
    assert which in str(error.value) or case == "no file"


def test_styles_may_be_a_tuple():
    with pytest.raises(InputError, match="empty list"):
        stylize(Monge(), FLOATS, ())
    pair = FLOATS, 1 - FLOATS
    np.testing.assert_array_equal(stylize(Monge(), FLOATS, pair), stylize(Monge(), FLOATS, [*pair]))


def test_masks_are_numbers_bytes_or_booleans_and_fit_their_picture():
    left = np.zeros((2, *FLOATS.shape[:2]), bool)
    left[0, :, :12], left[1, :, 12:] = True, True
    images = [stylize(Monge(), FLOATS, (FLOATS, 1 - FLOATS), mask) for mask in (left, np.uint8(255) * left)]
    np.testing.assert_array_equal(images[0], images[1])
    small = left[:, ::4, ::4]
    np.testing.assert_allclose(stylize(Reinhard(), FLOATS, (FLOATS, FLOATS), small).shape, FLOATS.shape)
    for wrong, expected in ((left[0], "masks are"), (left * 2.0, "scale it"), (left * np.nan, "not finite")):
        with pytest.raises(InputError, match=expected):
            stylize(Monge(), FLOATS, (FLOATS, 1 - FLOATS), wrong)


def test_the_door_can_be_traced():
    contents = jnp.stack([FLOATS, FLOATS[::-1]])
    both = jax.jit(jax.vmap(lambda content: stylize(Monge(), content, 1 - FLOATS)))(contents)
    np.testing.assert_allclose(both[0], stylize(Monge(), FLOATS, 1 - FLOATS), atol=1e-5)


def test_a_descent_that_diverges_raises(small_vgg, content, style):
    for rate in (1e30, float("inf")):
        with pytest.raises(DivergedError, match="smaller learning rate"):
            stylize(Gatys(small_vgg, optimizer=Adam(rate), steps=2), content, style)


WRAPPERS = [Luminance, Matched, lambda method: Smoothed(method, SMOOTHERS["guided"])]


@pytest.mark.parametrize("wrap", WRAPPERS, ids=["luminance", "matched", "smoothed"])
def test_tiles_of_a_wrapper_are_a_wrapper_of_tiles(wrap):
    content, style = picture(61, 74, 6), picture(40, 50, 7)
    images = [
        stylize(method, content, style) for method in (Tiled(wrap(Monge()), 16), wrap(Tiled(Monge(), 16)))
    ]
    np.testing.assert_allclose(images[0], images[1], atol=1e-5)
    np.testing.assert_allclose(images[0], stylize(wrap(Monge()), content, style), atol=1e-4)
