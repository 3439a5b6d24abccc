"""Read the tensors of a PyTorch checkpoint, without PyTorch and without running its pickle.

A checkpoint is a pickle in which a tensor is a call `_rebuild_tensor_v2(storage, offset, size,
stride, ...)` and a storage a persistent id `("storage", type, key, device, count)`; the numbers
lie outside the pickle. Two layouts are in use:

    zip     PyTorch >= 1.6: members, never compressed, `<top>/data.pkl`, `<top>/data/<key>` for
            every storage, `<top>/byteorder`
    legacy  five pickles one after another (magic number, protocol 1001, facts about the machine,
            the checkpoint, the list of storage keys), then for every key the element count in 8
            bytes and the elements, little-endian on any machine

Unpickling a stranger's file runs what it asks for. To forbid classes is not enough: a dict key of
deeply nested tuples still crashes `pickle.Unpickler`, one of shared tuples hangs it. So the few
instructions that PyTorch writes are interpreted here: a global is only a name on a short list, a
call only makes a record of ours, the rest is refused, and what is built is bounded by what is read.

Conventions: nested names are joined by "."; a lone wrapper, as in `{"state_dict": {...}, "epoch":
3}`, is dropped; lists, and a lone tensor, count from 0; what is not a tensor is left out. Arrays
are C-contiguous copies in native byte order; bfloat16 is widened to float32. Complex, quantised
and sparse tensors are refused, and so are those of `_rebuild_tensor_v3` (uint16, float8).
"""

import io
import math
import os
import pickletools
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jaxstyle.core import InputError

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_MOST_STEPS = 300_000  # pickle instructions, about 35 a tensor; and nodes of the checkpoint
_MOST_COUNT, _MOST_AXES, _MOST_LEVELS = 2**40, 32, 100

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
_PERMITTED = {"collections.OrderedDict", *_CALLS, *_DTYPES}

# Instructions that take items from the stack (0: all above the mark), that push a value of their
# own, and the beginnings of those that push their argument.
_TAKES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "TUPLE": 0, "APPEND": 1, "APPENDS": 0, "STOP": 1}
_TAKES |= {"SETITEM": 2, "SETITEMS": 0, "STACK_GLOBAL": 2, "REDUCE": 2, "BUILD": 1, "BINPERSID": 1}
_VALUES = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES |= {"EMPTY_TUPLE": (), "EMPTY_LIST": [], "EMPTY_DICT": {}}
_LITERALS = ("BININT", "LONG", "BINFLOAT", "BINSTRING", "BINBYTES", "BINUNICODE", "SHORT_BIN")


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


