"""Samples become files: each format by its suffix, in sRGB, with what of the metadata it can hold.

| format | written by | bits | transparency | quality | EXIF, XMP | resolution |
|---|---|---|---|---|---|---|
| PNG | Pillow; 16 bits: imagecodecs | 8, 16 | yes | - | yes | pHYs |
| TIFF | tifffile | 8, 16 | yes | - | yes | tags |
| JPEG | Pillow | 8 | no | 95 | yes | JFIF |
| WebP | Pillow | 8 | yes | 92 | yes | EXIF |
| AVIF | Pillow | 8 | yes | 85 | yes | EXIF |
| BMP | Pillow | 8 | no | - | no | header |

Colours are not multiplied by transparency. The sRGB profile is embedded wherever there is a place for it.
At the default qualities the formats are alike: on photographs and stylised ones WebP has the error of the
JPEG at four fifths of its size, and AVIF, whose colours are not subsampled, less at two thirds.
"""

import os
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import tifffile
from jaxtyping import Shaped
from PIL import Image as Pillow
from PIL import PngImagePlugin

from jaxstyle.core import InputError
from jaxstyle.image import exif
from jaxstyle.image.metadata import XMP, Metadata, with_resolution
from jaxstyle.image.profile import srgb

Pixels = Shaped[np.ndarray, "h w c"]  # uint8 or uint16, of 3 channels, or of 4, the last of which is alpha
PNG_LEVEL = 3  # zlib's; 6 takes three times as long for a hundredth
LOSSLESS_ALPHA = {"alpha:lossless": "1"}  # to libavif's encoder, aom


class Format(NamedTuple):
    """What a kind of file can hold; `quality` is its default one, None where nothing is lost."""

    name: str
    save: Callable[..., object]  # of a path, pixels, metadata, and `quality` if there is one
    depths: tuple[int, ...] = (8,)
    transparency: bool = True
    quality: int | None = None
    largest_side: int = 2**31 - 1
    metadata: bool = True


def save_png(path: Path, pixels: Pixels, metadata: Metadata) -> None:
    """Write a PNG of 8 or 16 bits; the settings are its text chunk "jaxstyle"."""
    text = PngImagePlugin.PngInfo()
    text.add_text("jaxstyle", metadata.settings)
    if metadata.xmp:
        text.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode())
    options = {"pnginfo": text, "icc_profile": srgb(), **_present(exif=metadata.exif, dpi=metadata.dpi)}
    if pixels.dtype == np.uint8:
        Pillow.fromarray(pixels).save(path, "png", **options)
        return
    chunks = BytesIO()  # Pillow writes no colours of 16 bits, but all that is said beside them
    Pillow.new("RGB", (1, 1)).save(chunks, "png", **options)
    path.write_bytes(_with_chunks(bytes(imagecodecs.png_encode(pixels, level=PNG_LEVEL)), chunks.getvalue()))


def _with_chunks(png: bytes, other: bytes) -> bytes:
    """Return a PNG with what stands in another between the header and the pixels."""
    header = 33  # bytes: the signature and IHDR
    return png[:header] + other[header : other.index(b"IDAT") - 4] + png[header:]


def save_tiff(path: Path, pixels: Pixels, metadata: Metadata) -> None:
    """Write a TIFF of 8 or 16 bits, deflated."""
    tifffile.imwrite(
        path,
        pixels,
        byteorder="<",
        photometric="rgb",
        extrasamples=["unassalpha"] * (pixels.shape[-1] - 3),
        compression="zlib",
        predictor=True,
        iccprofile=srgb(),
        metadata=None,
        software=False,  # the content's, if it names one
        **_present(resolution=metadata.dpi, resolutionunit="inch" if metadata.dpi else None),
    )
    directories = exif.read_block(metadata.exif, [])
    packet: exif.Tags = {XMP: (exif.BYTE, metadata.xmp)} if metadata.xmp else {}
    if packet or any(directories):
        _add_directories(path, directories._replace(main={**directories.main, **packet}))


