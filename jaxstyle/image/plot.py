"""Pictures of numbers and of pictures: curves of a history, grids of images, with labels or without."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from jaxstyle.image import io

GAP = 8  # pixels between labelled pictures


def curves(path: Path, history: Mapping[str, Sequence[float]]) -> None:
    """Draw the loss and its terms, step by step, on a logarithmic scale."""
    from matplotlib.figure import Figure

    figure = Figure((8, 5), layout="constrained")
    axes = figure.subplots()
    for name, values in history.items():
        if any(values):
            axes.plot(range(1, len(values) + 1), values, label=name)
    axes.set(xlabel="step", ylabel="weighted loss", yscale="log")
    axes.legend()
    io.replace(path, figure.savefig)


def grid(path: Path, rows: Sequence[Sequence[ArrayLike]]) -> None:
    """Write images of one size as rows and columns."""
    io.write(path, jnp.concatenate([jnp.concatenate(list(row), axis=1) for row in rows]))


def sheet(images: Sequence[ArrayLike], labels: Sequence[str], columns: int) -> np.ndarray:
    """Return images of any sizes, each over its label, row by row, as one image in [0, 1].

    Columns are as wide as the widest image or label.
    """
    pictures = [Pillow.fromarray(io.to_bytes(image)) for image in images]
    width = max(picture.width for picture in pictures)
    font = ImageFont.load_default(size=max(11, width // 20))
    width = max(width, *(math.ceil(font.getlength(label)) for label in labels))
    columns = min(columns, len(pictures))
    line = round(1.5 * font.getbbox("Mg")[3])
    pairs = list(zip(pictures, labels, strict=True))
    rows = [pairs[start : start + columns] for start in range(0, len(pairs), columns)]
    heights = [max(picture.height for picture, _ in row) for row in rows]
    size = columns * (width + GAP) + GAP, sum(heights) + len(rows) * (line + GAP) + GAP
    page = Pillow.new("RGB", size, "white")
    ink, top = ImageDraw.Draw(page), GAP
    for row, height in zip(rows, heights, strict=True):
        for column, (picture, label) in enumerate(row):
            left = GAP + column * (width + GAP)
            page.paste(picture, (left, top))
            ink.text((left, top + height + line // 6), label, "black", font)
        top += height + line + GAP
    return np.asarray(page, np.float32) / 255
