"""Colour profiles: sRGB comes out, held against matrices of our own; what is sRGB is not touched."""

import struct
import zlib
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from jaxstyle.image import io, profile

D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


def linear(values):
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded(light):
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def xyz(x, y):
    return np.array([x / y, 1, (1 - x - y) / y])


def to_xyz(primaries, white):
    """Return the matrix from linear RGB to XYZ, whose white is D65 (adapted as Bradford has it)."""
    columns = np.stack([xyz(*primaries[index : index + 2]) for index in (0, 2, 4)], axis=1)
    adapted = np.diag(BRADFORD @ xyz(*D65) / (BRADFORD @ xyz(*white)))
    return np.linalg.inv(BRADFORD) @ adapted @ BRADFORD @ columns * np.linalg.solve(columns, xyz(*white))


SPACES = {
    "Adobe RGB": ((0.64, 0.33, 0.21, 0.71, 0.15, 0.06), D65, 563 / 256),
    "Display P3": ((0.68, 0.32, 0.265, 0.69, 0.15, 0.06), D65, None),
    "ProPhoto": ((0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001), D50, 1.8),
    "linear sRGB": (SRGB, D65, 1.0),
}


def icc(primaries, white, gamma):
    """Return the profile of a space; a gamma of None is the curve of sRGB."""
    curve = linear(np.linspace(0, 1, 4096)).astype(np.float32)
    tone = {"transferfunction": curve} if gamma is None else {"gamma": gamma}
    return imagecodecs.cms_profile("rgb", whitepoint=list(white), primaries=list(primaries), **tone)


def expected(pixels, primaries, white, gamma):
    light = linear(pixels) if gamma is None else pixels**gamma
    return encoded(light @ (np.linalg.inv(to_xyz(SRGB, D65)) @ to_xyz(primaries, white)).T)


def noise(dtype, *shape):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".avif"])
def test_eight_bits_in_another_space(tmp_path, space, suffix):
    path, pixels = tmp_path / f"x{suffix}", noise(np.uint8, 16, 16, 3)
    lossless = {".webp": {"lossless": True}, ".avif": {"quality": 100}}.get(suffix, {})
    Image.fromarray(pixels).save(path, icc_profile=icc(*SPACES[space]), **lossless)
    with Image.open(path) as stored:
        pixels = np.asarray(stored.convert("RGB"))
    picture = io.open_picture(path)
    np.testing.assert_allclose(picture.image, expected(pixels / 255, *SPACES[space]), atol=0.5 / 255)
    assert picture.remarks == []


@pytest.mark.parametrize("space", SPACES)
def test_sixteen_bits_in_another_space(tmp_path, space):
    path, pixels = tmp_path / "x.tif", noise(np.uint16, 16, 16, 3)
    tifffile.imwrite(path, pixels, photometric="rgb", iccprofile=icc(*SPACES[space]))
    np.testing.assert_allclose(io.read(path), expected(pixels / 65535, *SPACES[space]), atol=0.5 / 255)


def test_neighbours_of_sixteen_bits_stay_apart(tmp_path):
    """A ramp keeps its steps: nothing goes through a table of eight bits."""
    ramp = np.repeat(np.arange(30000, 30256, dtype=np.uint16)[None, :, None], 3, axis=-1)
    tifffile.imwrite(tmp_path / "x.tif", ramp, photometric="rgb", iccprofile=icc(*SPACES["Adobe RGB"]))
    assert np.diff(np.asarray(io.read(tmp_path / "x.tif"))[0, :, 0]).min() > 0.5 / 65535


def srgb_profiles():
    yield "Pillow", ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield "curve", icc(SRGB, D65, None)
    yield "own", profile.srgb()


@pytest.mark.parametrize(("name", "embedded"), list(srgb_profiles()))
def test_what_is_srgb_is_bit_equal(tmp_path, name, embedded):
    pixels, deep = noise(np.uint8, 20, 20, 3), noise(np.uint16, 20, 20, 3)
    Image.fromarray(pixels).save(tmp_path / "x.png", icc_profile=embedded)
    tifffile.imwrite(tmp_path / "x.tif", deep, photometric="rgb", iccprofile=embedded)
    assert np.array_equal(io.decode(tmp_path / "x.png", name), pixels)
    assert np.array_equal(np.rint(np.asarray(io.read(tmp_path / "x.tif")) * 65535), deep)