def _add_directories(path: Path, added: exif.Directories) -> None:
    """Write a TIFF's main directory anew at the end of the file, with more tags and more directories."""
    with path.open("r+b") as file:
        main = exif.read(file, []).main
        end = file.seek(0, os.SEEK_END)
        start = end + end % 2
        file.write(bytes(end % 2) + exif.linked(added._replace(main={**added.main, **main}), start))
        file.seek(4)
        file.write(struct.pack("<I", start))


def save_jpeg(path: Path, pixels: Pixels, metadata: Metadata, quality: int) -> None:
    """Write a JPEG."""
    options = _present(exif=metadata.exif, xmp=metadata.xmp, dpi=metadata.dpi)
    Pillow.fromarray(pixels).save(path, "jpeg", quality=quality, icc_profile=srgb(), **options)


def save_webp(path: Path, pixels: Pixels, metadata: Metadata, quality: int) -> None:
    """Write a WebP; its EXIF states the resolution."""
    Pillow.fromarray(pixels).save(path, "webp", quality=quality, **_with_exif(metadata))


def save_avif(path: Path, pixels: Pixels, metadata: Metadata, quality: int) -> None:
    """Write an AVIF, its colours not subsampled, its alpha exact; its EXIF states the resolution."""
    options = _with_exif(metadata) | _present(advanced=LOSSLESS_ALPHA if pixels.shape[-1] == 4 else None)
    Pillow.fromarray(pixels).save(path, "avif", quality=quality, subsampling="4:4:4", **options)


def _with_exif(metadata: Metadata) -> dict[str, Any]:
    directories = with_resolution(exif.read_block(metadata.exif, []), metadata.dpi)
    return {"icc_profile": srgb(), **_present(exif=exif.block(directories), xmp=metadata.xmp)}


def save_bmp(path: Path, pixels: Pixels, metadata: Metadata) -> None:
    """Write a BMP."""
    Pillow.fromarray(pixels).save(path, "bmp", **_present(dpi=metadata.dpi))


def _present(**options: Any) -> dict[str, Any]:
    """Return the options that are not empty."""
    return {name: value for name, value in options.items() if value}


JPEG = Format("JPEG", save_jpeg, transparency=False, quality=95, largest_side=65500)
TIFF = Format("TIFF", save_tiff, depths=(8, 16))
FORMATS = {
    ".png": Format("PNG", save_png, depths=(8, 16)),
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".webp": Format("WebP", save_webp, quality=92, largest_side=16383),
    ".avif": Format("AVIF", save_avif, quality=85, largest_side=32768),
    ".tif": TIFF,
    ".tiff": TIFF,
    ".bmp": Format("BMP", save_bmp, transparency=False, metadata=False),
}


def check_encoding(path: Path, depth: int, quality: int | None, side: int) -> None:
    """Raise `InputError` if a file of that suffix cannot have a depth, a quality or a side."""
    kind = FORMATS[path.suffix.lower()]
    instead = [
        suffix for suffix, other in FORMATS.items() if depth in other.depths and side <= other.largest_side
    ]
    cure = f"end the name in one of {' '.join(instead)}"
    if not any(depth in other.depths for other in FORMATS.values()):
        raise InputError(f"{path}: {depth} bits a channel: there are 8 and 16")
    if depth not in kind.depths:
        raise InputError(f"{path}: {kind.name} files have no {depth} bits a channel: {cure}")
    if side > kind.largest_side:
        raise InputError(f"{path}: {kind.name} files have no side of {side} pixels: {cure}")
    if quality is not None and kind.quality is None:
        raise InputError(f"{path}: {kind.name} files keep every pixel and have no quality: leave it out")
    if quality is not None and not 1 <= quality <= 100:
        raise InputError(f"{path}: a quality of {quality}: it goes from 1 to 100")


def what_is_lost(path: Path, alpha: object, metadata: Metadata) -> list[str]:
    """Return lines on what of a picture a file of that name cannot hold, besides its depth."""
    kind, lost = FORMATS[path.suffix.lower()], []
    if alpha is not None and not kind.transparency:
        lost.append(f"{path}: {kind.name} files have no transparency: it is laid on white")
    if (metadata.exif or metadata.xmp) and not kind.metadata:
        lost.append(f"{path}: {kind.name} files have no EXIF and no XMP: they are left out")
    return lost
