"""Read the tensors of a PyTorch checkpoint, without PyTorch and without running its pickle.

A checkpoint is a pickle in which a tensor is a call `_rebuild_tensor_v2(storage, offset, size,
stride, ...)` and a storage a persistent id `("storage", type, key, device, count)`; the numbers
lie outside the pickle. Two layouts are in use:

    zip     PyTorch >= 1.6: members, never compressed, `<top>/data.pkl`, `<top>/data/<key>` for
            every storage, `<top>/byteorder`
    legacy  five pickles one after another (magic number, protocol 1001, facts about the machine,
            the checkpoint, the list of storage keys), then for every key the element count in 8
            bytes and the elements, little-endian on any machine

The pickle is interpreted by `pickles.py`: a global is only a name on a short list, a call only makes
a record of ours, the rest is refused.

Conventions: nested names are joined by "."; a lone wrapper, as in `{"state_dict": {...}, "epoch":
3}`, is dropped; lists, and a lone tensor, count from 0; what is not a tensor is left out. Arrays
are C-contiguous copies in native byte order; bfloat16 is widened to float32. Complex, quantised
and sparse tensors are refused, and so are those of `_rebuild_tensor_v3` (uint16, float8).
"""

import io
import math
import os
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxstyle.core import InputError
from jaxstyle.weights.pickles import MAX_AXES, MAX_COUNT, Dialect, fill, interpret, prefixed_errors, walk

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001

# Storage type: element type in the file, element type that it is read into.
_DTYPES = {
    "torch.DoubleStorage": ("f8", "f8"),
    "torch.FloatStorage": ("f4", "f4"),
    "torch.HalfStorage": ("f2", "f2"),
    "torch.BFloat16Storage": ("u2", "u4"),  # the upper half of a float32
    "torch.LongStorage": ("i8", "i8"),
    "torch.IntStorage": ("i4", "i4"),
    "torch.ShortStorage": ("i2", "i2"),
    "torch.CharStorage": ("i1", "i1"),
    "torch.ByteStorage": ("u1", "u1"),
    "torch.BoolStorage": ("u1", "?"),  # read as numbers: any byte but 0 is true
}
_CALLS = {f"torch._utils._rebuild_{kind}" for kind in ("tensor", "tensor_v2", "parameter")}


@dataclass(frozen=True, eq=False)
class _Storage:
    kind: str
    key: str
    count: int
    itemsize: int


@dataclass(frozen=True, eq=False)
class _Tensor:
    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Checkpoint(Dialect):
    """The pickles of one checkpoint; `storages` are those that they referred to, by key."""

    kind, content = "PyTorch file", "plain tensors"
    permitted = frozenset({"collections.OrderedDict", *_CALLS, *_DTYPES})

    def __init__(self):
        self.storages: dict[str, _Storage] = {}

    def call(self, function: Any, arguments: Any) -> Any:
        match function, arguments:
            case "collections.OrderedDict", ():
                return {}
            case "collections.OrderedDict", (list(pairs),):  # written by Python 2
                content = fill({}, pairs)
                pairs.clear()  # no checkpoint has a second use for it, but a bomb has thousands
                return content
            case "torch._utils._rebuild_tensor", (_Storage(), _, _, _):
                return _tensor(*arguments)
            case "torch._utils._rebuild_tensor_v2", (_Storage(), _, _, _, _, _):
                return _tensor(*arguments[:4])
            case "torch._utils._rebuild_parameter", (tensor, _, _):
                return tensor
        raise InputError("describes a tensor in a way that is not understood")

    def refer(self, identity: Any) -> _Storage:
        match identity:  # in the legacy layout its last item is None, or a part of another storage
            case ("storage", str(kind), str(key), _, int(count), *part) if part in ([], [None]):
                if kind in _DTYPES:
                    itemsize = np.dtype(_DTYPES[kind][0]).itemsize
                    self.storages[key] = _Storage(kind, key, count, itemsize)
                    return self.storages[key]
        raise InputError("refers to something else than a plain storage")


def read(path: str | os.PathLike[str], name: object = None) -> dict[str, np.ndarray]:
    """Read every tensor of a checkpoint into a flat dictionary of arrays.

    Raises InputError, one line that names the file, by `name` if there is one, if it is missing or
    damaged, is not a checkpoint of plain tensors, or asks for anything else to be built or run.
    """
    with prefixed_errors(name or path, _Checkpoint):
        return _read(Path(path))


