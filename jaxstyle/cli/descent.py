"""Following a descent: progress bar, losses, frames, and Ctrl-C, which keeps the image so far."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jaxstyle.image import io
from jaxstyle.methods.descent import DivergedError, Snapshot


class Watched(NamedTuple):
    """What a descent left: its last snapshot, all losses, the frames asked for, and what stopped it early."""

    last: Snapshot
    history: dict[str, list[float]]
    frames: list[np.ndarray]
    stopped: BaseException | None
    seconds_to_first: float


def watch(snapshots: Iterator[Snapshot], steps: int, keep_frames: bool, history: dict) -> Watched:
    """Follow a descent with a progress bar, until it ends, diverges, or Ctrl-C; `history` goes on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    start = time.perf_counter()
    last = next(snapshots)  # what cannot work is said before there is a bar
    history = {name: [*values] for name, values in history.items()}
    stopped, compiled = None, 0.0
    frames = [io.to_bytes(last.image)] if keep_frames else []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("compiling", total=steps, completed=last.step)
        try:
            for last in snapshots:
                for name, values in last.history.items():
                    history.setdefault(name, []).extend(map(float, values))
                frames += [io.to_bytes(last.image)] if keep_frames else []
                if history:
                    compiled = compiled or time.perf_counter() - start
                    progress.update(task, completed=last.step, description=f"loss {history['loss'][-1]:.4g}")
        except (KeyboardInterrupt, DivergedError) as error:
            stopped = error
    return Watched(last, history, frames, stopped, compiled)
