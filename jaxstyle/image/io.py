"""Image files: any that Pillow reads becomes float32 sRGB `(h, w, 3)` in [0, 1].

Grey, palette, CMYK and 16-bit files are converted, transparency is laid on white, EXIF rotation is
applied, of an animation the first frame is taken; colour profiles are not applied. Files are written
whole or not at all: to a temporary neighbour first, then renamed.
"""

import os
import tempfile
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Shaped
from PIL import Image as Pillow
from PIL import ImageOps, PngImagePlugin, UnidentifiedImageError

from jaxstyle.core import Image, InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
ANIMATED = (".gif", ".webp", ".png")
DEEP = {"I;16": 65535, "I;16L": 65535, "I;16B": 65535, "I;16N": 65535, "I": 65535, "F": 1}


def read(path: str | Path) -> Image:
    """Read an image file as float32 sRGB in [0, 1], shape `(h, w, 3)`.

    Raises `InputError` for a file that is missing, not an image, truncated, or beyond Pillow's limit
    on pixels, which the environment variable JAXSTYLE_MAX_PIXELS replaces.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on damaged metadata
        pixels = decode(path, path)
    return jnp.asarray(np.float32(pixels) / 255 if pixels.dtype == np.uint8 else pixels)


def decode(file: str | Path | BinaryIO, name: object) -> Shaped[np.ndarray, "h w 3"]:
    """Do the same in any thread, on no device, from a path or an open file; errors call it `name`.

    What has eight bits a channel stays uint8, in 0..255.
    """
    limit = os.environ.get("JAXSTYLE_MAX_PIXELS", "89478485")
    if not limit.isdecimal():
        raise InputError(f"JAXSTYLE_MAX_PIXELS is '{limit}': set it to a number of pixels")
    Pillow.MAX_IMAGE_PIXELS = int(limit)
    try:
        with Pillow.open(file) as image:
            if image.width * image.height > int(limit):
                raise Pillow.DecompressionBombError
            return _pixels(ImageOps.exif_transpose(image))
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file") from None
    except UnidentifiedImageError:
        raise InputError(f"{name}: not an image file that Pillow knows") from None
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        cure = "if you trust it, set JAXSTYLE_MAX_PIXELS higher"
        raise InputError(f"{name}: more than {limit} pixels; {cure}") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        raise InputError(f"{name}: cannot be read as an image ({error})") from None


def _pixels(file: Pillow.Image) -> np.ndarray:
    if file.mode in DEEP:
        grey = np.asarray(file, np.float32) / DEEP[file.mode]
        return np.repeat(np.clip(np.nan_to_num(grey), 0, 1)[..., None], 3, axis=-1)
    if file.has_transparency_data:
        file = file.convert("RGBA")
        file = Pillow.alpha_composite(Pillow.new("RGBA", file.size, "white"), file)
    return np.asarray(file.convert("RGB"))


def to_bytes(image: ArrayLike) -> np.ndarray:
    """Return the image as uint8, rounded and clipped; what is uint8 already, as it is."""
    pixels = np.asarray(image)
    if pixels.dtype == np.uint8:
        return pixels
    return np.clip(pixels.astype(np.float32) * 255 + 0.5, 0, 255).astype(np.uint8)


def check_output(path: Path, suffixes: Iterable[str] = SUFFIXES) -> Path:
    """Return `path` if a file of that name can be written, before any work is done."""
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{path}: the name must end in one of {' '.join(suffixes)}")
    if path.is_dir():
        raise InputError(f"{path}: is a folder")
    return check_folder(path.parent) / path.name


def check_folder(folder: Path) -> Path:
    """Return `folder` if files can be written in it."""
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; make it first")
    try:
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to ({error.strerror})") from None


def replace(path: Path, save: Callable[[Path], object]) -> None:
    """Let `save` write a temporary neighbour of `path`, then put it in place, whole."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        save(temporary)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        temporary.unlink(missing_ok=True)


def write(path: str | Path, image: ArrayLike, settings: str = "") -> None:
    """Write an image by its suffix; a PNG carries `settings` as the text chunk "jaxstyle"."""
    path, text = Path(path), PngImagePlugin.PngInfo()
    text.add_text("jaxstyle", settings)
    extra = {".png": {"pnginfo": text}, ".jpg": {"quality": 95}, ".jpeg": {"quality": 95}}
    options = extra.get(path.suffix.lower(), {})
    replace(path, lambda temporary: Pillow.fromarray(to_bytes(image)).save(temporary, **options))


def write_frames(path: Path, frames: list[np.ndarray]) -> None:
    """Write uint8 frames as an animated file, or as numbered PNGs into a folder."""
    pictures = [Pillow.fromarray(frame) for frame in frames]
    if path.suffix:
        rest = {"append_images": pictures[1:], "save_all": True, "duration": 100, "loop": 0}
        replace(path, lambda temporary: pictures[0].save(temporary, **rest))
        return
    path.mkdir(exist_ok=True)
    for index, picture in enumerate(pictures):
        replace(path / f"{index:04d}.png", picture.save)
