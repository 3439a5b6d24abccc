"""Checks the types and shapes of every call into the package: a name of an axis is one length throughout."""

from io import IOBase
from typing import Any, BinaryIO, Self

import jax
from beartype import BeartypeConf, FrozenDict, beartype

# jaxtyping decorates functions, where beartype cannot know what `Self` is. A float may be traced.
OVERRIDES = FrozenDict({Self: Any, BinaryIO: IOBase, float: float | int | jax.Array})
checked = beartype(conf=BeartypeConf(hint_overrides=OVERRIDES))
