"""Image files: every kind that users have is read, every bad one gets one line."""

import os
import stat
import struct
import zlib
from io import BytesIO

import imagecodecs
import jax.numpy as jnp
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from jaxstyle.core import InputError
from jaxstyle.image import exif, io
from jaxstyle.image.resize import fit
from jaxstyle.image.writing import what_is_lost

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


def samples(dtype, *shape):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def deep_png(path, pixels):
    path.write_bytes(imagecodecs.png_encode(pixels))
    return path


def deep_tiff(path, pixels, **options):
    channels = 1 if pixels.ndim == 2 else pixels.shape[-1]
    alpha = ["unassalpha"] if channels in (2, 4) else []
    kind = {
        "photometric": "rgb" if channels > 2 else "minisblack",
        "extrasamples": alpha,
        "planarconfig": "contig",
    }
    tifffile.imwrite(path, pixels, **{**kind, **options})
    return path


@pytest.mark.parametrize("channels", [1, 2, 3, 4], ids=["grey", "grey and alpha", "RGB", "RGBA"])
@pytest.mark.parametrize("save", [deep_png, deep_tiff])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_in_are_sixteen_bits_out(tmp_path, channels, save, suffix):
    """Bit by bit, and as other programs read the file."""
    pixels = samples(np.uint16, 11, 13, channels).squeeze()
    if channels in (2, 4):
        pixels[..., -1] |= 1  # where it is 0 colours are not kept
    picture = io.open_picture(save(tmp_path / "content", pixels))
    assert picture.depth == 16 and picture.remarks == []
    assert (picture.alpha is None) == (channels in (1, 3))
    path = tmp_path / f"x{suffix}"
    io.write(path, picture.image, alpha=picture.alpha, depth=picture.depth, metadata=picture.metadata)
    stored = imagecodecs.png_decode(path.read_bytes()) if suffix == ".png" else tifffile.imread(path)
    colours = np.atleast_3d(pixels)[..., : (1 if channels < 3 else 3)]
    assert stored.dtype == np.uint16
    assert np.array_equal(stored[..., :3], np.broadcast_to(colours, (11, 13, 3)))
    if channels in (2, 4):
        assert np.array_equal(stored[..., 3], pixels[..., -1])


TIFFS = {
    "big-endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "tiles": {"tile": (16, 16)},
    "strips": {"rowsperstrip": 3},
    "LZW": {"compression": "lzw", "predictor": True},
    "deflate": {"compression": "zlib", "predictor": True},
    "packbits": {"compression": "packbits"},
    "LZMA": {"compression": "lzma"},
    "Zstandard": {"compression": "zstd"},
    "tiles of LZW": {"tile": (16, 16), "compression": "lzw"},
}


@pytest.mark.parametrize("options", TIFFS.values(), ids=TIFFS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_layouts_of_tiff(tmp_path, options, dtype):
    pixels = samples(np.uint8, 20, 19, 3) / np.float32(255)
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    if options.get("predictor") and dtype == np.float32:
        options = {**options, "predictor": 3}
    path = deep_tiff(tmp_path / "x.tif", (pixels * white).astype(dtype), **options)
    np.testing.assert_allclose(io.read(path), pixels, atol=1 / 255 if dtype == np.uint8 else 1e-4)
    planes = np.moveaxis((pixels * white).astype(dtype), -1, 0)
    deep_tiff(path, planes, **options, photometric="rgb", planarconfig="separate", extrasamples=[])
    np.testing.assert_allclose(io.read(path), pixels, atol=1 / 255 if dtype == np.uint8 else 1e-4)


def test_jpeg_in_tiff(tmp_path):
    smooth = np.repeat(np.linspace(20, 230, 32, dtype=np.uint8)[None, :, None], 32, axis=0).repeat(3, axis=-1)
    colours = deep_tiff(tmp_path / "rgb.tif", smooth, compression="jpeg", tile=(16, 16))
    luminance = save(tmp_path / "ycbcr.tif", Image.fromarray(smooth), compression="jpeg")
    for path in (colours, luminance):
        np.testing.assert_allclose(io.read(path) * 255, smooth, atol=6)


def adam7(pixels):
    """Return an interlaced PNG of 16 bits, made by hand: seven passes (PNG specification, 8.2)."""
    passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]
    parts = [pixels[top::down, left::across] for left, top, across, down in passes]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for part in parts if part.size for row in part)
    header = struct.pack(
        ">2I5B", pixels.shape[1], pixels.shape[0], 16, {3: 2, 4: 6}[pixels.shape[2]], 0, 0, 1
    )
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("shape", [(13, 11, 3), (9, 17, 4), (1, 1, 3)])
def test_an_interlaced_png_of_sixteen_bits(tmp_path, shape):
    pixels = samples(np.uint16, *shape) | 1
    (tmp_path / "x.png").write_bytes(adam7(pixels))
    picture = io.open_picture(tmp_path / "x.png")
    assert np.array_equal(np.rint(np.asarray(picture.image) * 65535), pixels[..., :3])


