"""Frozen dataclasses that are pytrees: a field is a leaf, or said to be static."""

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar, dataclass_transform

import jax

T = TypeVar("T")


def static(*, default: Any = dataclasses.MISSING) -> Any:
    """Return a field that chooses the program: part of the structure, hashable, and not traced."""
    return dataclasses.field(default=default, metadata={"static": True})


@dataclass_transform(frozen_default=True, field_specifiers=(static, dataclasses.field))
def pytree(cls: type[T]) -> type[T]:
    """Make `cls` a frozen dataclass and a pytree, whose fields are leaves but for those that are `static`.

    Not by `register_dataclass`: to JAX 0.10 two classes of like fields are then one structure, and one may
    be given the program of the other.
    """
    cls = dataclasses.dataclass(frozen=True, repr=False)(cls)
    cls.__repr__ = _show
    fields = dataclasses.fields(cls)  # pyright: ignore
    meta = [field.name for field in fields if "static" in field.metadata]
    data = [field.name for field in fields if field.name not in meta]
    keys = [jax.tree_util.GetAttrKey(name) for name in data]

    def flatten(node: T) -> tuple[list[Any], tuple]:
        return [getattr(node, name) for name in data], tuple(getattr(node, name) for name in meta)

    def flatten_with_keys(node: T) -> tuple[list[tuple], tuple]:
        children, values = flatten(node)
        return list(zip(keys, children, strict=True)), values

    def unflatten(values: tuple, children: Iterable[Any]) -> T:
        node = object.__new__(cls)  # transformations put anything into leaves: nothing checks them
        for name, value in (*zip(meta, values, strict=True), *zip(data, children, strict=True)):
            object.__setattr__(node, name, value)
        return node

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls


def _show(self) -> str:
    """Show the fields, functions by name, so that the text is the same in every run."""
    values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
    values = {name: dict(sorted(v.items())) if isinstance(v, dict) else v for name, v in values.items()}
    shown = (f"{name}={_named(value)}" for name, value in values.items())
    return f"{type(self).__name__}({', '.join(shown)})"


def _named(value: Any) -> str:
    """Return the name of a function, of a classmethod with the class that it is bound to; else the text."""
    owner = getattr(value, "__self__", None)
    if isinstance(owner, type):
        return f"{owner.__qualname__}.{value.__name__}"
    if isinstance(value, tuple) and any(map(callable, value)):
        return f"({', '.join(map(_named, value))})"
    return str(getattr(value, "__qualname__", value))
