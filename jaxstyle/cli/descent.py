"""Following a descent: progress bar, losses, frames; Ctrl-C and SIGTERM keep the image so far."""

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jaxstyle.core import Image
from jaxstyle.image import io
from jaxstyle.methods.descent import DivergedError, Snapshot


class Frames:
    """The pictures of a descent by their steps, lossless, in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def files(self) -> dict[int, Path]:
        """Return the files by step, in order."""
        every = self.folder.glob("*.png")
        return {int(file.stem): file for file in sorted(every) if re.fullmatch(r"\d{7}", file.stem)}

    def keep(self, step: int, image: Image) -> None:
        """Write the picture of a step."""
        io.write(self.folder / f"{step:07d}.png", image)

    def drop(self, after: int) -> None:
        """Remove the pictures of the steps after one."""
        for step, file in self.files().items():
            if step > after:
                file.unlink()

    def pictures(self) -> Iterator[np.ndarray]:
        """Return all pictures, one after another, as uint8."""
        return (io.decode(file, file) for file in self.files().values())


@contextmanager
def temporary_frames() -> Iterator[Frames]:
    """Keep frames for as long as they are looked at."""
    with tempfile.TemporaryDirectory() as folder:
        yield Frames(Path(folder))


class Watched(NamedTuple):
    """What a descent left: its last snapshot, all losses, and what stopped it early."""

    last: Snapshot
    history: dict[str, list[float]]
    stopped: BaseException | None
    seconds_to_first: float


def watch(snapshots: Iterator[Snapshot], steps: int, frames: Frames | None, history: dict) -> Watched:
    """Follow a descent with a progress bar, until it ends, diverges, or is stopped; `history` goes on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    start = time.perf_counter()
    last = next(snapshots)  # what cannot work is said before there is a bar
    history = {name: [*values] for name, values in history.items()}
    stopped, compiled = None, 0.0
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("compiling", total=steps, completed=last.step)
        try:
            if frames:
                frames.keep(last.step, last.image)
            for last in snapshots:
                for name, values in last.history.items():
                    history.setdefault(name, []).extend(map(float, values))
                if frames:
                    frames.keep(last.step, last.image)
                if history:
                    compiled = compiled or time.perf_counter() - start
                    progress.update(task, completed=last.step, description=f"loss {history['loss'][-1]:.4g}")
        except (KeyboardInterrupt, DivergedError) as error:
            stopped = error
    return Watched(last, history, stopped, compiled)