def test_srgb_is_known_by_what_it_does_not_by_its_name():
    name, pretended = ("RGB built-in".encode("utf-16-be"), "sRGB builtin".encode("utf-16-be"))
    plain = icc(*SPACES["linear sRGB"])
    assert name in plain
    assert not profile.is_srgb(plain.replace(name, pretended))
    assert not profile.is_srgb(icc(SRGB, D65, 2.2))  # up to five levels off in the shadows


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_grey_with_a_profile(tmp_path, depth):
    ramp = np.linspace(0, np.iinfo(depth).max, 256).astype(depth).reshape(16, 16)
    embedded = imagecodecs.cms_profile("gray", gamma=1.8)
    tifffile.imwrite(tmp_path / "x.tif", ramp, photometric="minisblack", iccprofile=embedded)
    grey = encoded((ramp / np.iinfo(depth).max) ** 1.8)
    np.testing.assert_allclose(io.read(tmp_path / "x.tif"), np.repeat(grey[..., None], 3, -1), atol=0.5 / 255)


def test_a_profile_of_rgb_on_grey(tmp_path):
    """Pillow and many a program save grey with the profile of the colours that it was made of."""
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "x.png", icc_profile=icc(*SPACES["ProPhoto"]))
    grey = encoded((ramp / 255) ** 1.8)
    np.testing.assert_allclose(io.read(tmp_path / "x.png")[..., 1], grey, atol=0.5 / 255)