def _read(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise InputError("is missing or not a file")
    with path.open("rb") as file:
        layout = _open_zip if file.read(4) == b"PK\x03\x04" else _open_legacy
    root, storages, order = layout(path)
    # Tied weights repeat what is in the file; only a bomb has more elements than twice the bytes.
    tensors = _tensors(root, allowance=2 * path.stat().st_size + 2**20)
    return {name: _array(t, storages[t.storage.key], order) for name, t in tensors.items()}


def _open_zip(path: Path) -> tuple[Any, Mapping[str, bytes], str]:
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        top = next((name[:-8] for name in members if name.endswith("/data.pkl")), "")
        if not top:
            raise InputError("is a zip archive without data.pkl, so not a PyTorch file")
        if f"{top}constants.pkl" in members:
            raise InputError("is a TorchScript program: only plain tensors are read")
        if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()):
            raise InputError("has compressed members, which PyTorch does not write")
        if sum(info.file_size for info in members.values()) > path.stat().st_size:
            raise InputError("has members that overlap or reach past the end of the file")
        order = archive.read(f"{top}byteorder") if f"{top}byteorder" in members else b"little"
        root = interpret(io.BytesIO(archive.read(f"{top}data.pkl")), _Checkpoint())
        data = f"{top}data/"
        storages = {n.removeprefix(data): archive.read(n) for n in members if n.startswith(data)}
    return root, storages, {b"little": "<", b"big": ">"}[order]


def _open_legacy(path: Path) -> tuple[Any, Mapping[str, memoryview], str]:
    data = path.read_bytes()
    stream, dialect = io.BytesIO(data), _Checkpoint()
    if interpret(stream, dialect) != _MAGIC or interpret(stream, dialect) != _PROTOCOL:
        raise InputError("is not a PyTorch file")
    _, root, keys = (interpret(stream, dialect) for _ in range(3))
    storages, at = {}, stream.tell()
    for storage in [dialect.storages[key] for key in keys if isinstance(key, str)]:
        if struct.unpack_from("<q", data, at) != (storage.count,):
            raise InputError("is damaged: a storage has another size than its tensors expect")
        start, at = at + 8, at + 8 + storage.count * storage.itemsize
        storages[storage.key] = memoryview(data)[start:at]
    return root, storages, "<"


def _tensor(storage: _Storage, offset: Any, size: Any, stride: Any) -> _Tensor:
    """Describe a tensor that is wholly inside its storage."""
    sane = len(size) == len(stride) <= MAX_AXES
    sane = sane and all(0 <= length < MAX_COUNT for length in (offset, *size, *stride))
    end = sane and 1 + offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if not sane or (0 not in size and end > storage.count):
        raise InputError("has a tensor that reaches outside its storage")
    return _Tensor(storage, offset, tuple(size), tuple(stride))  # lists could still change


def _tensors(root: Any, allowance: int) -> dict[str, _Tensor]:
    """Name the tensors below `root`; its elements are at most `allowance`, and so are letters."""
    found = []
    for path, node in walk([root] if isinstance(root, _Tensor) else root, allowance):
        if isinstance(node, _Tensor):
            found.append((path, node))
            allowance -= math.prod(node.size)
        if allowance < 0:
            raise InputError("unfolds to far more than it holds")
    wrapped = all(len(path) > 1 and path[0] == found[0][0][0] for path, _ in found)
    named = {".".join(path[1:] if wrapped else path): tensor for path, tensor in found}
    if len(named) < len(found):
        raise InputError("gives two tensors the same name")
    return named


def _array(tensor: _Tensor, data: bytes | memoryview, order: str) -> np.ndarray:
    stored, dtype = _DTYPES[tensor.storage.kind]
    width = tensor.storage.itemsize
    if len(data) != tensor.storage.count * width:
        raise InputError("is damaged: a storage has another size than its tensors expect")
    strides = [step * width for step in tensor.stride]
    view = np.ndarray(tensor.size, order + stored, data, tensor.offset * width, strides)
    array = np.array(view, dtype, order="C")
    if tensor.storage.kind == "torch.BFloat16Storage":
        array <<= 16
        return array.view(np.float32)
    return array
