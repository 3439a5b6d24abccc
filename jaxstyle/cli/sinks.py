"""What reads the snapshots of a run: progress bar, losses, frames. What stops it keeps the image so far."""

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jaxstyle.core import Snapshot
from jaxstyle.image import io
from jaxstyle.methods.descent import DivergedError


class Frames:
    """The pictures of a descent by their steps, lossless, in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def files(self) -> dict[int, Path]:
        """Return the files by step, in order."""
        every = self.folder.glob("*.png")
        return {int(file.stem): file for file in sorted(every) if re.fullmatch(r"\d{7}", file.stem)}

    def __call__(self, snapshot: Snapshot) -> None:
        """Write the picture of a step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        io.write(self.folder / f"{snapshot.step:07d}.png", snapshot.image)

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


class Losses:
    """The losses of all steps by name, and the seconds to the first of them, compiling included."""

    def __init__(self):
        self.start, self.seconds_to_first = time.perf_counter(), 0.0
        self.by_name: dict[str, list[float]] = {}

    def __call__(self, snapshot: Snapshot) -> None:
        for name, values in snapshot.losses.items():
            self.by_name.setdefault(name, []).extend(map(float, values))
        if snapshot.losses and not self.seconds_to_first:
            self.seconds_to_first = time.perf_counter() - self.start


class Bar:
    """The progress of a run of several steps, or of one run after another."""

    def __init__(self, runs: int = 1):
        self.runs, self.done = runs, 0

    def __enter__(self) -> "Bar":
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=Console(stderr=True), redirect_stdout=False)
        return self

    def __exit__(self, *_: object) -> None:
        if self.progress.tasks:
            self.progress.stop()

    def __call__(self, snapshot: Snapshot) -> None:
        many = self.runs > 1
        if snapshot.steps == 1 and not many:
            return
        if not self.progress.tasks:
            self.progress.start()
            self.progress.add_task("compiling", total=self.runs if many else snapshot.steps)
        done = self.done + snapshot.step / snapshot.steps if many else snapshot.step
        text = f"loss {float(snapshot.losses['loss'][-1]):.4g}" if snapshot.losses else None
        self.progress.update(self.progress.task_ids[0], completed=done, description=text)

    def next(self) -> None:
        """Show that a run is over, be it made or not."""
        self.done += 1
        for task in self.progress.task_ids:
            self.progress.update(task, completed=self.done, description="photographs")


def follow(snapshots: Iterator[Snapshot], sinks: list[Callable[[Snapshot], None]]) -> tuple[Snapshot, Any]:
    """Give each snapshot to all sinks; return the last, and what stopped the run early, if anything did."""
    last = next(snapshots)  # what cannot work is said before there is a bar
    try:
        for sink in sinks:
            sink(last)
        for snapshot in snapshots:
            last = snapshot
            for sink in sinks:
                sink(snapshot)
    except (KeyboardInterrupt, DivergedError) as stopped:
        return last, stopped
    return last, None
