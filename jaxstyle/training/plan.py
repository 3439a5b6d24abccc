"""How a network is trained, whatever it is: the options of `jaxstyle train` that all recipes share."""

from dataclasses import dataclass
from typing import Annotated

from jaxstyle.options import Count, Positive, Seed, Side, one_of


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a recipe is trained. `every` and `parallel` do not change what comes out.

    Attributes:
        steps: steps in all (default: two epochs)
        batch_size: examples a step, of all devices together
        size: pixels a side of an example, a random crop
        learning_rate: of Adam
        seed: of the first parameters, and of the order and crops
        every: steps from checkpoint to checkpoint
        precision: of the networks
        parallel: how devices share a step; the result is the same
    """

    steps: Count
    batch_size: Count
    size: Side
    learning_rate: Positive
    seed: Seed = 0
    every: Count = 100
    precision: Annotated[str, one_of(("float32", "bfloat16"))] = "float32"
    parallel: Annotated[str, one_of(("jit", "pmap", "shard_map"))] = "jit"
