"""Image files: any that Pillow or tifffile reads becomes float32 sRGB `(h, w, 3)` in [0, 1], and back.

A file's colours are converted from its profile to sRGB (`profile.py`), at the depth that it has
(`reading.py`), and its orientation is applied. `open_picture` keeps what a result is to carry too:
transparency, depth, and metadata (`metadata.py`); `read` lays transparency on white. Files are written
(`writing.py`) whole or not at all: to a temporary neighbour first, then renamed.
"""

import os
import re
import struct
import tempfile
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Shaped
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from tifffile import TiffFileError

from jaxstyle.core import Image, InputError, Mask
from jaxstyle.image.metadata import Metadata
from jaxstyle.image.range import unit
from jaxstyle.image.reading import Samples, load, load_image
from jaxstyle.image.writing import FORMATS, check_encoding

SUFFIXES = tuple(FORMATS)
NO_METADATA = Metadata()
DAMAGE = (  # what Pillow, tifffile and imagecodecs raise on files that are damaged
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, RuntimeError, MemoryError, struct.error, TiffFileError),
)
ANIMATED = (".gif", ".webp", ".png")
FRAME = "a frame"  # what the text chunk of a numbered frame says


class Picture(NamedTuple):
    """What a file holds.

    The colours of `image` are not multiplied by `alpha`, which is None where all is opaque. `depth` is 8
    or 16 bits a channel, 16 for floats too; `metadata` what comes through to a result; `remarks` are lines
    for the user: on a profile that is ignored, on frames that are left out.
    """

    image: Image
    alpha: Mask | None
    depth: int
    metadata: Metadata
    remarks: list[str]


def open_picture(path: str | Path) -> Picture:
    """Read an image file with all that comes through to a result.

    Pixels that are fully transparent have the mean colour of the visible ones. Raises `InputError` as
    `read` does, and for a picture that is transparent all over.
    """
    remarks: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on damaged metadata
        samples = _load(path, path, remarks)
        metadata = samples.describe(remarks)
    pixels, alpha = unit(samples.pixels), samples.alpha
    if alpha is not None:
        if not alpha.any():
            raise InputError(f"{path}: all of it is transparent: there is nothing to see")
        alpha = unit(alpha)
        mean = np.average(pixels.reshape(-1, 3), axis=0, weights=np.float64(alpha.ravel()))
        pixels = np.where(alpha[..., None] == 0, np.float32(mean), pixels)
    shown = [f"{path}: {remark}" for remark in dict.fromkeys(remarks)]
    return Picture(
        jnp.asarray(pixels), None if alpha is None else jnp.asarray(alpha), samples.depth, metadata, shown
    )


