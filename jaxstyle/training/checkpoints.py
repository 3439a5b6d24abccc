"""Checkpoints: everything that the next step depends on, so that a killed run goes on as if nothing was.

    folder/checkpoints/<step>/      parameters, optimiser, position in the data, configuration (Orbax)

A checkpoint is complete or not there, whenever the run is killed. It does not depend on how many
devices or hosts wrote it: arrays are stored whole, by name, and the position in the data counts
batches. All randomness is in the seed of the configuration and that position.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from grain import DatasetIterator
from orbax.checkpoint import v1 as ocp

from jaxstyle.core import InputError
from jaxstyle.training.loop import State, replicated

KEEP = 2


class Checkpoints:
    """The checkpoints of one run, in `folder/checkpoints`; a context that waits for the last write."""

    def __init__(self, folder: Path, configuration: Mapping[str, Any]):
        self._folder, self.configuration = folder, dict(configuration)
        keep: Any = ocp.training.preservation_policies.LatestN(KEEP)
        place: Any = (folder / "checkpoints").absolute()
        try:
            place.mkdir(parents=True, exist_ok=True)
            self._files = ocp.training.Checkpointer(place, preservation_policy=keep)
        except OSError as error:
            raise InputError(f"{folder}: cannot be written to ({error.strerror or error})") from error

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_) -> None:
        self._files.close()

    def save(self, step: int, state: State, data: DatasetIterator) -> None:
        """Write a checkpoint, in the background."""
        arrays = _by_name(jax.tree.map(jnp.copy, state))  # training goes on in the buffers of `state`
        items = {"state": arrays, "data": data.get_state(), "configuration": self.configuration}
        try:
            self._files.save_checkpointables_async(step, items, force=True)
        except OSError as error:
            raise InputError(f"checkpoint {step} cannot be written ({error.strerror or error})") from error

    def restore(self, state: State, data: DatasetIterator) -> tuple[int, State]:
        """Return the latest step and its state, and move `data` there; step 0 and `state` if none is saved.

        Raises `InputError`, naming the differences, if it is of another configuration.
        """
        if self._files.latest is None:
            return 0, state
        step = self._files.latest.step
        stored = self._stored(step, {"data": None, "configuration": None})
        self._check(stored["configuration"])
        every = replicated()
        shapes = {
            name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=every)
            for name, leaf in _by_name(state).items()
        }
        arrays = self._stored(step, {"state": shapes})["state"]
        data.set_state(stored["data"])
        return step, jax.tree.unflatten(jax.tree.structure(state), [arrays[name] for name in _by_name(state)])

    def _stored(self, step: int, items: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._files.load_checkpointables(step, items)
        except Exception as error:  # a damaged file may break any step of Orbax's, in any way
            reason = str(error).strip().partition("\n")[0][:200]
            raise InputError(f"checkpoint {step} cannot be read ({reason}): remove its folder") from error

    def _check(self, found: Mapping[str, Any]) -> None:
        was, now = _flat(found), _flat(self.configuration)
        different = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
        said = [name for name in different if "sha256" not in name] or different
        if said:
            texts = [f"{name} {was.get(name)}, not {now.get(name)}" for name in said]
            cure = "go on with the same options and files, or take another output folder"
            raise InputError(f"{self._folder}: was begun with {'; '.join(texts)}: {cure}")


def _flat(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without dictionaries in it: of a file, its name as the value and its hash."""
    flat = {}
    for name, value in configuration.items():
        parts = value if isinstance(value, Mapping) else {"file": value}
        flat |= {name if part == "file" else f"{name} {part}": each for part, each in parts.items()}
    return flat


def _by_name(state: State) -> dict[str, jax.Array]:
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}
