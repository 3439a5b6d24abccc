"""Image files: every kind that users have is read, every bad one gets one line."""

import os
import stat

import numpy as np
import pytest
from PIL import Image

from jaxstyle.core import InputError
from jaxstyle.image import io
from jaxstyle.image.resize import fit

RED = np.full((6, 9, 3), (200, 30, 10), np.uint8)


def save(path, picture, **options):
    picture.save(path, **options)
    return path


def colour(path):
    return np.asarray(io.read(path))[3, 4] * 255


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "YCbCr"])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".bmp", ".gif", ".webp"])
def test_colour_modes(tmp_path, mode, suffix):
    picture = Image.fromarray(RED)
    try:
        path = save(tmp_path / f"x{suffix}", picture.quantize() if mode == "P" else picture.convert(mode))
    except (OSError, KeyError, ValueError):
        pytest.skip(f"{suffix} files have no mode {mode}")
    image = io.read(path)
    assert image.shape == (6, 9, 3)
    assert image.dtype == np.float32
    np.testing.assert_allclose(colour(path), RED[0, 0], atol=12 if suffix in (".jpg", ".webp") else 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "I", "F"])
def test_grey_modes_at_their_full_depth(tmp_path, mode):
    top = {"1": 1, "I;16": 65535, "I": 65535, "F": 1.0}.get(mode, 255)
    ramp = np.linspace(0, top, 60).reshape(6, 10)
    kinds = {"I;16": np.uint16, "I": np.int32, "F": np.float32, "1": bool}
    grey = ramp.astype(kinds.get(mode, np.uint8))
    picture = Image.fromarray(grey).convert("LA") if mode == "LA" else Image.fromarray(grey)
    image = np.asarray(io.read(save(tmp_path / "x.tif", picture)))
    np.testing.assert_allclose(image, np.repeat((grey / top)[..., None], 3, -1), atol=1e-6)


def test_sixteen_bit_png_keeps_its_depth(tmp_path):
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    image = io.read(save(tmp_path / "x.png", Image.fromarray(grey)))
    np.testing.assert_allclose(image[..., 0], grey / 65535, atol=1e-7)


def test_transparency_is_laid_on_white(tmp_path):
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    np.testing.assert_array_equal(io.read(save(tmp_path / "x.png", clear)), np.ones((4, 4, 3)))


def test_palette_transparency(tmp_path):
    picture = Image.fromarray(RED).quantize()
    path = save(tmp_path / "x.png", picture, transparency=picture.getpixel((0, 0)))
    np.testing.assert_array_equal(io.read(path), np.ones((6, 9, 3)))


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert io.read(save(tmp_path / "x.jpg", Image.fromarray(RED), exif=exif)).shape == (9, 6, 3)


def test_of_an_animation_the_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 4), name) for name in ("red", "blue")]
    path = save(tmp_path / "x.gif", frames[0], save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(colour(path) if io.read(path).shape[0] > 4 else io.read(path)[0, 0], (1, 0, 0))


def bad_files(folder):
    good = save(
        folder / "good.png", Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    )
    (folder / "text.png").write_text("hello")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.png").write_bytes(good.read_bytes()[:4000])
    (folder / "folder.png").mkdir()
    return ["missing.png", "text.png", "empty.jpg", "cut.png", "folder.png"]


def test_bad_files_get_one_line_that_names_them(tmp_path):
    for name in bad_files(tmp_path):
        with pytest.raises(InputError) as caught:
            io.read(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_any_bytes_are_an_image_or_an_input_error(tmp_path):
    generator = np.random.default_rng(0)
    for suffix in (".png", ".jpg", ".gif", ".tif", ".webp"):
        good = save(
            tmp_path / f"good{suffix}", Image.fromarray(generator.integers(0, 255, (20, 20, 3), np.uint8))
        )
        for _ in range(30):
            data = bytearray(good.read_bytes()[: generator.integers(1, good.stat().st_size + 1)])
            data[generator.integers(len(data))] ^= int(generator.integers(1, 256))
            bad = tmp_path / f"bad{suffix}"
            bad.write_bytes(data)
            try:
                assert io.read(bad).shape[2] == 3
            except InputError as error:
                assert "\n" not in str(error)


def test_beyond_the_bomb_limit_it_says_how_to_allow_it(tmp_path, monkeypatch):
    path = save(tmp_path / "x.png", Image.fromarray(RED))
    monkeypatch.setenv("JAXSTYLE_MAX_PIXELS", "50")
    with pytest.raises(InputError, match="set JAXSTYLE_MAX_PIXELS higher"):
        io.read(path)
    monkeypatch.setenv("JAXSTYLE_MAX_PIXELS", "54")
    assert io.read(path).shape == (6, 9, 3)


@pytest.mark.parametrize("suffix", io.SUFFIXES)
def test_written_is_what_is_read(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    io.write(path, RED / 255, "settings")
    np.testing.assert_allclose(colour(path), RED[0, 0], atol=4)
    if suffix == ".png":
        assert Image.open(path).text["jaxstyle"] == "settings"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "x.png"
    path.write_text("before")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="No space left"):
        io.replace(path, fail)
    assert path.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 1


def test_outputs_are_checked_before_any_work(tmp_path):
    for bad in ("x.xyz", "x", "nowhere/x.png"):
        with pytest.raises(InputError):
            io.check_output(tmp_path / bad)
    assert io.check_output(tmp_path / "x.png") == tmp_path / "x.png"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(InputError, match="cannot be written to"):
        io.check_output(tmp_path / "x.png")


@pytest.mark.parametrize(("height", "width"), [(30, 40), (40, 30), (1, 1), (7, 7), (600, 20)])
def test_fit_sets_the_long_edge(height, width):
    image = fit(np.random.default_rng(0).random((height, width, 3), np.float32), 64)
    assert max(image.shape) == 64
    assert np.isclose(image.shape[0] / image.shape[1], height / width, rtol=0.3)
    assert image.min() >= 0
    assert image.max() <= 1


def test_fit_refuses_a_line_that_would_vanish():
    with pytest.raises(InputError, match="no pixel left"):
        fit(np.zeros((1, 1000, 3), np.float32), 64)


def test_fit_keeps_a_constant():
    np.testing.assert_allclose(fit(np.full((50, 70, 3), 0.3, np.float32), 20), 0.3, atol=1e-6)
