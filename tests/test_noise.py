"""Colour maps are exact where they may be, and never show the noise of their content."""

import io

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import Compiled, picture
from PIL import Image, ImageDraw

from jaxstyle.image.noise import FLOOR, VISIBLE, noise_of, steepest
from jaxstyle.methods import METHODS

PIXELS = ("reinhard", "monge", "pitie", "color-histogram")
over = pytest.mark.parametrize("name", PIXELS)
apply = Compiled(lambda method, content, target: method.apply(content, target))
prepare = Compiled(lambda method, style: method.prepare(style))
noise = Compiled(noise_of)


def styled(name, content, style):
    method = METHODS[name]()
    return np.asarray(apply(method, jnp.float32(content), prepare(method, jnp.float32(style))))


def jpeg(image, quality=75):
    file = io.BytesIO()
    Image.fromarray(np.uint8(np.round(255 * np.clip(image, 0, 1)))).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), np.float32) / 255


@pytest.fixture(scope="module")
def logo():
    """Two colours, as drawn and as saved."""
    drawn = Image.new("RGB", (96, 96), (250, 250, 245))
    ImageDraw.Draw(drawn).ellipse((20, 24, 70, 74), fill=(200, 30, 40))
    clean = np.asarray(drawn, np.float32) / 255
    return clean, jpeg(clean)


@pytest.fixture(scope="module")
def smooth():
    """A style of all colours."""
    return np.asarray(picture(96, 96, 2))


def ringing(clean, image):
    """Return the deviation within each colour of a logo."""
    inside = np.all(clean == clean[48, 48], axis=-1)
    return np.sqrt(np.mean([image[part].var(0).mean() for part in (inside, ~inside)]))


@over
def test_the_ringing_of_a_logo_is_not_made_louder(name, logo, smooth):
    clean, saved = logo
    assert ringing(clean, styled(name, saved, smooth)) < 1.1 * ringing(clean, saved)
    method = METHODS[name]()
    remarks = method.remarks(jnp.asarray(saved), prepare(method, jnp.asarray(smooth)))
    assert len(remarks) <= 1
    assert all("no steeper map than 1.0" in line for line in remarks)
    if name != "reinhard":
        assert remarks


@over
def test_a_nearly_grey_picture_stays_without_blocks(name, smooth):
    colours = np.asarray(picture(96, 96, 5))
    grey = colours.mean(-1, keepdims=True)
    saved = jpeg(grey + 0.02 * (colours - grey))
    chroma = lambda image: image - image.mean(-1, keepdims=True)
    step = lambda image: np.mean(np.abs(np.diff(chroma(image), axis=1)[:, 7::8]))
    limit = VISIBLE / FLOOR
    assert step(styled(name, saved, smooth)) < 2 * limit * step(saved) + 2 / 255


@over
def test_equal_but_for_rounding_stays_so(name, smooth):
    """A flat area of a resized picture has several nearly equal values."""
    content = np.full((96, 96, 3), 0.7, np.float32)
    content[:, 48:] = 0.2
    content += np.random.default_rng(0).choice([-6e-8, 0, 6e-8], content.shape).astype(np.float32)
    image = styled(name, content, smooth)
    limit = 1 / 255 if name == "pitie" else 1e-4  # sixty maps one after another
    assert max(np.ptp(image[:, :48], (0, 1)).max(), np.ptp(image[:, 48:], (0, 1)).max()) < limit


@over
def test_a_picture_of_its_own_colours_is_itself(name, smooth):
    bytes_ = np.round(255 * smooth) / 255
    np.testing.assert_allclose(styled(name, bytes_, bytes_), bytes_, atol=0.1 / 255)
    np.testing.assert_allclose(styled(name, bytes_, bytes_[::-1, ::-1]), bytes_, atol=0.1 / 255)


@pytest.mark.parametrize("name", ["reinhard", "monge"])
def test_a_grey_style_leaves_no_colour(name, smooth):
    content = 0.5 + 0.05 * (np.asarray(picture(96, 96, 5)) - 0.5)
    image = styled(name, content, np.repeat(smooth[..., :1], 3, -1))
    assert np.max(np.ptp(image, axis=-1)) < 1 / 255


def test_noise_is_measured_and_texture_is_not(smooth):
    flat = np.linspace(0.3, 0.7, 96, dtype=np.float32)[:, None, None] * np.ones((96, 96, 3), np.float32)
    grain = np.random.default_rng(0).normal(size=flat.shape).astype(np.float32) * 3 / 255
    deviation = lambda image: 255 * np.sqrt(np.trace(noise(np.float32(image)) - FLOOR**2 * np.eye(3)) / 3)
    assert 1.5 < deviation(flat + grain) < 3
    texture = (np.indices((96, 96)).sum(0) % 7 / 7)[..., None] * (np.arange(96) > 40)[:, None]
    assert deviation(flat + grain + 0.2 * texture) < 1.2 * deviation(flat + grain)
    np.testing.assert_allclose(steepest(noise(flat), jnp.eye(3)), VISIBLE / FLOOR, rtol=1e-3)


def test_pixels_of_no_weight_have_no_noise(smooth):
    half = np.zeros((96, 96), np.float32)
    half[:, :48] = 1
    loud = smooth + np.where(half[..., None] > 0, 0, 0.3 * np.random.default_rng(0).normal(size=smooth.shape))
    np.testing.assert_allclose(noise(np.float32(loud), half), noise(np.float32(smooth), half), rtol=1e-5)