def read(path: str | Path) -> Image:
    """Read an image file as float32 sRGB in [0, 1], shape `(h, w, 3)`, transparency laid on white.

    Raises `InputError` for a file that is missing, not an image, truncated, of numbers whose white is not
    known, or beyond the limit on pixels, which the environment variable JAXSTYLE_MAX_PIXELS sets.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on damaged metadata
        samples = _load(path, path, [])
    return jnp.asarray(_on_white(unit(samples.pixels), samples.alpha))


def from_pillow(image: Pillow.Image, name: str) -> Image:
    """Return an image of Pillow as `read` returns a file; errors call it `name`."""
    samples = load_image(image, name)
    return jnp.asarray(_on_white(unit(samples.pixels), samples.alpha))


def decode(file: str | Path | BinaryIO, name: object) -> Shaped[np.ndarray, "h w 3"]:
    """Do the same in any thread, on no device, from a path or an open file; errors call it `name`.

    What has eight bits a channel, and is sRGB, stays uint8, in 0..255.
    """
    samples = _load(file, name, [])
    if samples.alpha is None:
        return samples.pixels
    laid = _on_white(unit(samples.pixels), samples.alpha)
    return to_bytes(laid) if samples.pixels.dtype == np.uint8 else laid


def _load(file: str | Path | BinaryIO, name: object, remarks: list[str]) -> Samples:
    limit = os.environ.get("JAXSTYLE_MAX_PIXELS", "89478485")
    if not limit.isdecimal():
        raise InputError(f"JAXSTYLE_MAX_PIXELS is '{limit}': set it to a number of pixels")
    Pillow.MAX_IMAGE_PIXELS = int(limit)
    try:
        if not isinstance(file, str | Path):
            return load(file, name, int(limit), remarks)
        with open(file, "rb") as opened:
            return load(opened, name, int(limit), remarks)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file") from None
    except IsADirectoryError:
        raise InputError(f"{name}: is a folder; name a picture in it") from None
    except UnidentifiedImageError:
        raise InputError(f"{name}: {_unknown(file)}") from None
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        cure = "if you trust it, set JAXSTYLE_MAX_PIXELS higher"
        raise InputError(f"{name}: more than {limit} pixels; {cure}") from None
    except DAMAGE as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{name}: cannot be read as an image ({reason})") from None


def _unknown(file: str | Path | BinaryIO) -> str:
    """Return what to say of a file that is no image that Pillow knows."""
    if isinstance(file, str | Path) and Path(file).suffix.lower() in (".heic", ".heif"):
        return "HEIC is not read here: save it as JPEG, PNG or TIFF"
    return "not an image file that Pillow knows"


def _on_white(pixels: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    if alpha is None:
        return pixels
    weight = unit(alpha)[..., None]
    return pixels * weight + (1 - weight)


def to_bytes(image: ArrayLike) -> np.ndarray:
    """Return the image as uint8, rounded and clipped; what is uint8 already, as it is."""
    pixels = np.asarray(image)
    return pixels if pixels.dtype == np.uint8 else quantized(pixels, 8)


def quantized(pixels: ArrayLike, depth: int) -> np.ndarray:
    """Return numbers in [0, 1] as unsigned integers of 8 or 16 bits, rounded and clipped."""
    white = 2**depth - 1
    scaled = np.asarray(pixels, np.float32) * white + 0.5
    return np.clip(scaled, 0, white).astype(np.uint8 if depth == 8 else np.uint16)


def check_output(
    path: Path,
    suffixes: Iterable[str] = SUFFIXES,
    *,
    depth: int = 8,
    quality: int | None = None,
    side: int = 1,
) -> Path:
    """Return `path` if a file of that name can be written, before any work is done.

    `depth` and `quality` are those of `write`, `side` is the longer side in pixels, where it is known.
    """
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{path}: the name must end in one of {' '.join(suffixes)}")
    if path.suffix.lower() in FORMATS:
        check_encoding(path, depth, quality, side)
    if os.path.isdir(path):
        raise InputError(f"{path}: is a folder")
    return check_name(check_folder(path.parent) / path.name)


def check_name(path: Path) -> Path:
    """Return `path` if its name is not too long for what is written beside it."""
    try:
        os.lstat(path.with_name(f".{os.getpid()}-{path.name}.provenance.json"))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def printable(name: str | Path) -> str:
    """Return the name of a file as text: bytes that are none, escaped."""
    return os.fsencode(name).decode(errors="backslashreplace")


def is_deep(path: Path) -> bool:
    """Tell whether a file of that name can have 16 bits a channel."""
    return 16 in FORMATS[path.suffix.lower()].depths


def same_file(path: str | Path, other: str | Path) -> bool:
    """Tell whether two names are of one file, be it through links or spelling; it need not be there yet."""
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):  # one of them is not there
        return Path(path).resolve() == Path(other).resolve()


def check_folder(folder: Path) -> Path:
    """Return `folder` if files can be written in it."""
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: there is no such folder; make it first")
    try:
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to ({error.strerror})") from None


def check_new_folder(folder: Path) -> Path:
    """Return `folder` if it can be made, and files can be written in it; nothing is made."""
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not os.path.isdir(there):
        raise InputError(f"{folder}: {there} is a file, where a folder is to be; take another name")
    check_folder(there)
    return check_name(folder)


def replace(path: Path, save: Callable[[Path], object]) -> None:
    """Let `save` write a temporary neighbour of `path`, then put it in place, whole."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        save(temporary)
        temporary.replace(path)
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise InputError(f"{path}: cannot be written ({reason})") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write(
    path: str | Path,
    image: ArrayLike,
    settings: str = "",
    *,
    alpha: ArrayLike | None = None,
    depth: int = 8,
    quality: int | None = None,
    metadata: Metadata = NO_METADATA,
) -> None:
    """Write an image in sRGB by its suffix, with its transparency and metadata.

    `depth` is 8 or 16 bits a channel, 16 for PNG and TIFF; `quality` goes from 1 to 100, for JPEG, WebP
    and AVIF. Where a format has no transparency, it is laid on white. A PNG carries `settings` as the text
    chunk "jaxstyle". Raises `InputError` for what the format cannot have, and if the file cannot be written.
    """
    path = Path(path)
    if not np.size(image):
        raise InputError(f"{path}: the picture has no pixels")
    check_output(path, depth=depth, quality=quality, side=max(np.shape(image)[:2]))
    kind = FORMATS[path.suffix.lower()]
    if alpha is not None and not kind.transparency:
        image, alpha = _on_white(_floats(image), _floats(alpha)), None
    pixels = to_bytes(image) if depth == 8 else quantized(_floats(image), depth)
    if alpha is not None:
        pixels = np.concatenate([pixels, quantized(_floats(alpha), depth)[..., None]], axis=-1)
    options = {} if kind.quality is None else {"quality": quality or kind.quality}
    metadata = metadata._replace(settings=settings)
    replace(path, lambda temporary: kind.save(temporary, pixels, metadata, **options))


def _floats(image: ArrayLike) -> np.ndarray:
    return np.asarray(unit(np.asarray(image)), np.float32)


def check_frames(path: Path) -> None:
    """Refuse a place for frames that cannot be written, or a folder that holds anything but older frames."""
    if path.suffix:
        check_output(path, ANIMATED)
        return
    check_folder(path if os.path.exists(path) else check_name(path).parent)
    for file in sorted(path.glob("[!.]*")):
        if not _is_frame(file):
            raise InputError(
                f"{path}: holds {file.name}, which is no frame of an older run; name a new folder"
            )


def _is_frame(file: Path) -> bool:
    """Tell whether a file is one that `write_frames` wrote, by its name and its text."""
    if not re.fullmatch(r"\d{4,}\.png", file.name) or not file.is_file():
        return False
    try:
        with Pillow.open(file) as image:
            return image.info.get("jaxstyle") == FRAME
    except (OSError, SyntaxError, ValueError):
        return False


def write_frames(path: Path, frames: Iterable[np.ndarray]) -> None:
    """Write uint8 frames as an animated file, or as numbered PNGs into a folder, instead of older ones."""
    if path.suffix:
        first, *others = map(Pillow.fromarray, frames)
        rest = {"append_images": others, "save_all": True, "duration": 100, "loop": 0}
        replace(path, lambda temporary: first.save(temporary, **rest))
        return
    path.mkdir(exist_ok=True)
    older = {file for file in path.glob("[!.]*") if _is_frame(file)}
    for index, frame in enumerate(frames):
        write(file := path / f"{index:04d}.png", frame, FRAME)
        older.discard(file)
    for file in older:
        file.unlink()
