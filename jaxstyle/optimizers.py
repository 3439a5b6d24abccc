"""Optimisers: from an energy and an initial image to a better image.

    energy: x -> (value, terms)        minimise(optimizer, steps, energy, x) -> (x, losses)

An optimiser is any `optax.GradientTransformation`; the loop is one compiled `lax.scan`. The losses hold, for
every step, the value and its terms before that step. Those here are such transformations too, whose numbers
are leaves: another learning rate does not retrace.

`LBFGS` is the algorithm of torch.optim.LBFGS without line search, which the published Gatys results
used (Nocedal & Wright, algorithm 7.4): one evaluation a step; a first step of min(1, 1/|g|_1) times
the learning rate; a pair (s, y) is kept only where y.s > 1e-10, which keeps the model convex; the
start of the recursion is y.s / y.y. It differs in that nothing stops it early. `Spectral` is the same but
for that start, a filter that is learned on the way (`spectrum.py`): it reaches a loss in fewer steps. `Zoom`
is optax's, with a line search that guarantees descent for at least one evaluation more a step.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from jaxstyle import spectrum
from jaxstyle.core import Scalar, pytree, static

Energy = Callable[[Array], tuple[Scalar, dict[str, Scalar]]]
Losses = dict[str, Float[Array, " steps"]]


class LBFGSState(NamedTuple):
    """The last gradient and step, the latest `memory` pairs in ring buffers, a filter if there is one."""

    gradient: Array
    step: Array
    steps: Array
    differences: Array
    curvature: Array
    scale: Array
    done: Array
    pairs: Array
    filter: spectrum.Spectrum | None

    def precondition(self, x: Array) -> Array:
        """Apply the initial inverse Hessian, up to a scalar."""
        return x if self.filter is None else spectrum.filtered(self.filter, x)


def lbfgs(learning_rate: float | Array, memory: int, learned: bool = False) -> optax.GradientTransformation:
    """Return L-BFGS without line search as a transformation of one array: PyTorch's, or with a filter."""

    def init(params) -> Any:
        x = jnp.asarray(params)
        zero, count = 0 * x, jnp.zeros((), jnp.int32)  # shared by devices as x is, which plain zeros are not
        ring = jnp.zeros((memory, *(1 for _ in x.shape)), x.dtype) * x
        curvature, scale = jnp.zeros(memory, x.dtype), jnp.ones((), x.dtype)
        start = spectrum.start(x.dtype) if learned else None
        return LBFGSState(zero, zero, ring, ring, curvature, scale, count, count, start)

    def update(updates, state, params=None) -> Any:
        del params
        gradient = jnp.asarray(updates)
        state = _remember(state, gradient, memory)
        first = jnp.minimum(1.0, 1 / jnp.sum(jnp.abs(gradient)))
        rate = learning_rate * jnp.where(state.done == 0, first, 1.0)
        step = -rate.astype(gradient.dtype) * _inverse_hessian(state, gradient, memory)
        return step, state._replace(gradient=gradient, step=step, done=state.done + 1)

    return optax.GradientTransformation(init, update)


def _remember(state: LBFGSState, gradient: Array, memory: int) -> LBFGSState:
    difference = gradient - state.gradient
    curvature = jnp.vdot(difference, state.step)
    keep = (state.done > 0) & (curvature > 1e-10)
    slot = jnp.where(keep, state.pairs % memory, memory)  # beyond the ring: dropped
    put = lambda ring, value: ring.at[slot].set(value, mode="drop")
    if state.filter is not None:
        new = spectrum.learn(state.filter, state.step, difference)
        state = state._replace(filter=jax.tree.map(partial(jnp.where, keep), new, state.filter))
    return state._replace(
        steps=put(state.steps, state.step),
        differences=put(state.differences, difference),
        curvature=put(state.curvature, curvature),
        scale=jnp.where(keep, curvature / jnp.vdot(difference, state.precondition(difference)), state.scale),
        pairs=state.pairs + keep,
    )


