"""Where a descent is, kept in a folder: a killed run goes on, by the same command, as if nothing had been.

    DIR/checkpoint.safetensors      the image, the solver's state and the losses so far, and what they are of

A file is complete or the one before it. It is written after a chunk of steps, as often as this takes at most
a tenth of the time.
"""

import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from jaxstyle.core import InputError, Method
from jaxstyle.image import io
from jaxstyle.methods.descent import Point, Snapshot

SHARE = 0.1
LOSSES = "losses of "


class Checkpoint:
    """The checkpoint of one run: of a method and the pictures that it is given."""

    def __init__(self, folder: Path, method: Method, given: tuple):
        self.file = folder / "checkpoint.safetensors"
        digests = [hashlib.sha256(np.asarray(x).tobytes()).hexdigest() for x in jax.tree.leaves(given)]
        self.configuration = {"method": repr(method), "pictures": " ".join(digests)}
        self.history: dict[str, list[float]] = {}

    def load(self) -> Point | None:
        """Return where the run was, if it was; raise `InputError` if the folder is another run's."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            if not self.file.exists():
                return None
            with safe_open(self.file, "numpy") as file:
                known = file.metadata() or {}
                step = int(known.get("step", 0))
                arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
        except (OSError, SafetensorError, ValueError) as error:
            raise InputError(f"{self.file}: no checkpoint that can be read ({error})") from None
        for name, value in self.configuration.items():
            if known.get(name) != value:
                raise InputError(f"{self.file}: is of another run: its {name} differ; take another folder")
        losses = {name: array for name, array in arrays.items() if name.startswith(LOSSES)}
        self.history = {name.removeprefix(LOSSES): array.tolist() for name, array in losses.items()}
        print(f"{self.file}: going on after step {step}", file=sys.stderr)
        return Point(step, [array for name, array in arrays.items() if name not in losses])

    def save(self, snapshot: Snapshot) -> None:
        """Write where a descent is."""
        leaves = [np.asarray(leaf) for leaf in snapshot.point.leaves]
        tensors = {f"{index:03d}": leaf for index, leaf in enumerate(leaves)}
        tensors |= {LOSSES + name: np.asarray(values) for name, values in self.history.items()}
        facts = self.configuration | {"step": str(snapshot.step)}
        io.replace(self.file, lambda path: save_file(tensors, path, metadata=facts))

    def follow(self, snapshots: Iterator[Snapshot]) -> Iterator[Snapshot]:
        """Pass a descent's snapshots on, and keep where it is."""
        spent, start = 0.0, time.perf_counter()
        for snapshot in snapshots:
            for name, values in snapshot.history.items():
                self.history.setdefault(name, []).extend(map(float, values))
            now = time.perf_counter()
            if snapshot.history and spent <= SHARE * (now - start):
                self.save(snapshot)
                spent += time.perf_counter() - now
            yield snapshot
