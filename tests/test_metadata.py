"""What comes through from content to result: copyright and the like; nothing that is of the old pixels."""

import struct
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from jaxstyle.image import exif, io
from jaxstyle.image.exif import ASCII, LONG, RATIONAL, SHORT, Directories
from jaxstyle.image.metadata import COPYRIGHT, Metadata

HOLDING = [".png", ".jpg", ".webp", ".avif", ".tif"]
RIGHTS = "© Zoë Müller".encode() + b"\0"
MAIN = {
    256: (LONG, struct.pack("<I", 13)),
    271: (ASCII, b"Camera\0"),
    274: (SHORT, struct.pack("<H", 6)),
    282: (RATIONAL, struct.pack("<II", 240, 1)),
    283: (RATIONAL, struct.pack("<II", 240, 1)),
    296: (SHORT, struct.pack("<H", 2)),
    COPYRIGHT: (ASCII, RIGHTS),
}
PHOTOGRAPH = {
    0x829A: (RATIONAL, struct.pack("<II", 1, 250)),
    0x9003: (ASCII, b"2024:05:06 07:08:09\0"),
    0x927C: (7, b"maker" * 1000),
    0x9286: (7, b"ASCII\0\0\0a comment"),
    0xA001: (SHORT, b"\xff\xff"),
    0xA002: (LONG, struct.pack("<I", 13)),
    0xA434: (ASCII, "Objektiv für Nähe\0".encode()),
}
PLACE = {1: (ASCII, b"N\0"), 2: (RATIONAL, struct.pack("<6I", 46, 1, 57, 1, 12, 1))}
XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/">
<dc:rights xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Alt>
<rdf:li xml:lang="x-default">© Zoë</rdf:li></rdf:Alt></dc:rights>
<crs:Exposure2012>+1.00</crs:Exposure2012><xmp:Thumbnails>old picture</xmp:Thumbnails>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>""".encode()


BLOCK = exif.block(Directories(MAIN, PHOTOGRAPH, PLACE))


def with_thumbnail(block):
    """Return an EXIF block with a second directory, which points to a JPEG of the old picture."""
    jpeg = BytesIO()
    Image.new("RGB", (16, 16), "blue").save(jpeg, "jpeg")
    start, data = len(block) - 6, bytearray(block)
    (count,) = struct.unpack_from("<H", block, 14)
    struct.pack_into("<I", data, 16 + 12 * count, start)
    second = {
        513: (LONG, struct.pack("<I", start + 30)),
        514: (LONG, struct.pack("<I", len(jpeg.getvalue()))),
    }
    return bytes(data) + exif.directory(second, start) + jpeg.getvalue()


def content(path, **options):
    """Write a picture of 13 x 7 pixels that lies on its side, with all metadata, and return its path."""
    picture = Image.new("RGB", (13, 7), (200, 30, 10))
    options = {"xmp": XMP, "exif": with_thumbnail(BLOCK), "dpi": (240, 240), **options}
    if path.suffix == ".tif":  # Pillow would make "?" of the "©"
        io.write(
            path, np.asarray(picture), metadata=Metadata(options["exif"], options["xmp"], options["dpi"])
        )
        return path
    if path.suffix == ".png" and options["xmp"]:
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", options["xmp"].decode())
    picture.save(path, **{name: value for name, value in options.items() if value})
    return path


@pytest.mark.parametrize("suffix", HOLDING)
@pytest.mark.parametrize("origin", HOLDING)
def test_from_content_to_result_and_on(tmp_path, origin, suffix):
    main = MAIN if origin != ".avif" else {tag: MAIN[tag] for tag in MAIN if tag != 274}  # XMP states it too
    block = with_thumbnail(exif.block(Directories(main, PHOTOGRAPH, PLACE)))
    picture = io.open_picture(content(tmp_path / f"content{origin}", exif=block))
    path = tmp_path / f"x{suffix}"
    io.write(path, picture.image, metadata=picture.metadata)
    again = io.open_picture(path)
    assert picture.remarks == again.remarks == []
    assert picture.image.shape == again.image.shape == (13, 7, 3)
    assert picture.metadata == again.metadata
    assert picture.metadata.dpi == (240, 240)
    main, photograph, place = exif.read_block(picture.metadata.exif, [])
    assert main.pop(34665)[1] and main.pop(34853)[1]
    assert main == {tag: MAIN[tag] for tag in (271, COPYRIGHT)}
    assert photograph == {tag: PHOTOGRAPH[tag] for tag in (0x829A, 0x9003, 0x9286, 0xA434)} | {
        0xA001: (SHORT, b"\1\0")
    }
    assert place == PLACE
    for kept in ("dc:rights", "© Zoë", 'xmp:Rating="4"'):
        assert kept in picture.metadata.xmp.decode()
    for dropped in ("Orientation", "Exposure2012", "old picture"):
        assert dropped not in picture.metadata.xmp.decode()


@pytest.mark.parametrize("suffix", HOLDING)
def test_others_read_it(tmp_path, suffix):
    """Pillow, which reads the bytes of text as Latin-1, finds all of it in a result, and tifffile too."""
    picture = io.open_picture(content(tmp_path / "content.jpg"))
    path = tmp_path / f"x{suffix}"
    io.write(path, picture.image, depth=16 if suffix in (".png", ".tif") else 8, metadata=picture.metadata)
    with Image.open(path) as file:
        file.load()
        found = file.getexif()
        assert found[COPYRIGHT].encode("latin-1").decode() == "© Zoë Müller"
        assert found.get(274, 1) == 1
        assert found.get_ifd(34665)[0x829A] == 1 / 250
        assert found.get_ifd(34853)[2] == (46, 57, 12)
        assert not found.get_ifd(1)  # the thumbnail
        dots = file.info.get("dpi") or (found[282], found[283])
        np.testing.assert_allclose(np.asarray(dots, np.float64), 240, atol=0.01)
    assert b"maker" not in path.read_bytes()
    if suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            assert file.pages.first.tags[34665].value["ExposureTime"] == (1, 250)


def test_either_byte_order_is_one(tmp_path):
    blocks = []
    for endian in "<>":
        made = Image.Exif()
        made.endian = endian
        made[COPYRIGHT], made[18246] = "Zoe", 4
        made.get_ifd(34665)[0x829A], made.get_ifd(34853)[2] = 0.5, (46.0, 57.0, 12.0)
        blocks.append(
            io.open_picture(content(tmp_path / "x.jpg", exif=made.tobytes(), xmp=b"")).metadata.exif
        )
    assert blocks[0] == blocks[1]
    assert exif.read_block(blocks[0], []).main[18246] == (SHORT, b"\4\0")


@pytest.mark.parametrize("cut", [3, 6, 12, 20, 40, 150, 250, 20000])
def test_damaged_exif_costs_no_picture(tmp_path, cut):
    picture = io.open_picture(content(tmp_path / "x.png", exif=BLOCK[:cut]))
    assert sum("EXIF is damaged" in remark for remark in picture.remarks) == (cut < 20000)
    np.testing.assert_allclose(picture.image[0, 0] * 255, (200, 30, 10), atol=1e-3)
    assert io.read(tmp_path / "x.png").shape == picture.image.shape


def test_any_exif_is_read_or_said(tmp_path):
    generator = np.random.default_rng(0)
    for _ in range(100):
        block = bytearray(with_thumbnail(BLOCK))
        for place in generator.integers(6, 200, 3):
            block[place] = generator.integers(256)
        path = content(tmp_path / "x.webp", exif=bytes(block))
        picture = io.open_picture(path)
        io.write(tmp_path / "y.tif", picture.image, metadata=picture.metadata)
        assert io.open_picture(tmp_path / "y.tif").metadata.exif == picture.metadata.exif


@pytest.mark.parametrize(
    "packet", [b"no XML", XMP[:300], b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"<a/>\xff"]
)
def test_damaged_xmp_is_said_and_left_out(tmp_path, packet):
    picture = io.open_picture(content(tmp_path / "x.jpg", xmp=packet))
    assert picture.metadata.xmp == b""
    assert picture.remarks == [f"{tmp_path / 'x.jpg'}: XMP is damaged: left out"]


def test_xmp_of_edit_settings_alone_is_none(tmp_path):
    packet = XMP.replace(b"dc/elements", b"other/elements").replace(b"xap/1.0", b"other")
    assert io.open_picture(content(tmp_path / "x.jpg", xmp=packet)).metadata.xmp == b""


def test_metadata_too_long_for_a_jpeg_is_said_and_left_out(tmp_path):
    long = exif.block(Directories({COPYRIGHT: (ASCII, b"x" * 66000)}, {}, {}))
    picture = io.open_picture(
        content(tmp_path / "x.png", exif=long, xmp=XMP.replace("Zoë".encode(), b"x" * 66000))
    )
    assert picture.metadata == Metadata(dpi=(240, 240))
    assert [remark.split(": ")[1][:4] for remark in picture.remarks] == ["EXIF", "XMP "]


@pytest.mark.parametrize(
    ("dots", "kept"), [(0, None), (1, 1), (72, 72), (299.9994, 300), (65535, 65535), (1e6, None)]
)
def test_resolutions(tmp_path, dots, kept):
    picture = io.open_picture(content(tmp_path / "x.png", exif=b"", dpi=(dots, dots)))
    assert picture.metadata.dpi == (None if kept is None else (kept, kept))
    assert any("is not possible" in remark for remark in picture.remarks) == (dots == 1e6)
    for suffix in (*HOLDING, *([".bmp"] if kept else [])):  # a BMP without is of 96
        io.write(tmp_path / f"y{suffix}", picture.image, metadata=picture.metadata)
        assert io.open_picture(tmp_path / f"y{suffix}").metadata.dpi == picture.metadata.dpi


def test_resolution_in_centimetres_or_of_no_unit(tmp_path):
    for unit, dots in ((3, (254, 254)), (1, None)):
        tags = {
            282: (RATIONAL, struct.pack("<II", 100, 1)),
            283: (RATIONAL, struct.pack("<II", 100, 1)),
            296: (SHORT, struct.pack("<H", unit)),
        }
        path = content(tmp_path / "x.webp", exif=exif.block(Directories(tags, {}, {})))
        assert io.open_picture(path).metadata.dpi == dots


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", HOLDING)
def test_orientation(tmp_path, suffix, orientation):
    """The corners of a picture go where EXIF says that the first row and column are."""
    corners = np.zeros((16, 24, 3), np.uint8)
    corners[:8, :8], corners[:8, 16:], corners[8:, :8], corners[8:, 16:] = 250, 170, 90, 20
    block = exif.block(Directories({274: (SHORT, struct.pack("<H", orientation))}, {}, {}))
    path = tmp_path / f"x{suffix}"
    depth = 16 if suffix in (".png", ".tif") and orientation % 2 else 8
    io.write(path, corners, depth=depth, metadata=Metadata(exif=block))
    image = np.asarray(io.open_picture(path).image)[..., 0] * 255
    seen = [image[4, 4], image[4, -4], image[-4, 4], image[-4, -4]]
    tl, tr, bl, br = 250, 170, 90, 20
    upright = {
        1: (tl, tr, bl, br),
        2: (tr, tl, br, bl),
        3: (br, bl, tr, tl),
        4: (bl, br, tl, tr),
        5: (tl, bl, tr, br),
        6: (bl, tl, br, tr),
        7: (br, tr, bl, tl),
        8: (tr, br, tl, bl),
    }
    np.testing.assert_allclose(seen, upright[orientation], atol=12)
    assert image.shape == ((16, 24) if orientation < 5 else (24, 16))
