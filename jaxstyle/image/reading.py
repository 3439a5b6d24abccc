"""Open files become samples: sRGB pixels, upright, and what the file says beside them.

| file | decoded by | samples |
|---|---|---|
| PNG of 16 bits a channel | imagecodecs | uint16 |
| TIFF of more than 8 bits, of floats | tifffile | as they are |
| any other | Pillow | uint8; grey of 16 bits in a few formats |

Pillow opens colours of 16 bits as 8. What has no profile is sRGB, floats too, and CMYK is of perfect inks.
Of several pictures in a file the first is taken. Not read: palettes of 16 bits, raw sensor data, volumes.
"""

import logging
import math
import struct
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import imagecodecs
import numpy as np
import tifffile
from jaxtyping import Float
from PIL import Image as Pillow

from jaxstyle.core import InputError
from jaxstyle.image import exif, lzw, profile
from jaxstyle.image.metadata import ORIENTATION, PROFILE, Metadata, collect
from jaxstyle.image.range import in_range, unit

PNG, TIFFS = b"\x89PNG\r\n\x1a\n", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK, CIE_LAB = 0, 1, 2, 5, 8  # photometric interpretations of TIFF
TIFF_CHANNELS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4, CIE_LAB: 3}
ASSOCIATED, UNASSOCIATED = 1, 2  # alpha, with colours multiplied by it or not
MOST_CHANNELS = 16
COMPRESSIONS = {
    1,
    lzw.LZW,
    7,
    8,
    32773,
    32946,
    34925,
    50000,
}  # none, JPEG, deflate, packbits, LZMA, Zstandard
# What makes the orientations of EXIF upright.
TURNS: dict[object, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: np.swapaxes(pixels, 0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(np.swapaxes(pixels, 0, 1), 2),
    8: np.rot90,
}

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # of a damaged file, one line is said here


class Samples(NamedTuple):
    """Upright sRGB `(h, w, 3)` and alpha `(h, w)`, None where all is opaque: uint8, or float32 in [0, 1].

    `depth` is of the file, 8 or 16; `describe` returns what comes through to a result, and adds remarks.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    depth: int
    describe: Callable[[list[str]], Metadata]


class Channels(NamedTuple):
    """Channels as a file holds them: grey three times, RGB or CMYK, uint8 or in [0, 1]; or L*a*b*."""

    pixels: np.ndarray
    alpha: np.ndarray | None
    depth: int
    is_lab: bool = False


class Header(NamedTuple):
    """What a file says of its channels: EXIF's orientation that is still to be applied, an ICC profile."""

    orientation: object
    profile: bytes
    describe: Callable[[list[str]], Metadata]


def load(file: BinaryIO, name: object, limit: int, remarks: list[str]) -> Samples:
    """Return the samples of an open file of at most `limit` pixels, with remarks on what was made of them.

    Raises `InputError`, or what Pillow, tifffile and imagecodecs raise for a file that is damaged.
    """
    decode = _decode_tiff if file.read(4) in TIFFS else _decode
    file.seek(0)
    return _upright(*decode(file, name, limit, remarks), remarks)


def load_image(image: Pillow.Image, name: object) -> Samples:
    """Return the samples of an image of Pillow, as those of a file that holds it."""
    header = Header(_orientation(image), image.info.get("icc_profile") or b"", lambda remarks: Metadata())
    return _upright(_of_pillow(image, name, []), header, [])


def _upright(channels: Channels, header: Header, remarks: list[str]) -> Samples:
    """Return channels in sRGB, turned as EXIF says."""
    pixels, alpha = _in_srgb(channels, header.profile, remarks), channels.alpha
    if alpha is not None and alpha.min() == (255 if alpha.dtype == np.uint8 else 1):
        alpha = None
    if turn := TURNS.get(header.orientation):
        pixels = np.ascontiguousarray(turn(pixels))
        alpha = None if alpha is None else np.ascontiguousarray(turn(alpha))
    return Samples(pixels, alpha, channels.depth, header.describe)


def _decode(file: BinaryIO, name: object, limit: int, remarks: list[str]) -> tuple[Channels, Header]:
    head = file.read(25)
    with Pillow.open(file) as image:
        check_size(image.width, image.height, limit)
        image.load()
        deep = head.startswith(PNG) and head[24] == 16
        channels = _of_png(file, name, remarks) if deep else _of_pillow(image, name, remarks)
        info, frames = image.info, _count_frames(image)
        embedded = info.get("icc_profile") or (profile.of_png(info) if image.format == "PNG" else b"")
        return channels, Header(
            _orientation(image), embedded, lambda remarks: _describe(info, frames, remarks)
        )


def _decode_tiff(file: BinaryIO, name: object, limit: int, remarks: list[str]) -> tuple[Channels, Header]:
    damage: list[str] = []
    tags = exif.read(file, damage)
    orientation = int.from_bytes(tags.main.get(ORIENTATION, (exif.SHORT, b"\1\0"))[1], "little")
    embedded = tags.main.get(PROFILE, (exif.BYTE, b""))[1]
    pictures = exif.count_pictures(file)  # tifffile goes round for ever where they are in a circle

    def describe(remarks: list[str]) -> Metadata:
        remarks += damage
        _remark_frames(pictures, remarks)
        return collect(tags, b"", None, remarks)

    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page: Any = tiff.pages[0]
        if is_deep(page):
            check_size(page.imagewidth, page.imagelength, limit)
            if not page.imagewidth * page.imagelength or page.compression not in COMPRESSIONS:
                raise InputError(f"{name}: a TIFF of a kind that is not read here: save it with deflate")
            _check_complete(page)
            if page.compression == lzw.LZW:
                with tifffile.TiffFile(lzw.to_deflate(page, tags.main)) as deflated:
                    channels = _of_tiff(deflated.pages[0], name, remarks)
            else:
                channels = _of_tiff(page, name, remarks)
            return channels, Header(orientation, embedded, describe)
    file.seek(0)
    with Pillow.open(file) as image:
        check_size(image.width, image.height, limit)
        image.load()  # which turns a TIFF upright, and no other
        return _of_pillow(image, name, remarks), Header(1, embedded, describe)


def check_size(width: int, height: int, limit: int) -> None:
    """Raise `DecompressionBombError` beyond a number of pixels."""
    if width * height > limit:
        raise Pillow.DecompressionBombError


def _describe(info: dict[Any, Any], frames: int, remarks: list[str]) -> Metadata:
    """Return what comes through of what Pillow knows of a file that is not a TIFF."""
    _remark_frames(frames, remarks)
    directories = exif.read_block(info.get("exif", b""), remarks)
    packet = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    return collect(
        directories, packet.encode() if isinstance(packet, str) else packet, info.get("dpi"), remarks
    )


def _remark_frames(frames: int, remarks: list[str]) -> None:
    if frames > 1:
        remarks.append(f"the first of {frames} pictures in the file is taken")


def _count_frames(image: Pillow.Image) -> int:
    """Return how many pictures there are, less those of an MPO: depth and gain of the first."""
    try:
        return 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    except (OSError, SyntaxError, ValueError, LookupError, struct.error):  # damaged after the first
        return 1


def _orientation(image: Pillow.Image) -> object:
    """Return the orientation that EXIF or XMP states; one that is damaged is none."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except (SyntaxError, ValueError, KeyError, TypeError, AttributeError, OSError, struct.error):
        return 1


def _in_srgb(channels: Channels, embedded: bytes, remarks: list[str]) -> np.ndarray:
    pixels = channels.pixels
    if channels.is_lab:
        return profile.lab_to_srgb(pixels)
    if embedded and not (pixels.shape[-1] == 3 and profile.is_srgb(embedded)):
        try:
            return profile.to_srgb(pixels, embedded)
        except ValueError as error:
            remarks.append(f"its colour profile {error}: ignored")
    return pixels if pixels.shape[-1] == 3 else _of_ink(unit(pixels))


def _of_ink(cmyk: Float[np.ndarray, "h w 4"]) -> Float[np.ndarray, "h w 3"]:
    """Return the colours of perfect inks, which is what CMYK without a profile is shown with."""
    return (1 - cmyk[..., :3]) * (1 - cmyk[..., 3:])


def _of_pillow(image: Pillow.Image, name: object, remarks: list[str]) -> Channels:
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image)
        if values.dtype.kind == "i" and values.min() >= 0 and values.max() < 65536:
            values = values.astype(np.uint16)  # a mode of 32 bits, of formats of 16
        return Channels(_grey(in_range(values, 8 * values.itemsize, name, remarks)), None, 16)
    if image.mode == "CMYK":
        return Channels(np.asarray(image), None, 8)
    if image.mode == "LAB":
        return Channels(_lab(np.asarray(image)), None, 8, is_lab=True)
    if image.has_transparency_data:
        straight = image.convert("LA") if image.mode == "La" else image
        rgba = np.asarray(straight.convert("RGBA"))
        return Channels(rgba[..., :3], rgba[..., 3], 8)
    return Channels(np.asarray(image.convert("RGB")), None, 8)


def _of_png(file: BinaryIO, name: object, remarks: list[str]) -> Channels:
    file.seek(0)
    values = imagecodecs.png_decode(file.read())
    values = values.reshape(*values.shape[:2], -1)
    colours = 1 if values.shape[-1] < 3 else 3
    pixels, alpha = values[..., :colours], values[..., colours:]
    pixels = _grey(in_range(pixels, 16, name, remarks))
    return Channels(pixels, in_range(alpha[..., 0], 16, name, []) if alpha.size else None, 16)


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Return one channel three times, three and four as they are."""
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels


def is_deep(page: Any) -> bool:
    """Tell whether a page of a TIFF holds more than Pillow would read of it."""
    bits = page.bitspersample
    return max(bits if isinstance(bits, tuple) else (bits,)) > 8


def _of_tiff(page: Any, name: object, remarks: list[str]) -> Channels:
    kind, bits = page.photometric, page.bitspersample
    strange = set(page.axes) - set("YXS") or page.samplesperpixel > MOST_CHANNELS
    if kind not in TIFF_CHANNELS or isinstance(bits, tuple) or strange:
        raise InputError(f"{name}: a TIFF of a kind that is not read here: save it as RGB or grey")
    values = page.asarray()
    values = np.moveaxis(values, page.axes.index("S"), -1) if "S" in page.axes else values[..., None]
    count = TIFF_CHANNELS[kind]
    pixels, extras = values[..., :count], page.extrasamples
    kinds = [extra for extra in extras if extra in (ASSOCIATED, UNASSOCIATED)]
    if len(kinds) != len(extras):
        remarks.append("channels beside its colours and its transparency: left out")
    alpha = None
    if kinds:
        alpha = in_range(values[..., count + list(extras).index(kinds[0])], bits, name, [])
    if kind == CIE_LAB:
        return Channels(_lab(pixels), alpha, 16, is_lab=True)
    pixels = in_range(pixels, bits, name, remarks)
    if kind == WHITE_IS_ZERO:
        pixels = 1 - pixels
    if alpha is not None and kinds[0] == ASSOCIATED:
        pixels = np.clip(pixels / np.maximum(alpha, 1e-9)[..., None], 0, 1)
    return Channels(_grey(pixels), alpha, 16)


def _check_complete(page: Any) -> None:
    """Raise `ValueError` if parts of the pixels are not in the file: tifffile makes them black."""
    ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    if len(ends) < math.prod(page.chunked) or max(ends) > page.parent.filehandle.size:
        raise ValueError("its pixels are cut off")


def _lab(values: np.ndarray) -> np.ndarray:
    """Return L* in 0..100, a* and b* of samples, of which a* and b* are signed (TIFF 6.0, section 23)."""
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    lightness = values[..., :1].astype(np.float32) * (100 / np.iinfo(values.dtype).max)
    signed = values[..., 1:].astype(f"i{values.itemsize}").astype(np.float32)
    return np.concatenate([lightness, signed / 256 ** (values.itemsize - 1)], axis=-1)
