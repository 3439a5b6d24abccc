"""Laws of the reader of pickled arrays: what NumPy wrote is read exactly, and no file does harm."""

import os
import pickle
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import test_torchfile
from test_torchfile import SHARED, SPOILS, TUPLES, Rogue, law, same

from jaxstyle.core import InputError
from jaxstyle.weights.numpyfile import read

GRID = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
A, B = (b"X\x01\x00\x00\x00" + letter for letter in (b"a", b"b"))
# 2**40 dictionaries, unfolded
FANS = b"}" + b"".join(b"q%c}%bh%cs%bh%cs" % (i, A, i, B, i) for i in range(40))
SAMPLE = {"net": {"Conv_0": {"kernel": GRID, "bias": GRID[0, 0]}}, "head": {"kernel": GRID[0]}}


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "weights.ckpt"
    assert not Path(SPOILS).exists(), "the file ran a command"


refused = partial(test_torchfile.refused, read=read)


@pytest.mark.parametrize("core", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
@pytest.mark.parametrize("protocol", [3, 4])
def test_reads_what_numpy_writes(path, core, protocol):
    content = pickle.dumps(SAMPLE, protocol)
    if protocol == 3:  # where names have no length before them
        content = content.replace(b"numpy._core.multiarray", core)
    path.write_bytes(content)
    same(read(path), {"net.Conv_0.kernel": GRID, "net.Conv_0.bias": GRID[0, 0], "head.kernel": GRID[0]})


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4", ">f8"])
@pytest.mark.parametrize("form", [np.ascontiguousarray, np.asfortranarray, np.ravel])
def test_every_type_in_every_form(path, dtype, form):
    array = form(GRID.astype(dtype))
    path.write_bytes(pickle.dumps({"x": array, "again": array, "empty": array[:0]}, 3))
    native = array.astype(array.dtype.newbyteorder("="))
    same(read(path), {"x": native, "again": native, "empty": native[:0]})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": Rogue(os.system, f"touch {SPOILS}")}, f"asks for '{os.system.__module__}.system'"),
        ({"a": Rogue(eval, f"open('{SPOILS}', 'w')")}, "eval': only NumPy arrays are read"),
        ({"a": Rogue(np.load, SPOILS)}, "asks for 'numpy"),
        ({"a": Rogue(np.dtype, "f4", 1)}, "not understood"),
        ({"a": Rogue(np.ndarray, (3,))}, "not understood"),
        ({"a": np.asarray([{}], object)}, "not understood"),
        ({"a": np.zeros(3, "i4")}, "not understood"),
        ({"a": np.zeros(3, "S4")}, "not understood"),
        ({"a": np.zeros(3, [("x", "f4")])}, "not understood"),
        ({"a": np.float32(3)}, "asks for"),
        ({"a": GRID, "epoch": 3}, "holds something else than NumPy arrays"),
        ({"a": [GRID]}, "holds something else than NumPy arrays"),
        ({"a": "text"}, "holds something else than NumPy arrays"),
        ({"a": np.dtype("f4")}, "holds something else than NumPy arrays"),
        ({"a": {"b": GRID}, "a.b": GRID}, "two arrays the same name"),
        ({(1, 2): GRID}, "neither text nor a small number"),
        (3, "holds something else than NumPy arrays"),
    ],
)
def test_refuses_all_but_arrays(path, value, message):
    assert message in refused(path, pickle.dumps(value, 3))


def test_an_array_has_the_size_that_its_shape_says(path):
    good = pickle.dumps({"x": GRID}, 3)
    shape = b"K\x02K\x03K\x04\x87"
    assert shape in good
    for size in (b"K\x02K\x03K\x05\x87", b"K\x02K\x03\x86", b"K\x02K\x03J\xff\xff\xff\xff\x87", b")"):
        assert "another size" in refused(path, good.replace(shape, size))
    assert "another size" in refused(path, good.replace(shape, b"(" + b"K\x01" * 40 + b"t"))
    assert "not understood" in refused(path, good.replace(shape, b"]"))
    assert "another size" in refused(path, good.replace(shape, b"\x8a\x20" + b"\x7f" * 32 + b"K\x00\x86"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"}" + TUPLES + b"Ns", "neither text nor"),
        (b"}" + SHARED + b"Ns", "neither text nor"),
        (SHARED + SHARED + b"\x93", "TypeError"),
        (FANS, "far more"),
        (b"}q\x00" + A + b"h\x00s", "far more"),
        (b"cnumpy\nndarray\n", "something else"),
        (b"cnumpy\ndtype\n)\x81", "instruction NEWOBJ"),
        (b"Q", "damaged"),
        (b"K\x01Q", "refers to something outside"),
    ],
)
def test_refuses_hostile_pickles(path, code, message):
    assert message in refused(path, b"\x80\x03" + code + b".")


def test_refuses_truncated_and_other_files(path, tmp_path):
    content = pickle.dumps(SAMPLE, 3)
    for length in random.Random(0).sample(range(len(content)), 30):
        refused(path, content[:length])
    for other in (b"", b"PK\x03\x04", b"text\n"):
        refused(path, other)
    for place in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read(place)


def test_any_bytes_give_arrays_or_an_error(path):
    content, chance = pickle.dumps(SAMPLE, 3), random.Random(1)
    for _ in range(300):
        mutant = bytearray(content)
        for _ in range(chance.choice([1, 1, 2, 8])):
            mutant[chance.randrange(len(mutant))] = chance.randrange(256)
        law(path, bytes(mutant), read)


def test_a_message_says_the_name_that_is_given(path):
    path.write_bytes(b"text\n")
    with pytest.raises(InputError, match=r"^archive: member is damaged"):
        read(path, "archive: member")
