"""Pictures of numbers and of pictures: curves of a history, grids of images."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxstyle.image import io


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