def _inverse_hessian(state: LBFGSState, gradient: Array, memory: int) -> Array:
    """Multiply by the inverse Hessian: the two-loop recursion over the pairs on hand."""
    filled = jnp.minimum(state.pairs, memory)

    def backward(i, carry):
        q, alphas = carry
        j = (state.pairs - 1 - i) % memory
        alpha = jnp.vdot(state.steps[j], q) / state.curvature[j]
        return q - alpha * state.differences[j], alphas.at[j].set(alpha)

    def forward(i, q):
        j = (state.pairs - filled + i) % memory
        beta = jnp.vdot(state.differences[j], q) / state.curvature[j]
        return q + (alphas[j] - beta) * state.steps[j]

    q, alphas = jax.lax.fori_loop(0, filled, backward, (gradient, jnp.zeros_like(state.curvature)))
    return jax.lax.fori_loop(0, filled, forward, state.scale * state.precondition(q))


class PytreeOptimizer:
    """A transformation made of a pytree's numbers; `STEPS` is how many usually suffice for a picture."""

    STEPS: ClassVar[int]

    def transformation(self) -> optax.GradientTransformation:
        """Return optax's form of it."""
        raise NotImplementedError

    @property
    def init(self) -> Callable[[Any], Any]:
        return self.transformation().init

    @property
    def update(self) -> Callable[..., Any]:
        return self.transformation().update


@pytree
class LBFGS(PytreeOptimizer):
    """PyTorch's L-BFGS: `memory` pairs, no line search."""

    STEPS = 300

    learning_rate: float = 1.0
    memory: int = static(default=100)

    def transformation(self) -> optax.GradientTransformation:
        return lbfgs(self.learning_rate, self.memory)


@pytree
class Spectral(PytreeOptimizer):
    """L-BFGS that learns the curvature of frequencies and colours: fewer steps to the same loss."""

    STEPS = 200

    learning_rate: float = 1.0
    memory: int = static(default=100)

    def transformation(self) -> optax.GradientTransformation:
        return lbfgs(self.learning_rate, self.memory, learned=True)


@pytree
class Zoom(PytreeOptimizer):
    """L-BFGS with optax's zoom line search: two evaluations a step or more, never uphill."""

    STEPS = 250

    memory: int = static(default=20)

    def transformation(self) -> optax.GradientTransformation:
        return optax.lbfgs(memory_size=self.memory)


@pytree
class Adam(PytreeOptimizer):
    """Adam (Kingma & Ba 2015); the learning rate is in units of the image's range [0, 1]."""

    STEPS = 1000

    learning_rate: float = 0.02
    b1: float = 0.9
    b2: float = 0.999

    def transformation(self) -> optax.GradientTransformation:
        return optax.adam(self.learning_rate, self.b1, self.b2)


@pytree
class Foreign(PytreeOptimizer):
    """Any transformation of optax's, of which nothing is a leaf: its functions choose the program."""

    functions: tuple = static()

    def transformation(self) -> optax.GradientTransformation:
        return self.functions  # pyright: ignore


Optimizer = optax.GradientTransformation | PytreeOptimizer
OPTIMIZERS: dict[str, type[PytreeOptimizer]] = {
    "lbfgs": LBFGS,
    "spectral": Spectral,
    "zoom": Zoom,
    "adam": Adam,
}


def as_pytree(optimizer: Optimizer) -> PytreeOptimizer:
    """Return an optimiser that can be an argument of a program."""
    return Foreign(optimizer) if isinstance(optimizer, optax.GradientTransformation) else optimizer


def advance(optimizer: Optimizer, energy: Energy, x: Array, state, count: int) -> tuple[Array, Any, Losses]:
    """Take `count` steps from `x` and the optimiser's `state` (at first `optimizer.init(x)`)."""
    update = optax.with_extra_args_support(as_pytree(optimizer).transformation()).update
    evaluate = jax.value_and_grad(energy, has_aux=True)

    def step(carry, _):
        x, state = carry
        (value, terms), gradient = evaluate(x)
        extra = {"value": value, "grad": gradient, "value_fn": lambda x: energy(x)[0]}
        change, state = update(gradient, state, x, **extra)
        return (x + change, state), terms | {"loss": value}

    (x, state), losses = jax.lax.scan(step, (x, state), length=count)
    return x, state, losses


def minimise(optimizer: Optimizer, steps: int, energy: Energy, x: Array) -> tuple[Array, Losses]:
    """Take steps from `x`."""
    x, _, losses = advance(optimizer, energy, x, optimizer.init(x), steps)
    return x, losses