def test_a_transparent_colour_of_sixteen_bits(tmp_path):
    """The chunk tRNS names one colour; one that differs in the last bit is opaque."""
    pixels = np.full((4, 4, 3), 4660, np.uint16)
    pixels[0, 0, 2] += 1
    data, chunk = imagecodecs.png_encode(pixels), b"tRNS" + struct.pack(">3H", 4660, 4660, 4660)
    place = data.index(b"IDAT") - 4
    packed = struct.pack(">I", 6) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "x.png").write_bytes(data[:place] + packed + data[place:])
    alpha = np.zeros((4, 4))
    alpha[0, 0] = 1
    np.testing.assert_array_equal(io.open_picture(tmp_path / "x.png").alpha, alpha)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiff_of_alpha_that_colours_are_multiplied_by(tmp_path, dtype, channels):
    white = np.iinfo(dtype).max
    straight, alpha = samples(dtype, 8, 8, channels), dtype(white // 2)
    both = np.dstack([np.rint(straight * (alpha / white)).astype(dtype), np.full((8, 8), alpha)])
    picture = io.open_picture(deep_tiff(tmp_path / "x.tif", both, extrasamples=["assocalpha"]))
    np.testing.assert_allclose(picture.image[..., :channels], straight / white, atol=2.1 / white)


def test_channels_of_no_stated_use_are_said(tmp_path):
    both = samples(np.uint16, 8, 8, 4)
    picture = io.open_picture(deep_tiff(tmp_path / "x.tif", both, extrasamples=["unspecified"]))
    assert picture.alpha is None
    assert "left out" in picture.remarks[0]


def packed_tiff(path, grey):
    """Write a TIFF of grey samples of 12 bits, two of which take three bytes."""
    pairs = grey.reshape(-1, 2).astype(np.uint32)
    packed = (pairs[:, 0] << 12) + pairs[:, 1]
    strip = np.stack([packed >> 16, packed >> 8, packed], axis=-1).astype(np.uint8).tobytes()
    shorts = {256: grey.shape[1], 257: grey.shape[0], 258: 12, 259: 1, 262: 1, 277: 1, 278: grey.shape[0]}
    tags = {tag: (exif.SHORT, struct.pack("<H", value)) for tag, value in shorts.items()}
    tags |= {273: (exif.LONG, struct.pack("<I", 8)), 279: (exif.LONG, struct.pack("<I", len(strip)))}
    start = 8 + len(strip)
    path.write_bytes(b"II*\0" + struct.pack("<I", start) + strip + exif.directory(tags, start))
    return path


def test_twelve_bits_are_by_what_the_file_states(tmp_path):
    """Packed samples of 12 bits have their white; in a file of 16 bits it is not known: they are said."""
    pixels = samples(np.uint16, 8, 8, 3) >> 4
    pixels[0, 0] = 4095
    packed = io.open_picture(packed_tiff(tmp_path / "x.tif", pixels[..., 0]))
    np.testing.assert_allclose(packed.image[..., 1], pixels[..., 0] / 4095, atol=1e-6)
    assert packed.remarks == []
    for save in (deep_tiff, deep_png):
        picture = io.open_picture(save(tmp_path / "x", pixels))
        np.testing.assert_allclose(picture.image, pixels / 65535, atol=1e-6)
        assert picture.remarks[0].endswith(
            "4095 of 65535, and it is read as that dark: if it holds 12 bits, multiply it by 16"
        )


@pytest.mark.parametrize(
    "values",
    [
        np.asarray([[0, 255]], np.float32),
        np.asarray([[-1, 1]], np.float32),
        np.asarray([[np.nan]], np.float32),
        np.asarray([[0, 2**32 - 1]], np.uint32),
        np.asarray([[-5, 5]], np.int32),
        np.asarray([[-32768, 32767]], np.int16),
        np.asarray([[0.5j]], np.complex64),
    ],
)
def test_numbers_whose_white_is_not_known_are_refused(tmp_path, values):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, values, photometric="minisblack")
    for function in (io.read, io.open_picture):
        with pytest.raises(InputError, match=r"save it with 8 or 16 bits|is a number") as caught:
            function(path)
        assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "image", "remark"),
    [
        ([0.5, np.nan, np.inf, -np.inf], [0.5, 0, 1, 0], "3 of its samples"),
        ([-0.1, 0.5, 1.25], [0, 0.5, 1], "clipped"),
        ([0, 0.25, 1], [0, 0.25, 1], None),
    ],
)
def test_floats(tmp_path, values, image, remark):
    tifffile.imwrite(tmp_path / "x.tif", np.asarray([values], np.float32), photometric="minisblack")
    picture = io.open_picture(tmp_path / "x.tif")
    np.testing.assert_allclose(picture.image[0, :, 0], image, atol=1e-6)
    assert [remark in line for line in picture.remarks] == ([True] if remark else [])