def ink_profile():
    """Return a CMYK profile of four ink curves and a table: L* falls with any ink, a* and b* are neutral."""
    grid, channels = 2, 4
    corners = np.indices((grid,) * channels).reshape(channels, -1).T
    lightness = 255 * (1 - corners.max(axis=1))
    table = np.stack([lightness, np.full(16, 128), np.full(16, 128)], axis=1).astype(np.uint8)
    identity, ramp = struct.pack(">9i", *(65536 * np.eye(3, dtype=int)).ravel()), bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([channels, 3, grid, 0]) + identity
    lut += ramp * channels + table.tobytes() + ramp * 3
    tags = [(b"A2B0", lut), (b"A2B1", lut)]
    directory, data, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, tag in tags:
        directory += name + struct.pack(">II", start + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    head = bytearray(128)
    struct.pack_into(
        ">I4sI4s4s4s", head, 0, 128 + len(directory + data), b"", 0x02400000, b"prtr", b"CMYK", b"Lab "
    )
    head[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    head[36:40], head[68:80] = b"acsp", struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    return bytes(head) + directory + data


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_goes_by_its_profile(tmp_path, suffix):
    """In these inks cyan alone is black, which without the profile it is not."""
    path = tmp_path / f"x{suffix}"
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(path, icc_profile=ink_profile())
    np.testing.assert_allclose(io.read(path), 0, atol=2 / 255)
    Image.new("CMYK", (16, 16)).save(path, icc_profile=ink_profile())
    np.testing.assert_allclose(io.read(path), 1, atol=2 / 255)


def test_cmyk_of_sixteen_bits(tmp_path):
    inks = np.zeros((4, 4, 4), np.uint16)
    inks[0, 0] = (65535, 0, 0, 0)
    tifffile.imwrite(tmp_path / "x.tif", inks, photometric="separated", iccprofile=ink_profile())
    image = io.read(tmp_path / "x.tif")
    np.testing.assert_allclose(image[0, 0], 0, atol=1 / 255)
    np.testing.assert_allclose(image[1], 1, atol=1 / 255)
    tifffile.imwrite(tmp_path / "x.tif", inks, photometric="separated")
    np.testing.assert_allclose(io.read(tmp_path / "x.tif")[0, 0], (0, 1, 1), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lab(tmp_path, dtype):
    """Against CIE's equations: L* 50, a* 20, b* -30 relative to D50."""
    unit = 256 ** (np.dtype(dtype).itemsize - 1)
    half = np.iinfo(dtype).max // 2
    samples = np.empty((5, 5, 3), dtype)
    samples[:] = (half, 20 * unit, np.iinfo(dtype).max + 1 - 30 * unit)
    tifffile.imwrite(tmp_path / "x.tif", samples, photometric="cielab")
    lightness = 100 * half / np.iinfo(dtype).max
    roots = (lightness + 16) / 116 + np.array([20 / 500, 0, 30 / 200])
    light = xyz(*D50) * np.where(roots > 6 / 29, roots**3, (116 * roots - 16) * 27 / 24389)
    adapted = (
        np.linalg.inv(BRADFORD) @ np.diag(BRADFORD @ xyz(*D65) / (BRADFORD @ xyz(*D50))) @ BRADFORD @ light
    )
    want = encoded(np.linalg.inv(to_xyz(SRGB, D65)) @ adapted)
    np.testing.assert_allclose(io.read(tmp_path / "x.tif")[2, 2], want, atol=0.7 / 255)


def damaged_profiles():
    adobe = icc(*SPACES["Adobe RGB"])
    yield "garbage", b"garbage" * 40
    yield "cut off", adobe[:-80]
    yield "a header", adobe[:128]
    yield "short", b"x"
    yield "of grey", imagecodecs.cms_profile("gray", gamma=2.2)
    yield "of ink", ink_profile()


@pytest.mark.parametrize(("name", "embedded"), list(damaged_profiles()))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_profile_that_cannot_be_is_said_and_ignored(tmp_path, name, embedded, suffix):
    path = tmp_path / f"x{suffix}"
    Image.new("RGB", (16, 16), (200, 30, 10)).save(path, icc_profile=embedded)
    picture = io.open_picture(path)
    np.testing.assert_allclose(picture.image[5, 5] * 255, (200, 30, 10), atol=8)
    (remark,) = picture.remarks
    assert remark.startswith(f"{path}: its colour profile is ")
    assert remark.endswith(": ignored")


def with_chunks(path, *chunks):
    """Put chunks behind the header of a PNG."""
    data, packed = path.read_bytes(), b""
    for name, body in chunks:
        packed += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    path.write_bytes(data[:33] + packed + data[33:])


P3_CHUNK = (b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))


@pytest.mark.parametrize(
    ("chunks", "space"),
    [
        ([(b"gAMA", struct.pack(">I", 100000))], (SRGB, D65, 1.0)),
        ([(b"gAMA", struct.pack(">I", 45455))], None),
        ([(b"gAMA", struct.pack(">I", 0))], None),
        ([(b"gAMA", struct.pack(">I", 45455)), P3_CHUNK], SPACES["Display P3"]),
        ([P3_CHUNK], SPACES["Display P3"]),
        ([(b"gAMA", struct.pack(">I", 100000)), (b"sRGB", b"\0")], None),
        ([(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", bytes(32))], None),
    ],
)
@pytest.mark.parametrize("depth", [8, 16])
def test_gamma_and_primaries_of_a_png(tmp_path, chunks, space, depth):
    path, pixels = tmp_path / "x.png", noise(np.uint8, 8, 8, 3) / 255
    path.write_bytes(imagecodecs.png_encode(np.rint(pixels * (2**depth - 1)).astype(f"u{depth // 8}")))
    with_chunks(path, *chunks)
    want = pixels if space is None else expected(pixels, *space)
    np.testing.assert_allclose(io.read(path), want, atol=1e-6 if space is None else 0.5 / 255)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".tif"])
def test_results_carry_srgb_the_same_every_day(tmp_path, suffix):
    io.write(tmp_path / f"x{suffix}", np.zeros((4, 4, 3)))
    with Image.open(tmp_path / f"x{suffix}") as file:
        embedded = file.info["icc_profile"]
    assert embedded == profile.srgb()
    assert profile.is_srgb(embedded)
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.getOpenProfile(BytesIO(embedded)))
