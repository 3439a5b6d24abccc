"""Colour profiles: the samples of a file become sRGB, by the ICC profile that it embeds.

    samples --profile--> CIE XYZ or L*a*b* (D50) --sRGB--> IEC 61966-2-1, D65

LittleCMS converts in floating point, relative colorimetric with black point compensation: white stays
white, black stays black, and colours that sRGB has come through as they are; the others are clipped. It
is what photographers' programs do by default, and of profiles made of a matrix and curves (Adobe RGB,
Display P3, ProPhoto) the intents are one. LittleCMS is that of imagecodecs: Pillow's takes eight bits.

A profile is sRGB if it leaves a grid of colours as they are, to within one level of 255, whatever it is
called: the pixels of such a file are not touched.

A PNG without a profile may state its gamma and primaries in gAMA and cHRM (PNG specification, 11.3.2).
The gamma of 1/2.2 stands for sRGB there, as the specification has it and as browsers read it.
"""

import functools
from typing import Any

import imagecodecs
import numpy as np
from jaxtyping import Float, Shaped
from PIL import ImageCms

HEADER = 128  # bytes
RELATIVE_COLORIMETRIC = 1
BLACK_POINT_COMPENSATION = 0x2000
CHANNELS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
SRGB_GAMMA = 0.45455
SRGB_CHROMATICITY = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
PUBLISHED = bytes.fromhex("07d0 0001 0001 0000 0000 0000")  # a date, for results that are the same every day


@functools.cache
def srgb() -> bytes:
    """Return the sRGB profile that results carry."""
    profile = imagecodecs.cms_profile("srgb")
    return profile[:24] + PUBLISHED + profile[36:]


def to_srgb(pixels: Shaped[np.ndarray, "h w c"], profile: bytes) -> Float[np.ndarray, "h w 3"]:
    """Return sRGB in [0, 1] of samples in a profile's space.

    Grey and RGB have three channels (those of grey are equal), CMYK has four, of ink: uint8, or floats in
    [0, 1]. Raises `ValueError` if the profile is damaged or of another space.
    """
    space = profile[16:20]
    if space == b"GRAY" and np.array_equal(pixels[..., :2], pixels[..., 1:]):
        pixels = pixels[..., :1]
    if len(profile) >= HEADER and pixels.shape[-1] != CHANNELS.get(space):
        raise ValueError("is of another kind of colours than the file")
    if space == b"CMYK" and pixels.dtype != np.uint8:  # floats are percentages to LittleCMS
        pixels = (pixels * 65535 + 0.5).astype(np.uint16)
    return _transform(pixels, profile, space.decode("latin-1").strip().lower())


def lab_to_srgb(pixels: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 3"]:
    """Return sRGB in [0, 1] of CIE L*a*b* relative to D50, as TIFF files hold it."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    return _transform(pixels.astype(np.float32), lab, "lab")


def _transform(pixels: np.ndarray, profile: bytes, space: str) -> np.ndarray:
    try:
        converted = imagecodecs.cms_transform(
            np.ascontiguousarray(pixels[..., 0] if space == "gray" else pixels),
            profile,
            srgb(),
            colorspace=space,
            outcolorspace="rgb",
            outdtype="float32",  # from 16 bits to 16 LittleCMS goes through a coarse table
            intent=RELATIVE_COLORIMETRIC,
            flags=BLACK_POINT_COMPENSATION,
        )
    except (ValueError, imagecodecs.CmsError):
        raise ValueError("is damaged") from None
    if not np.isfinite(converted).all():
        raise ValueError("is damaged")
    return np.clip(converted, 0, 1)


@functools.lru_cache(maxsize=64)
def is_srgb(profile: bytes) -> bool:
    """Tell whether a profile is that of sRGB, or of grey with the tone curve of sRGB."""
    steps = np.linspace(0, 1, 9, dtype=np.float32)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    if profile[16:20] == b"GRAY":
        grid = np.broadcast_to(np.linspace(0, 1, 256, dtype=np.float32)[:, None, None], (256, 1, 3))
    try:
        return bool(np.abs(to_srgb(grid, profile) - grid).max() < 1 / 255)
    except ValueError:
        return False


def of_png(info: dict[Any, Any]) -> bytes:
    """Return the profile that the chunks of a PNG amount to, without iCCP; b"" for sRGB."""
    if "srgb" in info or not info.keys() & {"gamma", "chromaticity"}:
        return b""
    gamma, primaries = info.get("gamma", SRGB_GAMMA), info.get("chromaticity", SRGB_CHROMATICITY)
    tone: dict[str, Any] = {"gamma": 1 / gamma} if gamma > 0 else {}
    if abs(gamma - SRGB_GAMMA) < 0.005 or not tone:
        tone = {"transferfunction": _srgb_curve(np.linspace(0, 1, 4096)).astype(np.float32)}
    try:
        return imagecodecs.cms_profile(
            "rgb", whitepoint=list(primaries[:2]), primaries=list(primaries[2:]), **tone
        )
    except (ValueError, imagecodecs.CmsError):  # of primaries that span no colours
        return b""


def _srgb_curve(values: np.ndarray) -> np.ndarray:
    """Return the linear light of sRGB values, as `color.to_linear` does on a device."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
