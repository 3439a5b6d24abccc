"""Laws of the checkpoint reader: what PyTorch wrote is read exactly, and no file does harm.

The files are written here byte by byte from the description of the two layouts; PyTorch itself
writes some more where it is installed. Any bytes give a dictionary of arrays or an InputError.
"""

import importlib.util
import io
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from jaxstyle.core import InputError
from jaxstyle.weights.torchfile import read

WEIGHTS = os.environ.get("JAXSTYLE_WEIGHTS")
needs_torch = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="needs PyTorch")
needs_weights = pytest.mark.skipif(not WEIGHTS, reason="JAXSTYLE_WEIGHTS names no folder")

KINDS = {"Float": "f4", "Double": "f8", "Half": "f2", "Long": "i8", "Int": "i4"}
KINDS |= {"Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "?"}
RAMP = np.arange(12, dtype=np.float32)
SPOILS = "spoils"  # a file that no hostile checkpoint may make


class Global(NamedTuple):
    module: str
    name: str


class Call(NamedTuple):
    function: Any
    arguments: tuple


class Identity(NamedTuple):
    value: tuple


class Raw(NamedTuple):
    code: bytes


def encode(value: Any) -> bytes:
    """Write a value with the instructions of protocol 2, leaving out the memo."""
    match value:
        case Raw(code):
            return code
        case Global(module, name):
            return f"c{module}\n{name}\n".encode()
        case Call(function, arguments):
            return encode(function) + encode(arguments) + b"R"
        case Identity(identity):
            return encode(identity) + b"Q"
        case None | bool():
            return {None: b"N", True: b"\x88", False: b"\x89"}[value]
        case int():
            return b"\x8a\x12" + value.to_bytes(18, "little", signed=True)
        case str():
            return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
        case dict():
            items = [encode(part) for item in value.items() for part in item]
            return b"}(" + b"".join(items) + b"u"
        case _:
            items = b"".join(encode(item) for item in value)
            return b"](" + items + b"e" if isinstance(value, list) else b"(" + items + b"t"


def dump(value: Any) -> bytes:
    return b"\x80\x02" + encode(value) + b"."


def storage(kind: str = "Float", key: str = "0", count: int = 12) -> Identity:
    return Identity(("storage", Global("torch", f"{kind}Storage"), key, "cpu", count))


def tensor(source: Any = None, offset: Any = 0, size: Any = (12,), stride: Any = (1,)) -> Call:
    hooks = Call(Global("collections", "OrderedDict"), ())
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, (source or storage(), offset, size, stride, False, hooks))


def zipped(root: Any, data: dict[str, np.ndarray] | None = None, order: str = "little") -> bytes:
    """Return a checkpoint in the layout since PyTorch 1.6."""
    data = {"0": RAMP} if data is None else data
    members = {"data.pkl": dump(root), "byteorder": order.encode()}
    members |= {f"data/{key}": value.tobytes() for key, value in data.items()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, value in members.items():
            archive.writestr(f"archive/{name}", value)
    return file.getvalue()


def legacy(root: Any, data: dict[str, np.ndarray] | None = None, keys: Any = None) -> bytes:
    """Return a checkpoint in the layout before PyTorch 1.6."""
    data = {"0": RAMP} if data is None else data
    head = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, root, keys or list(data))
    stores = (struct.pack("<q", value.size) + value.tobytes() for value in data.values())
    return b"".join([*map(dump, head), *stores])


LAYOUTS = pytest.mark.parametrize("layout", [zipped, legacy])


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "weights.pth"
    assert not Path(SPOILS).exists(), "the file ran a command"


def refused(path: Path, content: bytes, read: Callable = read) -> str:
    """Return the one line with which a reader refuses a file."""
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message and message.isprintable()
    return message


def law(path: Path, content: bytes, read: Callable = read) -> None:
    """Any bytes give a dictionary of arrays, or one line that says what is wrong."""
    path.write_bytes(content)
    try:
        arrays = read(path)
    except InputError as error:
        assert str(path) in str(error) and str(error).isprintable()
    else:
        assert all(array.flags.c_contiguous for array in arrays.values())


