#!/usr/bin/env bash
# LittleCMS by imagecodecs: colours of 16 bits to 16 bits are off by a twentieth, to float they are exact.
#
# imagecodecs 2026.3.6, Python 3.11, Linux x86-64. Random uint16 colours from Adobe RGB to sRGB, both made by
# imagecodecs.cms_profile, relative colorimetric. With outdtype="uint16" the result differs from the one with
# outdtype="float32" by up to 3,570 of 65,535, 14 levels of 255, and by 25 on average; the float result is that
# of the profiles' matrices and curves. Seen: without floats the pair of profiles is sampled to a coarse table.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "imagecodecs==2026.3.6" "numpy>=2"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import imagecodecs
import numpy as np

profiles = [imagecodecs.cms_profile(name) for name in ("adobergb", "srgb")]
colours = np.random.default_rng(0).integers(0, 65536, (64, 64, 3)).astype(np.uint16)
options = {"colorspace": "rgb", "outcolorspace": "rgb", "intent": 1}
whole, floats = (
    imagecodecs.cms_transform(colours, *profiles, outdtype=kind, **options) for kind in ("uint16", "float32")
)
error = np.abs(whole - 65535.0 * np.clip(floats, 0, 1))
print(f"uint16 beside float32: at most {error.max():.0f} of 65535, {error.mean():.1f} on average")

light = np.where(colours / 65535.0 >= 0, (colours / 65535.0) ** (563 / 256), 0)
wide = np.array([[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]])
narrow = np.array([[0.41239, 0.35758, 0.18048], [0.21264, 0.71517, 0.07219], [0.01933, 0.11919, 0.95053]])
linear = np.clip(light @ (np.linalg.inv(narrow) @ wide).T, 0, 1)
srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
exact = 65535 * np.abs(np.clip(floats, 0, 1) - srgb)
print(f"float32 beside the matrices: at most {exact.max():.0f} of 65535, {exact.mean():.1f} on average")
sys.exit(0 if error.max() > 1000 and exact.mean() < 60 else 1)
PYTHON
