"""Fingerprints: whether two pytrees are the same, told from digits alone, in any process.

    fingerprint(x) = H(kind of x, H(part), ...)        H: SHA-256

`repr` leaves arrays out, and `hash` changes from process to process. Here a leaf is told by type, shape and
bytes, a static field by its value, a class or function by module and name. A bound method is told by what it
is bound to as well: `Gram.relative` and `MRF.relative` are one function of two classes. A lambda, or a
function made inside another, may share its name, so it is told by its code, defaults and what it closes over;
code is that of one version of Python.
"""

import hashlib
import types
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.dtype, type(...))


def fingerprint(tree: Any) -> str:
    """Return 64 hexadecimal digits: the same for the same values, others if any field or number differs.

    Raises `TypeError` for a static value of a kind that is told by nothing but its place in memory.
    """
    return _hashed(tree).hex()


def _digest(*names: str, parts: Iterable[Any] = ()) -> bytes:
    """Return the hash of names and of bytes or arrays of them, each after its length."""
    digest = hashlib.sha256()
    for item in (*(name.encode(errors="surrogatepass") for name in names), *parts):
        digest.update(b"%d:" % len(item))
        digest.update(item)
    return digest.digest()


def _hashed(value: Any) -> bytes:
    kind = type(value).__qualname__
    match value:
        case jax.Array() | np.ndarray() | np.generic():
            is_key = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
            numbers = np.asarray(jax.random.key_data(value) if is_key else value)  # pyright: ignore
            content = np.ascontiguousarray(numbers).reshape(-1).view(np.uint8)
            return _digest("array", str(value.dtype), str(value.shape), parts=[content])
        case _ if isinstance(value, _PLAIN):
            return _digest(kind, repr(value))
        case Mapping():
            return _digest(kind, parts=sorted(_hashed(key) + _hashed(item) for key, item in value.items()))
        case set() | frozenset():
            return _digest(kind, parts=sorted(map(_hashed, value)))
        case partial():
            return _digest(kind, parts=map(_hashed, (value.func, value.args, value.keywords)))
        case types.MethodType():
            return _digest(kind, parts=map(_hashed, (value.__self__, value.__func__)))
        case types.CodeType():
            return _digest(kind, parts=map(_hashed, (value.co_code, value.co_names, value.co_consts)))
        case _ if callable(value) and hasattr(value, "__name__"):
            return _function(value)
    return _node(value, kind)


def _function(value: Any) -> bytes:
    """Return the hash of a class or a function: of its name, and of its code if others may have the name."""
    name = getattr(value, "__qualname__", value.__name__)
    inside: tuple = ()
    if "<" in name and hasattr(value, "__code__"):
        closed = tuple(cell.cell_contents for cell in value.__closure__ or ())
        inside = (value.__code__, value.__defaults__, value.__kwdefaults__, closed)
    elif "<" in name and hasattr(value, "__wrapped__"):  # a lambda that was compiled
        inside = (value.__wrapped__,)
    return _digest("function", str(getattr(value, "__module__", "")), name, parts=map(_hashed, inside))


def _node(value: Any, kind: str) -> bytes:
    """Return the hash of what JAX knows the children of, or of a dataclass that it does not know."""
    module = type(value).__module__
    flat = jax.tree_util.default_registry.flatten_one_level(value)
    if flat is None and not is_dataclass(value):
        raise TypeError(f"a {module}.{kind} cannot be told from another: {value!r}")
    children, static = flat or ([getattr(value, field.name) for field in fields(value)], None)
    return _digest(module, kind, parts=map(_hashed, (*children, static)))