def same(arrays: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(arrays) == list(expected)
    for name, array in arrays.items():
        assert array.dtype == expected[name].dtype and array.dtype.isnative
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, expected[name], strict=True)


@LAYOUTS
def test_no_tensors(path, layout):
    path.write_bytes(layout({"epoch": 3}, {}))
    assert read(path) == {}


@LAYOUTS
def test_views_of_one_storage(path, layout):
    views = {
        "whole": tensor(),
        "matrix": tensor(size=(3, 4), stride=(4, 1)),
        "transposed": tensor(size=(4, 3), stride=(1, 4)),
        "column": tensor(offset=2, size=(3,), stride=(4,)),
        "early": Call(Global("torch._utils", "_rebuild_tensor"), (storage(), 4, (3,), (2,))),
        "scalar": tensor(offset=5, size=(), stride=()),
        "empty": tensor(size=(0, 3), stride=(3, 1)),
        "expanded": tensor(offset=1, size=(5, 2), stride=(0, 1)),
        "parameter": Call(Global("torch._utils", "_rebuild_parameter"), (tensor(), True, None)),
    }
    path.write_bytes(layout(views))
    matrix = RAMP.reshape(3, 4)
    expected = {
        "whole": RAMP,
        "matrix": matrix,
        "transposed": matrix.T,
        "column": matrix[:, 2],
        "early": RAMP[4:10:2],
        "scalar": matrix[1, 1, ...],
        "empty": np.zeros((0, 3), np.float32),
        "expanded": np.broadcast_to(RAMP[1:3], (5, 2)),
        "parameter": RAMP,
    }
    same(read(path), expected)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize(("kind", "dtype"), KINDS.items())
def test_every_element_type_in_both_byte_orders(path, kind, dtype, order):
    values = (RAMP - 3 * (dtype != "u1")).astype(dtype)
    data = values.astype(values.dtype.newbyteorder("<" if order == "little" else ">"))
    path.write_bytes(zipped({"x": tensor(storage(kind))}, {"0": data}, order))
    same(read(path), {"x": values})


def test_bfloat16_is_widened(path):
    values = np.array([1.0, -2.5, 3e38, np.inf], np.float32).view(np.uint32) >> 16
    source = storage("BFloat16", count=4)
    root = {"x": tensor(source, size=(4,)), "y": tensor(source, 1, (), ())}
    path.write_bytes(legacy(root, {"0": values.astype("<u2")}))
    widened = (values << 16).view(np.float32)
    same(read(path), {"x": widened, "y": widened[1, ...]})


@LAYOUTS
@pytest.mark.parametrize(
    ("root", "names"),
    [
        ({"state_dict": {"a.b": tensor()}, "epoch": 3, "note": "x", "none": None}, ["a.b"]),
        ({"net": {"a": tensor()}, "optimizer": {0: [tensor()]}}, ["net.a", "optimizer.0.0"]),
        ({"features.a": tensor(), "features.b": tensor()}, ["features.a", "features.b"]),
        ({"model": {"net": {"a": tensor()}}}, ["net.a"]),
        ([tensor(), 7, tensor()], ["0", "2"]),
        ((tensor(),), ["0"]),
        (tensor(), ["0"]),
        (Call(Global("collections", "OrderedDict"), ([["a", tensor()]],)), ["a"]),
        (Raw(encode({"a": tensor()}) + encode({"_metadata": {"": 1}}) + b"b"), ["a"]),
    ],
)
def test_names(path, layout, root, names):
    path.write_bytes(layout(root))
    assert list(read(path)) == names


