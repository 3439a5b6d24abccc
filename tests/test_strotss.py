"""Relaxed transport and self-similarity: what they are of all pairs, and of themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import features
from scipy.optimize import linear_sum_assignment

from jaxstyle import STROTSS
from jaxstyle.core import part_of
from jaxstyle.core.target import summarise
from jaxstyle.losses import Masked, RelaxedTransport, SelfSimilarity
from jaxstyle.losses.hypercolumns import hypercolumns
from jaxstyle.losses.transport import KINK
from jaxstyle.methods.descent import evaluate
from jaxstyle.statistics.patches import ROWS, Patches

SCALE: dict = {"deep": 1.0}
LEFT = jnp.zeros((24, 28)).at[:, :12].set(1)


def seen(seed: int) -> dict[str, jax.Array]:
    """Return features whose hypercolumns are `deep` itself."""
    return {"image": jnp.zeros((24, 28, 3)), "deep": features(6, 7, 5, seed=seed)}


def costs(first, second) -> np.ndarray:
    """Return 1 - cos of all pairs, in float64."""
    rows = (np.asarray(x, np.float64).reshape(-1, x.shape[-1]) for x in (first, second))
    first, second = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in rows)
    return 1 - first @ second.T


@pytest.mark.parametrize("count", [7, ROWS, ROWS + 9])
def test_the_nearest_of_both_are_those_of_the_whole_table(count):
    generator = np.random.default_rng(count)
    draw = lambda n: jnp.asarray(generator.standard_normal((n, 4)), jnp.float32)
    weigh = lambda n: jnp.asarray(generator.integers(0, 2, n), jnp.float32).at[0].set(1)
    here, others = (Patches(draw(n), weigh(n), 1) for n in (50, count))
    table = costs(others.values, here.values)
    there, back = here.mutual(others)
    np.testing.assert_array_equal(there, np.where(here.weights > 0, table, 9).argmin(1))
    np.testing.assert_array_equal(back, np.where(np.asarray(others.weights)[:, None] > 0, table, 9).argmin(0))
    np.testing.assert_array_equal(there, here.nearest(others.values))


def test_relaxed_transport_is_the_larger_bound_of_the_earth_movers_distance():
    image, style = seen(1), seen(2)
    table = costs(image["deep"], style["deep"])
    value = RelaxedTransport.of(style, SCALE)(image)
    np.testing.assert_allclose(value, max(table.min(1).mean(), table.min(0).mean()), rtol=1e-5)
    assert value <= table[linear_sum_assignment(table)].mean()
    np.testing.assert_allclose(RelaxedTransport.of(image, SCALE)(style), value, rtol=1e-5)
    np.testing.assert_allclose(RelaxedTransport.of(image, SCALE)(image), 0, atol=1e-6)


def test_under_masks_only_what_they_show_is_moved():
    image, style = seen(1), seen(2)
    table = costs(image["deep"][:, :3], style["deep"][:, :3])
    loss = Masked(RelaxedTransport.of(style, SCALE, LEFT), LEFT)
    np.testing.assert_allclose(loss(image), max(table.min(1).mean(), table.min(0).mean()), rtol=1e-5)


def test_self_similarity_is_that_of_all_pairs_and_knows_no_scale():
    image, content = seen(1), seen(2)
    shares = [x / x.sum(0) for x in (costs(x["deep"], x["deep"]) for x in (image, content))]
    loss = SelfSimilarity.of(content, SCALE)
    apart = 42 * (shares[0] - shares[1])
    np.testing.assert_allclose(loss(image), np.mean(np.hypot(apart, KINK) - KINK), rtol=1e-4)
    assert abs(loss(image) - np.abs(apart).mean()) < KINK
    brighter = content | {"deep": content["deep"] * jnp.exp(features(6, 7, 1, seed=3))}
    np.testing.assert_allclose(loss(brighter), 0, atol=1e-4)


def test_a_constant_picture_has_a_gradient():
    flat = {"image": jnp.zeros((24, 28, 3)), "deep": jnp.zeros((6, 7, 5))}
    for loss in (RelaxedTransport.of(seen(1), SCALE), SelfSimilarity.of(flat, SCALE)):
        gradient = jax.grad(lambda deep, loss=loss: loss(flat | {"deep": deep}))(flat["deep"])
        assert jnp.all(jnp.isfinite(gradient))


def test_a_large_picture_is_looked_at_on_a_grid():
    large = {"image": jnp.zeros((400, 160, 3)), "deep": features(100, 40, 2)}
    assert hypercolumns(large, SCALE).shape[:2] == (100, 40)
    assert SelfSimilarity.of(large, SCALE).target.shape == (4000, 25 * 10)
    assert RelaxedTransport.of(large, SCALE).target.values.shape == (1000, 2)


@pytest.fixture(scope="module")
def method(bare_vgg) -> STROTSS:
    return STROTSS(bare_vgg, steps=2, pyramid=(2,), tv_weight=0.0, style_layers={"relu1_1": 1, "relu2_1": 1})


def test_a_picture_in_its_own_style_has_nothing_to_change(method, content):
    loss = method.loss(content, part_of(summarise(method, content), -1))
    value, _ = jax.jit(evaluate)(method.encoder, loss, content)
    assert value < 1e-3
    assert jax.jit(evaluate)(method.encoder, loss, 1 - content)[0] > 1


def test_the_content_counts_twice_as_much_at_half_the_size(method, content, style):
    coarse, fine = method.stages(content, summarise(method, style))
    assert coarse.method.content_weight == 2 * fine.method.content_weight == 4
    assert coarse.content.shape[0] == content.shape[0] // 2
