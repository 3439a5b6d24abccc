"""TIFF files compressed by LZW, made anew with deflate, so that tifffile reads them without imagecodecs.

    strip or tile --LZW, by libtiff--> bytes --deflate--> strip or tile

The LZW decoder of imagecodecs (2026.3) ends the process at a damaged file; that of libtiff, which Pillow has,
raises an error. It is given each strip or tile as a picture of one row. Predictors stay.
"""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image as Pillow

from jaxstyle.image import exif
from jaxstyle.image.exif import LONG, SHORT, Directories, Tags

LZW, DEFLATE = 5, 8  # compressions of TIFF
FLOATING_POINT_PREDICTOR, SEPARATE_PLANES = 3, 2
COMPRESSION, STRIPS, STRIP_SIZES, TILES, TILE_SIZES = 259, 273, 279, 324, 325


def to_deflate(page: Any, tags: Tags) -> BytesIO:
    """Return a little-endian TIFF file of the pixels of a page of tifffile, which has the main `tags`.

    Raises `OSError` where they are damaged.
    """
    file, segments = page.parent.filehandle, []
    for index, (offset, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        file.seek(offset)
        decoded = decode(file.read(count), _segment_size(page, index))
        segments.append(zlib.compress(_little_endian(decoded, page), level=1))
    offsets = 8 + np.cumsum([0, *(len(segment) for segment in segments)])
    places, sizes = (TILES, TILE_SIZES) if page.is_tiled else (STRIPS, STRIP_SIZES)
    rewritten = {
        tag: value for tag, value in tags.items() if value[0] in exif.SIZES and tag not in exif.NESTED
    }
    rewritten |= {
        COMPRESSION: (SHORT, struct.pack("<H", DEFLATE)),
        places: (LONG, offsets[:-1].astype("<u4").tobytes()),
        sizes: (LONG, np.diff(offsets).astype("<u4").tobytes()),
    }
    start = int(offsets[-1])
    return BytesIO(
        b"II*\0" + struct.pack("<I", start) + b"".join(segments) + exif.linked(Directories(rewritten), start)
    )


def decode(data: bytes, size: int) -> bytes:
    """Return the `size` bytes that LZW made `data` of; raises `OSError` where there are fewer."""
    samples = 4 if size % 4 == 0 else 1  # as CMYK, or grey: Pillow's limit is of pixels
    shorts = {258: [8] * samples, COMPRESSION: [LZW], 262: [5 if samples == 4 else 1], 277: [samples]}
    longs = {256: size // samples, 257: 1, STRIPS: 8, 278: 1, STRIP_SIZES: len(data)}
    tags: Tags = {tag: (SHORT, np.asarray(values, "<u2").tobytes()) for tag, values in shorts.items()}
    tags |= {tag: (LONG, struct.pack("<I", value)) for tag, value in longs.items()}
    start = 8 + len(data)
    tiff = b"II*\0" + struct.pack("<I", start) + data + exif.directory(tags, start)
    with Pillow.open(BytesIO(tiff)) as image:
        return image.tobytes()


def _segment_size(page: Any, index: int) -> int:
    """Return the bytes of a strip or a tile; the last strip of a plane may have fewer rows."""
    separate = page.planarconfig == SEPARATE_PLANES
    samples = 1 if separate else page.samplesperpixel
    width, rows = page.imagewidth, min(page.rowsperstrip, page.imagelength)
    if page.is_tiled:
        width, rows = page.tilewidth, page.tilelength
    else:
        rows = min(rows, page.imagelength - index % -(-page.imagelength // rows) * rows)
    return -(-width * samples * page.bitspersample // 8) * rows


def _little_endian(data: bytes, page: Any) -> bytes:
    """Return samples of whole bytes in the other order, where a file and its predictor have that."""
    size = page.bitspersample // 8
    if page.parent.byteorder == "<" or page.bitspersample % 8 or page.predictor == FLOATING_POINT_PREDICTOR:
        return data
    return np.frombuffer(data, f">u{size}").astype(f"<u{size}").tobytes()