class Rogue:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    ("rogue", "name"),
    [
        (Rogue(os.system, f"touch {SPOILS}"), f"{os.system.__module__}.system"),
        (Rogue(eval, f"open('{SPOILS}', 'w')"), "eval"),
        (np.zeros(3), "numpy"),
        (Rogue, f"{__name__}.Rogue"),
    ],
)
def test_names_the_class_asked_for(path, protocol, rogue, name):
    hostile = Raw(pickle.dumps({"a": rogue}, protocol)[2:-1])
    for content in (zipped(hostile), legacy(hostile), pickle.dumps(rogue, protocol)):
        message = refused(path, content)
        assert "asks for" in message and name in message


ORDERED = Global("collections", "OrderedDict")
SYSTEM = f"c{os.system.__module__}\nsystem\n".encode()
TUPLES = b")" + b"\x85" * 100_000  # nested deeper than any stack
SHARED = b")" + b"q\x00h\x00\x86" * 40  # 2**40 tuples, if unfolded
FANS = b"]" + b"".join(b"q%c](h%ch%ce" % (i, i, i) for i in range(40))
HOSTILE = [
    ("instruction STRING", Raw(b"(S'touch spoils'\ni" + SYSTEM[1:])),
    ("asks for", Raw(b"(" + SYSTEM + encode(f"touch {SPOILS}") + b"o")),
    ("instruction OBJ", Raw(b"(" + encode(ORDERED) + b"o")),
    ("asks for '__main__.Thing'", Raw(b"c__main__\nThing\n)\x81")),
    ("instruction EXT1", Raw(b"\x82\x01")),
    (r"asks for 'a\nb.c\rd'", Raw(b"\x8c\x03a\nb\x8c\x03c\rd\x93")),
    ("asks for 'collections.namedtuple'", Global("collections", "namedtuple")),
    ("asks for", Raw(encode("collections") + encode("OrderedDict.fromkeys") + b"\x93")),
    ("not understood", Call("os.system", ("true",))),
    ("not understood", Call(ORDERED, (1, 2))),
    ("not understood", tensor("storage")),
    ("not understood", Call(tensor()[0], (*tensor()[1], {"neg": True}))),
    ("plain storage", Identity(("module", "x", "y", "z"))),
    ("plain storage", Identity((*storage().value, ("1", 0, 4)))),
    ("plain storage", Identity(("storage", "float", "0", "cpu", 12))),
    ("plain storage", Identity(("storage", [1], "0", "cpu", 12))),
    ("plain storage", Identity(("storage", ORDERED, "0", "cpu", 12))),
    ("neither text nor", Raw(b"}" + TUPLES + b"Ns")),
    ("neither text nor", Raw(b"}" + SHARED + b"Ns")),
    ("neither text nor", {2**100: tensor()}),
    ("TypeError", Raw(SHARED + SHARED + b"\x93")),
    ("far more", Raw(FANS)),
    ("far more", Raw(b"]" * 310_000)),
    ("far more", Raw(b"]q\x00h\x00a")),
    ("far more", Raw(b"]" * 50_000 + b"a" * 49_999)),
    ("KeyError", Raw(b"Nr\xff\xff\xff\x7fh\x07")),
    ("same name", {"a": {"b": tensor()}, "a.b": tensor(), "c": tensor()}),
    ("same name", {1: tensor(), "1": tensor()}),
]


@LAYOUTS
@pytest.mark.parametrize(("reason", "hostile"), HOSTILE, ids=range(len(HOSTILE)))
def test_refuses_hostile_pickles(path, layout, reason, hostile):
    assert reason in refused(path, layout([tensor(), hostile]))


@pytest.mark.parametrize("keys", [[Raw(TUPLES)], [Raw(SHARED)], Raw(TUPLES), [3], 3, ["1"]])
def test_refuses_hostile_keys(path, keys):
    refused(path, legacy({"x": tensor()}, keys=keys))


@LAYOUTS
def test_a_size_cannot_change_after_it_was_checked(path, layout):
    size = Raw(encode([12]) + b"q\x00")
    change = Raw(b"h\x00" + encode(0) + encode(2**62) + b"s")
    path.write_bytes(layout({"x": tensor(size=size), "size": change}))
    same(read(path), {"x": RAMP})