def test_integers_of_32_bits_within_16_are_said(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", np.asarray([[0, 65535]], np.int32), photometric="minisblack")
    picture = io.open_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(picture.image[..., 0], [[0, 1]])
    assert "65535 is white" in picture.remarks[0]


def test_sixteen_bit_png_keeps_its_depth(tmp_path):
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    image = io.read(save(tmp_path / "x.png", Image.fromarray(grey)))
    np.testing.assert_allclose(image[..., 0], grey / 65535, atol=1e-7)


def test_transparency_is_laid_on_white(tmp_path):
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    np.testing.assert_array_equal(io.read(save(tmp_path / "x.png", clear)), np.ones((4, 4, 3)))


ALPHA = np.asarray([[0, 0, 40, 80, 120, 160, 200, 240, 255]] * 6, np.uint8)


def transparent(mode):
    """Return a picture of RED with ALPHA in a mode."""
    picture = Image.fromarray(np.dstack([RED, ALPHA]))
    if mode == "P":
        return picture.quantize(method=Image.Quantize.FASTOCTREE)
    if mode == "PA":
        palette = Image.new("PA", picture.size)
        palette.putpalette([200, 30, 10] * 256)
        palette.putalpha(picture.getchannel("A"))
        return palette
    return picture.convert(mode)


TRANSPARENT = {  # formats, and the modes of transparency that Pillow writes into them
    ".png": ["RGBA", "LA", "P"],
    ".tif": ["RGBA", "LA", "PA"],
    ".webp": ["RGBA", "LA", "P", "PA", "RGBa"],
    ".avif": ["RGBA", "LA", "P", "PA", "RGBa"],
    ".gif": ["RGBA"],
}


@pytest.mark.parametrize(
    ("origin", "mode"), [(x, mode) for x, modes in TRANSPARENT.items() for mode in modes]
)
def test_transparency_comes_through(tmp_path, origin, mode):
    content = tmp_path / f"content{origin}"
    save(content, transparent(mode), **({"lossless": True} if origin == ".webp" else {}))
    with Image.open(content) as file:
        stored = np.asarray(file.convert("RGBA"))
    picture = io.open_picture(content)
    np.testing.assert_allclose(np.asarray(picture.alpha) * 255, stored[..., 3], atol=1e-4)
    visible = stored[..., 3] > 0
    np.testing.assert_allclose(picture.image[visible] * 255, stored[visible][:, :3], atol=1e-4)
    for suffix in (".png", ".tif", ".webp", ".avif"):
        path = tmp_path / f"x{suffix}"
        io.write(path, picture.image, alpha=picture.alpha, metadata=picture.metadata)
        again = io.open_picture(path)
        np.testing.assert_array_equal(again.alpha, picture.alpha)
        atol = 1e-6 if io.FORMATS[suffix].quality is None else 30 / 255
        np.testing.assert_allclose(again.image[visible], picture.image[visible], atol=atol)
        weight = np.asarray(again.alpha)[..., None]
        laid = np.asarray(again.image) * weight + 1 - weight
        np.testing.assert_allclose(io.read(path), laid, atol=1e-6)
        np.testing.assert_allclose(io.decode(path, path), laid * 255, atol=0.51)


@pytest.mark.parametrize("save", [deep_png, deep_tiff])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_hidden_colours_do_not_matter(tmp_path, save, dtype):
    pixels, pictures = samples(dtype, 9, 9, 4), []
    pixels[:4, :, 3] = 0
    for hidden in (0, 77):
        pixels[:4, :, :3] = hidden
        pictures.append(io.open_picture(save(tmp_path / "x", pixels)))
    assert np.array_equal(pictures[0].image, pictures[1].image)
    weight = pixels[..., 3:] / np.float64(np.iinfo(dtype).max)
    mean = (weight * pixels[..., :3]).sum((0, 1)) / weight.sum() / np.iinfo(dtype).max
    np.testing.assert_allclose(pictures[0].image[0, 0], mean, atol=1e-6)


def test_nothing_to_see_is_refused(tmp_path):
    path = save(tmp_path / "x.png", Image.new("RGBA", (4, 4), (255, 0, 0, 0)))
    with pytest.raises(InputError, match="all of it is transparent"):
        io.open_picture(path)


def test_alpha_that_hides_nothing_is_none(tmp_path):
    assert io.open_picture(save(tmp_path / "x.png", Image.fromarray(RED).convert("RGBA"))).alpha is None


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_without_transparency_it_is_laid_on_white(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    picture = io.open_picture(save(tmp_path / "content.png", Image.fromarray(np.dstack([RED, ALPHA]))))
    (line,) = what_is_lost(path, picture.alpha, picture.metadata)
    assert line.endswith("it is laid on white")
    assert what_is_lost(tmp_path / "x.png", picture.alpha, picture.metadata) == []
    half = np.full((16, 16), 0.5)
    io.write(path, np.zeros((16, 16, 3), np.uint8), alpha=half)
    np.testing.assert_allclose(io.read(path), 0.5, atol=1.1 / 255)


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


def test_of_several_pictures_the_first_is_taken_and_said(tmp_path):
    frames = [Image.new("RGB", (16, 16), name) for name in ("red", "blue", "lime")]
    for suffix in (".gif", ".webp", ".png", ".tif", ".avif"):
        path = save(tmp_path / f"x{suffix}", frames[0], save_all=True, append_images=frames[1:])
        picture = io.open_picture(path)
        np.testing.assert_allclose(picture.image[5, 5], (1, 0, 0), atol=0.03)
        assert picture.remarks == [f"{path}: the first of 3 pictures in the file is taken"]
    tifffile.imwrite(tmp_path / "x.tif", samples(np.uint16, 4, 8, 8), photometric="minisblack")
    assert "first of 4" in io.open_picture(tmp_path / "x.tif").remarks[0]
    save(tmp_path / "x.mpo", frames[0], save_all=True, append_images=frames[1:])  # a photograph and its depth
    assert io.open_picture(tmp_path / "x.mpo").remarks == []


def test_a_picture_before_one_that_is_damaged_is_read(tmp_path):
    noise = samples(np.uint8, 2, 40, 40, 3)
    frames = [Image.fromarray(noise[0]), Image.fromarray(noise[1])]
    for suffix in (".gif", ".png"):
        path = save(tmp_path / f"x{suffix}", frames[0], save_all=True, append_images=frames[1:])
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
        assert io.open_picture(path).image.shape == (40, 40, 3)


def test_pages_in_a_circle(tmp_path):
    """The first of them says that it follows itself."""
    path = deep_tiff(tmp_path / "x.tif", samples(np.uint16, 8, 8, 3))
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * entries, start)
    path.write_bytes(data)
    picture = io.open_picture(path)
    assert picture.image.shape == (8, 8, 3)
    assert picture.remarks == []


def test_ink_without_a_profile(tmp_path):
    """Adobe's JPEGs hold the inks inverted: Pillow writes, and reads, such."""
    inks = Image.new("CMYK", (16, 16), (255, 0, 0, 51))
    for suffix in (".jpg", ".tif"):
        np.testing.assert_allclose(
            io.read(save(tmp_path / f"x{suffix}", inks))[5, 5], (0, 0.8, 0.8), atol=2 / 255
        )
    assert b"Adobe" in (tmp_path / "x.jpg").read_bytes()


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


def deep_files(folder):
    pixels = samples(np.uint16, 20, 16, 3)
    yield deep_png(folder / "x.png", pixels)
    yield deep_tiff(folder / "a.tif", pixels, compression="lzw", predictor=True)
    yield deep_tiff(folder / "b.tif", pixels, tile=(16, 16), bigtiff=True)
    yield deep_tiff(folder / "c.tif", (pixels / 65535).astype(np.float32))
    yield deep_tiff(folder / "d.tif", pixels, byteorder=">", rowsperstrip=4)


def test_any_bytes_of_deep_files_too(tmp_path):
    generator = np.random.default_rng(1)
    for good in deep_files(tmp_path):
        data = good.read_bytes()
        for _ in range(60):
            damaged = bytearray(
                data[: generator.integers(1, len(data) + 1)] if generator.random() < 0.3 else data
            )
            for place in generator.integers(min(len(damaged), 400), size=3):
                damaged[place] = generator.integers(256)
            bad = tmp_path / f"bad{good.suffix}"
            bad.write_bytes(damaged)
            try:
                assert io.open_picture(bad).image.shape[2] == 3
            except InputError as error:
                assert "\n" not in str(error)


def test_deep_files_that_are_cut_off_are_refused(tmp_path, capfd):
    for good in deep_files(tmp_path):
        data = good.read_bytes()
        for share in (0.5, 0.9):
            good.write_bytes(data[: int(share * len(data))])
            with pytest.raises(InputError, match="cannot be read as an image"):
                io.read(good)
    assert capfd.readouterr().err == ""


def test_beyond_the_bomb_limit_deep_files_are_refused(tmp_path, monkeypatch):
    for path in deep_files(tmp_path):
        monkeypatch.setenv("JAXSTYLE_MAX_PIXELS", "319")
        with pytest.raises(InputError, match="set JAXSTYLE_MAX_PIXELS higher"):
            io.read(path)
        monkeypatch.setenv("JAXSTYLE_MAX_PIXELS", "320")
        assert io.read(path).shape == (20, 16, 3)


def test_heic_gets_a_line_of_its_own(tmp_path):
    (tmp_path / "x.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(InputError, match="save it as JPEG"):
        io.read(tmp_path / "x.heic")


def test_an_open_file_is_decoded_like_a_path(tmp_path):
    for path in deep_files(tmp_path):
        assert np.array_equal(io.decode(path, "x"), io.decode(BytesIO(path.read_bytes()), "x"))
        assert io.decode(path, "x").dtype == np.float32
    path = save(tmp_path / "x.jpg", Image.fromarray(RED))
    assert io.decode(BytesIO(path.read_bytes()), "x").dtype == np.uint8


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
        with Image.open(path) as image:
            assert image.info["jaxstyle"] == "settings"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


MODES = [
    "1",
    "L",
    "LA",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBa",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I;16",
    "I",
    "F",
]
ORIGINS = [".png", ".tif", ".jpg", ".webp", ".avif", ".bmp", ".gif", ".jp2", ".ppm", ".tga"]


def in_mode(mode):
    if mode in ("I;16", "I"):
        grey = np.linspace(0, 65535, 256).reshape(16, 16)
        return Image.fromarray(grey.astype(np.uint16 if mode == "I;16" else np.int32))
    if mode == "F":
        return Image.fromarray(np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16))
    smooth = np.linspace((255, 40, 10), (20, 200, 90), 256).astype(np.uint8).reshape(16, 16, 3)
    if mode == "LAB":
        lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        return ImageCms.applyTransform(Image.fromarray(smooth), lab)
    picture = Image.fromarray(np.dstack([smooth, np.full((16, 16), 128, np.uint8)]))
    picture = picture.convert("RGB") if mode in ("CMYK", "YCbCr", "HSV") else picture
    return picture.convert("LA").convert(mode) if mode in ("LA", "PA") else picture.convert(mode)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_every_format_to_every_format(tmp_path, mode):
    """Whatever Pillow can write: lossless results are what was read, bit by bit at their depth."""
    contents = 0
    for origin in ORIGINS:
        try:
            content = save(tmp_path / f"content{origin}", in_mode(mode))
        except (OSError, KeyError, ValueError):
            continue
        contents += 1
        picture = io.open_picture(content)
        for suffix in io.SUFFIXES:
            kind, path = io.FORMATS[suffix], tmp_path / f"x{suffix}"
            depth = picture.depth if picture.depth in kind.depths else 8
            io.write(path, picture.image, alpha=picture.alpha, depth=depth, metadata=picture.metadata)
            again = io.open_picture(path)
            assert again.remarks == [] and again.depth == depth
            lost = picture.alpha is not None and not kind.transparency
            exact = kind.quality is None and not lost
            reference = np.asarray(io.read(content) if lost else picture.image)
            atol = 0.51 / (2**depth - 1) if exact else 0.51 / 255 if kind.quality is None else 20 / 255
            np.testing.assert_allclose(again.image, reference, atol=atol, err_msg=f"{origin} to {suffix}")
            assert (again.alpha is None) == (lost or picture.alpha is None)
    assert contents


def test_what_a_format_cannot_have_is_refused_at_once(tmp_path):
    flat = np.zeros((4, 4, 3))
    refused = [
        (".jpg", {"depth": 16}, "end the name in one of .png .tif .tiff"),
        (".avif", {"depth": 16}, "end the name in one of .png .tif .tiff"),
        (".png", {"depth": 12}, "there are 8 and 16"),
        (".png", {"quality": 90}, "leave it out"),
        (".tif", {"quality": 90}, "leave it out"),
        (".jpg", {"quality": 0}, "from 1 to 100"),
        (".webp", {"quality": 101}, "from 1 to 100"),
        (".xyz", {}, "must end in one of"),
    ]
    for suffix, options, line in refused:
        for attempt in (
            lambda path, options: io.write(path, flat, **options),
            lambda p, o: io.check_output(p, **o),
        ):
            with pytest.raises(InputError, match=line):
                attempt(tmp_path / f"x{suffix}", options)
    for suffix, side in ((".jpg", 65501), (".webp", 16384), (".avif", 32769)):
        with pytest.raises(InputError, match=f"no side of {side} pixels: end the name in one of .png"):
            io.check_output(tmp_path / f"x{suffix}", side=side)
        with pytest.raises(InputError, match=f"no side of {side} pixels"):
            io.write(tmp_path / f"x{suffix}", np.zeros((side, 1, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_quality(tmp_path, suffix):
    pixels, path, sizes = samples(np.uint8, 32, 32, 3), tmp_path / f"x{suffix}", []
    for quality in (10, 50, 100):
        io.write(path, pixels, quality=quality)
        sizes.append(path.stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("suffix", io.SUFFIXES)
def test_a_picture_of_no_pixels_leaves_what_was_there(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_text("before")
    with pytest.raises(InputError, match="no pixels"):
        io.write(path, np.zeros((0, 4, 3)))
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", io.SUFFIXES)
def test_one_pixel(tmp_path, suffix):
    io.write(tmp_path / f"x{suffix}", np.full((1, 1, 3), 0.5))
    np.testing.assert_allclose(io.read(tmp_path / f"x{suffix}"), 0.5, atol=1.1 / 255)


def test_same_file(tmp_path, monkeypatch):
    path = save(tmp_path / "x.png", Image.fromarray(RED))
    (tmp_path / "folder").mkdir()
    os.link(path, tmp_path / "hard.png")
    (tmp_path / "soft.png").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    for name in ("x.png", "./x.png", "folder/../x.png", tmp_path / "hard.png", "soft.png"):
        assert io.same_file(path, name)
    save(tmp_path / "copy.png", Image.fromarray(RED))
    assert not io.same_file(path, "copy.png")
    assert not io.same_file(path, "missing.png")
    assert io.same_file("missing.png", tmp_path / "folder" / ".." / "missing.png")


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
    image = fit(jnp.asarray(np.random.default_rng(0).random((height, width, 3), np.float32)), 64)
    assert max(image.shape) == 64
    assert np.isclose(image.shape[0] / image.shape[1], height / width, rtol=0.3)
    assert image.min() >= 0
    assert image.max() <= 1


def test_fit_refuses_a_line_that_would_vanish():
    with pytest.raises(InputError, match="no pixel left"):
        fit(jnp.zeros((1, 1000, 3)), 64)


def test_fit_keeps_a_constant():
    np.testing.assert_allclose(fit(jnp.full((50, 70, 3), 0.3), 20), 0.3, atol=1e-6)