def read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read every tensor of a checkpoint into a flat dictionary of arrays.

    Raises InputError, one line that names the file, if it is missing or damaged, is not a
    checkpoint of plain tensors, or asks for anything else to be built or run.
    """
    try:
        return _read(Path(path))
    except InputError as error:
        raise InputError(f"{path} {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged file may break any step, in any way
        kind = type(error).__name__
        raise InputError(f"{path} is damaged or not a PyTorch file ({kind})") from error


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
        root = _interpret(io.BytesIO(archive.read(f"{top}data.pkl")), {})
        data = f"{top}data/"
        storages = {n.removeprefix(data): archive.read(n) for n in members if n.startswith(data)}
    return root, storages, {b"little": "<", b"big": ">"}[order]


def _open_legacy(path: Path) -> tuple[Any, Mapping[str, memoryview], str]:
    data = path.read_bytes()
    stream, known = io.BytesIO(data), {}
    if _interpret(stream, known) != _MAGIC or _interpret(stream, known) != _PROTOCOL:
        raise InputError("is not a PyTorch file")
    _, root, keys = (_interpret(stream, known) for _ in range(3))
    storages, at = {}, stream.tell()
    for storage in [known[key] for key in keys if isinstance(key, str)]:
        if struct.unpack_from("<q", data, at) != (storage.count,):
            raise InputError("is damaged: a storage has another size than its tensors expect")
        start, at = at + 8, at + 8 + storage.count * storage.itemsize
        storages[storage.key] = memoryview(data)[start:at]
    return root, storages, "<"


def _interpret(stream: BinaryIO, known: dict[str, _Storage]) -> Any:
    """Return what the pickle at the head of `stream` describes; note its storages in `known`."""
    stack, marks, memo = [], [], {}
    for step, (opcode, value, _) in enumerate(pickletools.genops(stream)):
        if step >= _MOST_STEPS:
            raise InputError("describes far more objects than a network has")
        name, items = opcode.name, []
        if name in _TAKES:
            at = len(stack) - _TAKES[name] if _TAKES[name] else marks.pop()
            items, stack[at:] = stack[at:], []
        match name:
            case "PROTO" | "FRAME" | "BUILD":  # BUILD sets attributes, such as `_metadata`
                pass
            case "STOP":
                return items[0]
            case "MARK":
                marks.append(len(stack))
            case "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(items))
            case "APPEND" | "APPENDS":
                stack[-1].extend(items)
            case "SETITEM" | "SETITEMS":
                _fill(stack[-1], zip(items[::2], items[1::2], strict=True))
            case "MEMOIZE" | "BINPUT" | "LONG_BINPUT":
                memo[len(memo) if value is None else value] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[value])
            case "GLOBAL" | "STACK_GLOBAL":
                stack.append(_global(value.replace(" ", ".", 1) if value else ".".join(items)))
            case "REDUCE":
                stack.append(_call(*items))
            case "BINPERSID":
                stack.append(_storage(*items))
                known[stack[-1].key] = stack[-1]
            case _ if name in _VALUES:
                stack.append(copy(_VALUES[name]))
            case _ if name.startswith(_LITERALS):
                stack.append(value)
            case _:
                raise InputError(f"is damaged or not a PyTorch file (instruction {name})")


def _global(name: str) -> str:
    if name not in _PERMITTED:
        raise InputError(f"asks for {name!a:.80}: only plain tensors are read")
    return name


def _fill(target: dict[Any, Any], pairs: Iterable[Any]) -> dict[Any, Any]:
    """Set the pairs, but hash no tuple and no huge number: that crashes Python, or takes hours."""
    for key, value in pairs:
        if not isinstance(key, str) and not (isinstance(key, int) and abs(key) < _MOST_COUNT):
            raise InputError("has a name that is neither text nor a small number")
        target[key] = value
    return target


def _call(function: Any, arguments: Any) -> Any:
    match function, arguments:
        case "collections.OrderedDict", ():
            return {}
        case "collections.OrderedDict", (list(pairs),):  # written by Python 2
            content = _fill({}, pairs)
            pairs.clear()  # no checkpoint has a second use for it, but a bomb has thousands
            return content
        case "torch._utils._rebuild_tensor", (_Storage(), _, _, _):
            return _tensor(*arguments)
        case "torch._utils._rebuild_tensor_v2", (_Storage(), _, _, _, _, _):
            return _tensor(*arguments[:4])
        case "torch._utils._rebuild_parameter", (tensor, _, _):
            return tensor
    raise InputError("describes a tensor in a way that is not understood")


def _storage(identity: Any) -> _Storage:
    match identity:  # in the legacy layout its last item is None, or a part of another storage
        case ("storage", str(kind), str(key), _, int(count), *part) if part in ([], [None]):
            if kind in _DTYPES:
                return _Storage(kind, key, count, np.dtype(_DTYPES[kind][0]).itemsize)
    raise InputError("refers to something else than a plain storage")


def _tensor(storage: _Storage, offset: Any, size: Any, stride: Any) -> _Tensor:
    """Describe a tensor that is wholly inside its storage."""
    sane = len(size) == len(stride) <= _MOST_AXES
    sane = sane and all(0 <= length < _MOST_COUNT for length in (offset, *size, *stride))
    end = sane and 1 + offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if not sane or (0 not in size and end > storage.count):
        raise InputError("has a tensor that reaches outside its storage")
    return _Tensor(storage, offset, tuple(size), tuple(stride))  # lists could still change


def _walk(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, node
    if isinstance(node, dict | list | tuple):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _walk(child, (*path, str(key)))


def _tensors(root: Any, allowance: int) -> dict[str, _Tensor]:
    """Name the tensors below `root`; elements and letters together are at most `allowance`."""
    found = []
    for step, (path, node) in enumerate(_walk([root] if isinstance(root, _Tensor) else root)):
        if isinstance(node, _Tensor):
            found.append((path, node))
            allowance -= math.prod(node.size) + sum(map(len, path))
        if step >= _MOST_STEPS or len(path) > _MOST_LEVELS or allowance < 0:
            raise InputError("unfolds to far more than it holds")
    wrapped = all(len(path) > 1 and path[0] == found[0][0][0] for path, _ in found)
    named = {".".join(path[1:] if wrapped else path): tensor for path, tensor in found}
    if len(named) < len(found):
        raise InputError("gives two tensors the same name")
    return named


def _array(tensor: _Tensor, data: bytes | memoryview, order: str) -> np.ndarray:
    stored, given = _DTYPES[tensor.storage.kind]
    width = tensor.storage.itemsize
    if len(data) != tensor.storage.count * width:
        raise InputError("is damaged: a storage has another size than its tensors expect")
    strides = [step * width for step in tensor.stride]
    view = np.ndarray(tensor.size, order + stored, data, tensor.offset * width, strides)
    array = np.array(view, given, order="C")
    if tensor.storage.kind == "torch.BFloat16Storage":
        array <<= 16
        return array.view(np.float32)
    return array