@LAYOUTS
@pytest.mark.parametrize("state", [{"__setstate__": ORDERED}, (None, {"__call__": ORDERED}), 3])
@pytest.mark.parametrize("target", [{"a": tensor()}, ORDERED, Call(ORDERED, ()), tensor()[0]])
def test_state_changes_nothing(path, layout, target, state):
    """BUILD sets no attribute, neither on a value nor on what stands for a class."""
    path.write_bytes(layout([Raw(encode(target) + encode(state) + b"b"), tensor()]))
    assert "1" in read(path)
    path.write_bytes(layout({"a": tensor()}))
    same(read(path), {"a": RAMP})


@LAYOUTS
@pytest.mark.parametrize(
    "where",
    [
        (1, (12,), (1,)),
        (0, (3, 4), (5, 1)),
        (0, (2**39,), (0,)),
        (0, (2**20, 2**20), (0, 0)),
        (0, (2**62, 4), (0, 0)),
        (0, (2,), (2**61,)),
        (-1, (3,), (1,)),
        (11, (3,), (-1,)),
        (0, (-3,), (1,)),
        (2**64, (1,), (1,)),
        (0, (1,), (2**100,)),
        (0, (2, 2), (1,)),
        (0, (1,) * 100, (1,) * 100),
        (0, "12", "11"),
        (0, 12, 1),
        (None, (1,), (1,)),
    ],
)
def test_refuses_tensors_outside_their_storage(path, layout, where):
    refused(path, layout({"x": tensor(storage(), *where)}))


@LAYOUTS
@pytest.mark.parametrize("count", [-12, 11, 13, 2**62])
def test_refuses_wrong_storage_sizes(path, layout, count):
    refused(path, layout({"x": tensor(storage(count=count), size=(1,))}))


@LAYOUTS
def test_refuses_a_thousand_copies(path, layout):
    stretched = tensor(storage(count=2**10), size=(2**10, 2**10), stride=(0, 1))
    content = layout([stretched] * 2, {"0": np.zeros(2**10, np.float32)})
    assert "unfolds" in refused(path, content)


def test_refuses_odd_archives(path):
    root = {"x": tensor()}
    good = zipped(root)
    assert "data.pkl" in refused(path, good.replace(b"data.pkl", b"data.pkX"))
    assert "KeyError" in refused(path, zipped(root, order="middle"))
    assert "KeyError" in refused(path, zipped(root, {"1": RAMP}))
    sizes = struct.pack("<II", RAMP.nbytes, RAMP.nbytes)
    assert "overlap" in refused(path, good.replace(sizes, struct.pack("<II", 10**9, 10**9)))


@pytest.mark.parametrize(
    ("member", "how", "reason"),
    [
        ("constants.pkl", zipfile.ZIP_STORED, "TorchScript"),
        ("data/0", zipfile.ZIP_DEFLATED, "compressed"),
        ("data/0", zipfile.ZIP_BZIP2, "compressed"),
    ],
)
def test_refuses_other_archives(path, member, how, reason):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", dump({}))
        archive.writestr(f"archive/{member}", bytes(100), how)
    assert reason in refused(path, path.read_bytes())


def test_refuses_other_files(path, tmp_path):
    for content in (
        b"",
        b"PK",
        b"\x89PNG\r\n\x1a\n" + bytes(99),
        pickle.dumps({"a": 1}),
        b"text\n",
    ):
        assert "not a PyTorch file" in refused(path, content)
    for place in (tmp_path / "nowhere.pth", tmp_path):
        with pytest.raises(InputError, match="missing or not a file"):
            read(place)


SAMPLE = {"state_dict": {"weight": tensor(size=(3, 4), stride=(4, 1)), "bias": tensor()}}


@LAYOUTS
def test_refuses_truncated_files(path, layout):
    content = layout(SAMPLE)
    for length in random.Random(0).sample(range(len(content)), 20):
        refused(path, content[:length])


