"""Laws of the optimisers, over every one: downhill, resumable, traced once; and L-BFGS's own."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.optimizers import LBFGS, OPTIMIZERS, Adam, Spectral, Zoom, advance, minimise

STEPS = 40
EVERY = [LBFGS(), LBFGS(0.2, memory=5), Spectral(), Zoom(), Adam()]
START = np.random.default_rng(0).uniform(-1, 1, (1, 2, 3))


def quadratic(x):
    """Least, 0, where x = 1; the condition number is 10."""
    terms = jnp.linspace(1.0, 10.0, x.size) * (x.ravel() - 1) ** 2 / 2
    return jnp.sum(terms), {"first": terms[0], "rest": jnp.sum(terms[1:])}


def rosenbrock(x):
    a, b = x.ravel()[:-1], x.ravel()[1:]
    valley, walls = jnp.sum((1 - a) ** 2), 100 * jnp.sum((b - a**2) ** 2)
    return valley + walls, {"valley": valley, "walls": walls}


def waves(x):
    """Concave at half of all places, and bounded."""
    value = jnp.sum(jnp.cos(3 * x))
    return value, {"waves": value}


every_optimizer = pytest.mark.parametrize("optimizer", EVERY, ids=repr)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


run = jax.jit(minimise, static_argnums=(1, 2))
go_on = jax.jit(advance, static_argnums=(1, 4))


def begin(optimizer) -> tuple[jax.Array, Any]:
    x = jnp.asarray(START)
    return x, optimizer.init(x)


def test_every_optimizer_is_tested():
    assert {type(optimizer) for optimizer in EVERY} == set(OPTIMIZERS.values())


@pytest.mark.parametrize("energy", [quadratic, rosenbrock])
@every_optimizer
def test_goes_downhill_and_keeps_a_history(optimizer, energy):
    x, history = run(optimizer, STEPS, energy, START)
    first, terms = energy(START)
    assert history.keys() == {"loss", *terms}
    assert all(values.shape == (STEPS,) for values in history.values())
    np.testing.assert_allclose([history[name][0] for name in ("loss", *terms)], [first, *terms.values()])
    np.testing.assert_allclose(sum(history[name] for name in terms), history["loss"])
    assert energy(x)[0] < first


@every_optimizer
def test_two_chunks_are_one_run(optimizer):
    """Bit for bit; but the line search, compiled for another length, rounds differently under JAX 0.12."""
    x, state = begin(optimizer)
    x, state, head = go_on(optimizer, rosenbrock, x, state, STEPS // 2)
    x, state, tail = go_on(optimizer, rosenbrock, x, state, STEPS // 2)
    history = {name: jnp.concatenate([head[name], tail[name]]) for name in head}
    close = partial(np.testing.assert_allclose, rtol=1e-7, atol=1e-12)
    same = close if isinstance(optimizer, Zoom) else np.testing.assert_array_equal
    jax.tree.map(same, (x, history), run(optimizer, STEPS, rosenbrock, START))


@pytest.mark.parametrize(("kind", "field"), [(LBFGS, "learning_rate"), (Adam, "learning_rate"), (Adam, "b1")])
def test_a_number_does_not_retrace(kind, field):
    traces = []

    def energy(x):
        traces.append(None)
        return quadratic(x)

    results = [run(kind(**{field: value}), STEPS, energy, START)[0] for value in (0.1, 0.2)]
    assert len(traces) == 1
    assert not np.array_equal(*results)


@pytest.mark.parametrize("optimizer", [LBFGS(), LBFGS(memory=5), Spectral(), Zoom()], ids=repr)
def test_reaches_the_minimum_of_a_quadratic(optimizer):
    x, _ = run(optimizer, STEPS, quadratic, START)
    np.testing.assert_allclose(x, 1.0, atol=1e-6)


@every_optimizer
def test_stays_at_the_minimum(optimizer):
    x, _ = run(optimizer, STEPS, quadratic, jnp.ones((1, 2, 3)))
    np.testing.assert_array_equal(x, 1.0)


def test_keeps_only_pairs_of_positive_curvature():
    optimizer = LBFGS(memory=60)
    x, state, history = go_on(optimizer, waves, *begin(optimizer), 60)
    kept = int(state.pairs)
    assert 0 < kept < 59  # some were, some not
    curvature = jnp.sum(state.steps * state.differences, (1, 2, 3))
    np.testing.assert_allclose(curvature, state.curvature)
    assert jnp.all(curvature[:kept] > 1e-10) and not jnp.any(curvature[kept:])
    assert jnp.all(jnp.isfinite(x)) and jnp.all(jnp.isfinite(history["loss"]))


def hill(x):
    return -jnp.sum(x**2), {}


def test_a_concave_energy_keeps_no_pair():
    optimizer = LBFGS()
    x, state, _ = go_on(optimizer, hill, *begin(optimizer), 30)
    assert state.pairs == 0
    assert jnp.all(jnp.isfinite(x))


@pytest.mark.parametrize("memory", [1, 5, 100])
def test_the_ring_has_the_size_of_the_memory(memory):
    _, state = begin(LBFGS(memory=memory))
    assert state.steps.shape == state.differences.shape == (memory, *START.shape)
    assert state.curvature.shape == (memory,)


def test_more_memory_than_steps_changes_nothing():
    less, enough, more = (run(LBFGS(memory=size), 20, rosenbrock, START)[0] for size in (2, 20, 33))
    np.testing.assert_array_equal(enough, more)
    assert not np.array_equal(enough, less)
