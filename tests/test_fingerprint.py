"""Fingerprints: every change changes them, and the same values give the same in any process."""

import dataclasses
import os
import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import thin
from flax import nnx

from jaxstyle import InputError
from jaxstyle.fingerprint import fingerprint
from jaxstyle.methods import METHODS, Gatys
from jaxstyle.methods.gatys import LOSSES
from jaxstyle.networks.decoders import Decoder
from jaxstyle.networks.pooling import average_pool, max_pool
from jaxstyle.networks.vgg import VGG, random_parameters
from jaxstyle.optimizers import LBFGS, Adam
from jaxstyle.tiling import TiledEncoder


def filled(method: type, encoder):
    """Return a method whose networks are stand-ins: a fingerprint asks for no particular one."""
    network = Decoder(1, (4,), rngs=nnx.Rngs(0))
    given = {"encoder": encoder, "network": network, "optimizer": LBFGS(0.3), "level": 1}
    names = {field.name for field in dataclasses.fields(method)}  # pyright: ignore
    return method(**{name: value for name, value in given.items() if name in names})


def variants(value) -> list:
    """Return values that each differ from this one in one place."""
    match value:
        case None:
            return [1.0]
        case bool():
            return [not value]
        case int() | float():
            return [value + 1]
        case str():
            return [value + "x"]
        case tuple():
            return [(*value, 7)]
        case dict():
            return [value | {"more": 1.0}]
        case _ if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
            pairs = [(name, other) for name in names for other in variants(getattr(value, name))]
            return [dataclasses.replace(value, **{name: other}) for name, other in pairs]  # pyright: ignore
        case _ if hasattr(value, "__name__"):
            return [InputError]
    leaves, structure = jax.tree.flatten(value)  # of a network a number, by its last bit
    nudged = np.asarray(leaves[-1]).view(np.int32) ^ 1
    return [jax.tree.unflatten(structure, [*leaves[:-1], jnp.asarray(nudged.view(np.float32))])]


@pytest.mark.parametrize("name", METHODS)
def test_every_change_of_any_field_changes_it(name, small_vgg):
    method = filled(METHODS[name], small_vgg)
    others = variants(method)
    assert len(others) >= len(dataclasses.fields(method))
    assert len({fingerprint(other) for other in [method, *others]}) == 1 + len(others)


def test_what_looks_the_same_is_told_apart(small_vgg):
    deep = VGG(thin(random_parameters("vgg19", 0), 8), "torchvision")
    assert repr(deep) == repr(small_vgg)
    encoders = [
        small_vgg,
        deep,
        small_vgg.with_pool(average_pool),
        TiledEncoder(small_vgg, 64),
        TiledEncoder(deep, 64),
    ]
    methods = [Gatys(encoder) for encoder in encoders]
    methods += [Gatys(deep, style_loss=loss) for loss in LOSSES.values() if loss != Gatys.style_loss]
    methods += [
        dataclasses.replace(methods[0], pyramid=(1,)),
        dataclasses.replace(methods[0], pyramid=(2,)),
        Gatys(deep, optimizer=Adam(), steps=300),
    ]
    assert len({fingerprint(method) for method in methods}) == len(methods)
    losses = [repr(Gatys(deep, style_loss=loss)) for loss in LOSSES.values()]
    assert len(set(losses)) == len(LOSSES) and "style_loss=Gram.relative" in losses[0]


def values() -> list:
    """Return values of every kind that there is a rule for, each another."""
    one = np.arange(6, dtype=np.float32).reshape(2, 3)
    arrays = [one, one.T, one.reshape(3, 2), one.astype(np.int32), one.view(np.int32), one[:0], one[0, 0]]
    arrays += [jnp.bfloat16(1), jax.random.key(0), jax.random.key(1), jax.random.key_data(jax.random.key(0))]
    plain = [None, True, 1, 1.0, -0.0, 0.0, 1j, "1", b"1", "\udcff", np.dtype("f4"), ...]
    rows = [(1, 2), [1, 2], (1, (2,)), ((1,), 2), {"a": 1}, {"a": 1, "b": 2}, {1, 2}, frozenset({1, 2})]
    made = [lambda x, n=n: x + n for n in (1, 2)] + [made_with(3), made_with(4), jax.jit(made_with(3))]
    bound = [*LOSSES.values(), partial(jnp.square), partial(jnp.square, 1), max_pool, jnp.square]
    return [*arrays, *plain, *rows, *made, *bound, int, InputError, np.add, jax.nn.relu]


def made_with(number):
    return lambda x: x * number


def test_every_kind_of_value_is_told_apart():
    found = [fingerprint(value) for value in values()]
    assert len(set(found)) == len(found)
    assert [fingerprint(value) for value in values()] == found
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    with pytest.raises(TypeError, match="cannot be told"):
        fingerprint({"a": object()})


def test_it_is_the_same_in_another_process(small_vgg):
    told = "import test_fingerprint as t, conftest as c, jax; print(*map(t.fingerprint, t.values()));"
    told += "print(t.fingerprint(t.filled(t.Gatys, t.VGG(c.thin(t.random_parameters('vgg16', 0), 8),"
    told += "'torchvision'))))"
    given = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, env=given, check=True)
    assert done.stdout.split() == [*map(fingerprint, values()), fingerprint(filled(Gatys, small_vgg))]