@LAYOUTS
def test_any_bytes_give_arrays_or_an_error(path, layout):
    content, chance = layout(SAMPLE), random.Random(1)
    for _ in range(150):
        mutant = bytearray(content)
        for _ in range(chance.choice([1, 1, 2, 8])):
            mutant[chance.randrange(len(mutant))] = chance.randrange(256)
        law(path, bytes(mutant))
    for _ in range(50):  # the pickle alone: behind the checksum of the zip layout
        code = bytearray(encode(SAMPLE))
        code[chance.randrange(len(code))] = chance.randrange(256)
        law(path, layout(Raw(bytes(code))))
    for _ in range(50):
        law(path, layout(Raw(chance.randbytes(chance.randrange(40)))))


@needs_torch
@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_reads_what_torch_writes(path, new, protocol):
    import torch

    torch.manual_seed(0)
    noise = torch.randn(6, 5)
    kinds = (torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32)
    kinds += (torch.int16, torch.int8, torch.uint8, torch.bool)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    state: dict[str, Any] = {str(kind): (10 * noise).to(kind) for kind in kinds[:-2]}
    state |= {str(kind): (10 * noise).abs().to(kind) for kind in kinds[-2:]}
    state |= {"view": noise, "transposed": noise.T, "slice": noise[1:4, ::2], "scalar": noise[2, 3]}
    state |= {"empty": noise[:0], "parameter": torch.nn.Parameter(noise[3:])}
    content = {"net": module.state_dict(), "more": {"deep": state}, "epoch": 3}
    torch.save(content, path, pickle_protocol=protocol, _use_new_zipfile_serialization=new)
    expected = {f"net.{name}": value for name, value in module.state_dict().items()}
    expected |= {f"more.deep.{name}": value for name, value in state.items()}
    same(read(path), {name: as_array(value) for name, value in expected.items()})


def as_array(value: Any) -> np.ndarray:
    value = value.detach()
    return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()


@needs_torch
@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_refuses_modules_and_programs_of_torch(path, new):
    import torch

    torch.save(torch.nn.Linear(2, 2), path, _use_new_zipfile_serialization=new)
    with pytest.raises(InputError, match=r"asks for 'torch\.nn\.modules\.linear\.Linear'"):
        read(path)
    torch.save({"x": torch.zeros(2, dtype=torch.complex64)}, path)
    with pytest.raises(InputError, match="ComplexFloatStorage"):
        read(path)


HEADS = {"squeeze": (64, 128, 256, 384, 384, 512, 512), "vgg": (64, 128, 256, 512, 512)}
CONVS = {0: (3, 3, 1), 2: (64, 3, 3), 5: (64, 64, 3), 9: (128, 64, 3), 12: (128, 128, 3)}
CONVS |= {16: (256, 128, 3)}  # layer: channels out, channels in, side of the kernel
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    f"lpips_{name}_v0.1.pth": {f"lin{i}.model.1.weight": (1, n, 1, 1) for i, n in enumerate(heads)}
    for name, heads in HEADS.items()
}
SHAPES["vgg_normalised_conv3_1.pth"] = {
    name: shape
    for layer, (out, into, side) in CONVS.items()
    for name, shape in ((f"{layer}.weight", (out, into, side, side)), (f"{layer}.bias", (out,)))
}


@needs_weights
@pytest.mark.parametrize("name", SHAPES)
def test_reads_published_weights(name):
    arrays = read(Path(str(WEIGHTS)) / name)
    assert {key: array.shape for key, array in arrays.items()} == SHAPES[name]
    for array in arrays.values():
        assert array.dtype == np.float32 and np.isfinite(array).all() and array.any()


@needs_torch
@needs_weights
@pytest.mark.parametrize("name", SHAPES)
def test_reads_published_weights_as_torch_does(name):
    import torch

    path = Path(str(WEIGHTS)) / name
    expected = torch.load(path, map_location="cpu", weights_only=True)
    same(read(path), {key: as_array(value) for key, value in expected.items()})
