"""The range of samples: which value is white, and what is said, or refused, where it cannot be known.

Samples of n bits are divided by 2^n - 1, whatever part of their range they use: whether a file of 16 bits
holds 12 or a dark photograph cannot be known, so it is said, and nothing is rescaled. (A TIFF can state the
brightest sample in MaxSampleValue and SMaxSampleValue; programs write the maximum of the picture there.)
Floats are in [0, 1]; those of another range, and integers beyond 16 bits, are refused.
"""

import numpy as np
from jaxtyping import Shaped

from jaxstyle.core import InputError

BRIGHTEST_FLOAT, DARKEST_FLOAT = 1.5, -0.5  # sharpening and wide gamuts go a little beyond [0, 1]


def unit(samples: np.ndarray) -> np.ndarray:
    """Return samples as float32 in [0, 1], of uint8 in 0..255 or such floats."""
    return samples.astype(np.float32) / 255 if samples.dtype == np.uint8 else samples


def in_range(values: Shaped[np.ndarray, "..."], bits: int, name: object, remarks: list[str]) -> np.ndarray:
    """Return samples of more than 8 bits as float32 in [0, 1].

    Raises `InputError` where it is not known which value is white.
    """
    if values.dtype.kind == "f":
        return _floats_in_range(values, name, remarks)
    low, high = int(np.real(values).min()), int(np.real(values).max())
    if low < 0 or high > 65535 or values.dtype.kind not in "iu":
        cure = "which of them is white is not known; save it with 8 or 16 bits a channel"
        raise InputError(f"{name}: holds {values.dtype} from {low} to {high}: {cure}")
    if bits > 16 or values.dtype.kind == "i":
        remarks.append("integers that are not of 8 or 16 bits: read as 16, so that 65535 is white")
    white = 2 ** min(bits, 16) - 1
    if 0 < high <= white // 4:
        held = max(high.bit_length(), 8)
        cure = f"if it holds {held} bits, multiply it by {(white + 1) >> held}"
        remarks.append(f"its brightest sample is {high} of {white}, and it is read as that dark: {cure}")
    return values.astype(np.float32) / white


def _floats_in_range(values: np.ndarray, name: object, remarks: list[str]) -> np.ndarray:
    finite = np.isfinite(values)
    if not finite.any():
        raise InputError(f"{name}: none of its samples is a number")
    if lost := int(np.sum(~finite)):
        remarks.append(f"{lost} of its samples are not numbers or infinite: they are 0 or 1 now")
    values = np.nan_to_num(values.astype(np.float32), nan=0, posinf=1, neginf=0)
    low, high = float(values.min()), float(values.max())
    if low < DARKEST_FLOAT or high > BRIGHTEST_FLOAT:
        cure = "white is 1; divide it by its white, or save it with 8 or 16 bits a channel"
        raise InputError(f"{name}: holds floating-point numbers from {low:g} to {high:g}: {cure}")
    if low < 0 or high > 1:
        remarks.append(f"floating-point numbers from {low:g} to {high:g}: clipped to 0 and 1")
    return np.clip(values, 0, 1)
