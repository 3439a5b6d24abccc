"""Where a descent is, kept in a folder: a killed run goes on, by the same command, as if nothing had been.

    DIR/checkpoint.safetensors      the image, the optimiser's state, the losses so far, what they are of
    DIR/checkpoint.frames/          the pictures so far by their steps, if the run keeps frames

A file is complete or the one before it. It is written after a chunk of steps, as often as this takes at most
a tenth of the time. It holds the fingerprints of the method and of the pictures that it is given, first image
included, by which another run's is known, and one of all that it holds, by which a damaged one is.
"""

import sys
import time
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from jaxstyle.cli.sinks import Frames, Losses
from jaxstyle.core import InputError, Method, ResumeState, Snapshot
from jaxstyle.fingerprint import fingerprint
from jaxstyle.image import io

FILE, FRAMES = "checkpoint.safetensors", "checkpoint.frames"
SHARE = 0.1
LOSSES = "losses of "
FACTS = ("method", "pictures", "step", "snapshots")


class Checkpoint:
    """The checkpoint of one run: of a method, the pictures that it is given, and the losses so far."""

    def __init__(self, folder: Path, method: Method, arguments: tuple, losses: Losses):
        self.file, self.frames = folder / FILE, Frames(folder / FRAMES)
        self.identity = {"method": fingerprint(method), "pictures": fingerprint(arguments)}
        self.losses, self.spent, self.start = losses, 0.0, time.perf_counter()
        self.step = self.snapshots = 0  # the snapshots are those before the step

    def load(self, keep_frames: bool = False) -> ResumeState | None:
        """Return where the run was, if it was; raise `InputError` if the folder is another run's, or damaged.

        Of frames, those are kept that belong to the steps so far: they must all be there.
        """
        io.check_new_folder(self.file.parent)
        facts, arrays = self._read()
        other = [name for name, value in self.identity.items() if facts and facts[name] != value]
        if other:
            verb = "differ" if "pictures" in other else "differs"
            text = f"is of another run: its {' and '.join(other)} {verb}"
            raise InputError(f"{self.file}: {text}; take another folder")
        self.step, self.snapshots = (int(facts.get(name, 0)) for name in ("step", "snapshots"))
        if keep_frames:
            self._go_on_with_frames()
        if not facts:
            return None
        losses = {name: array for name, array in arrays.items() if name.startswith(LOSSES)}
        self.losses.by_name = {name.removeprefix(LOSSES): array.tolist() for name, array in losses.items()}
        print(f"{self.file}: going on after step {self.step}", file=sys.stderr)
        return ResumeState(self.step, [array for name, array in arrays.items() if name not in losses])

    def _read(self) -> tuple[dict[str, str], dict[str, np.ndarray]]:
        """Return what the file says and holds: nothing if there is none."""
        try:
            if not self.file.exists():
                return {}, {}
            with safe_open(self.file, "numpy") as file:
                facts = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
        except (OSError, SafetensorError, AttributeError) as error:  # NumPy has not all types
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{self.file}: no checkpoint that can be read ({reason})") from None
        if facts.get("fingerprint") != _fingerprint(facts, arrays):
            raise InputError(f"{self.file}: damaged, or no checkpoint of this version; take another folder")
        return facts, arrays

    def _go_on_with_frames(self) -> None:
        io.check_new_folder(self.frames.folder)
        try:
            self.frames.drop(after=self.step - (not self.snapshots))
        except OSError as error:
            raise InputError(f"{self.frames.folder}: cannot be written to ({error.strerror})") from None
        missing = self.snapshots - sum(step < self.step for step in self.frames.files())
        if missing:
            text = f"{missing} frames of the {self.step} steps so far are missing"
            raise InputError(f"{self.frames.folder}: {text}; leave out --frames, or take another folder")

    def save(self, snapshot: Snapshot) -> None:
        """Write where a descent is."""
        leaves = [np.asarray(leaf) for leaf in (snapshot.state.leaves if snapshot.state else ())]
        tensors = {f"{index:03d}": leaf for index, leaf in enumerate(leaves)}
        tensors |= {LOSSES + name: np.asarray(values) for name, values in self.losses.by_name.items()}
        tensors = {name: np.asarray(array, order="C") for name, array in tensors.items()}
        facts = self.identity | {"step": str(snapshot.step), "snapshots": str(self.snapshots)}
        facts["fingerprint"] = _fingerprint(facts, tensors)

        def write(path: Path) -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                save_file(tensors, path, metadata=facts)
            except SafetensorError as error:
                raise InputError(f"{self.file}: cannot be written ({error})") from None

        io.replace(self.file, write)

    def __call__(self, snapshot: Snapshot) -> None:
        """Keep where a run is, as often as that takes little of its time."""
        now = time.perf_counter()
        if snapshot.losses and self.spent <= SHARE * (now - self.start):
            self.save(snapshot)
            self.spent += time.perf_counter() - now
        self.snapshots += 1


def _fingerprint(facts: dict[str, str], tensors: dict[str, np.ndarray]) -> str:
    return fingerprint([[facts.get(name) for name in FACTS], tensors])
