"""Neural neighbours: what is chosen, what the loss knows, and that a descent goes on with its choice."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import Compiled, features, picture

from jaxstyle import NNST, Regions, stylize
from jaxstyle.core import InputError, part_of
from jaxstyle.core.target import summarise
from jaxstyle.losses import Hypercolumns, Masked
from jaxstyle.losses.hypercolumns import hypercolumns, match, unit_scale
from jaxstyle.methods.descent import evaluate
from jaxstyle.methods.nnst import WEIGHT
from jaxstyle.statistics.patches import Patches

X = {"image": features(24, 28, 3), "shallow": features(12, 14, 3, seed=1), "deep": features(3, 3, 5, seed=2)}
WEIGHTS = {"shallow": 0.3, "deep": 2.0}
SCALE = unit_scale(X, WEIGHTS)
COLUMNS = hypercolumns(X, SCALE)
LEFT = jnp.zeros((24, 28)).at[:, :12].set(1)


@pytest.fixture(scope="module")
def method(bare_vgg) -> NNST:
    return NNST(bare_vgg, steps=2, pyramid=(), tv_weight=0.0, style_layers={"relu1_1": 0.5, "relu2_1": 0.5})


@Compiled
def value_and_gradient(method, content, target, image, initial=None):
    """Return the loss of an image, and its gradient."""
    loss = method.loss_from(content, target, initial)
    return jax.value_and_grad(lambda x: evaluate(method.encoder, loss, x)[0])(image)


def test_a_hypercolumn_is_all_layers_each_as_long_as_its_weight():
    assert COLUMNS.shape == (6, 7, 8)
    for name, weight in WEIGHTS.items():
        lengths = jnp.sum((SCALE[name] * X[name]) ** 2, axis=-1)
        np.testing.assert_allclose(jnp.mean(lengths), weight, rtol=1e-5)
    half = unit_scale(X, WEIGHTS, LEFT)["shallow"] * X["shallow"][:, :6]
    np.testing.assert_allclose(jnp.mean(jnp.sum(half**2, axis=-1)), WEIGHTS["shallow"], rtol=1e-5)


def test_a_picture_is_its_own_nearest_whatever_its_scale_and_mean():
    own = Patches.of(COLUMNS, 1)
    for query in (COLUMNS, 3 * COLUMNS, COLUMNS + features(8, seed=3)):
        np.testing.assert_array_equal(match(own, query), COLUMNS)


def test_the_choice_is_the_best_centred_cosine_of_all_pairs():
    query = features(5, 4, 8, seed=4)
    a, b = (np.asarray(x, np.float64).reshape(-1, 8) for x in (query, COLUMNS))
    units = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a - a.mean(0), b - b.mean(0))]
    chosen = b[np.argmax(units[0] @ units[1].T, axis=1)].reshape(query.shape)
    np.testing.assert_allclose(match(Patches.of(COLUMNS, 1), query), chosen, rtol=1e-6)


def test_the_loss_is_one_less_the_cosine_of_equally_long_vectors():
    unit = lambda x: x / jnp.linalg.norm(x, axis=-1, keepdims=True)
    own, target = unit(COLUMNS), unit(features(6, 7, 8, seed=5))
    given = {"image": X["image"], "all": own}
    cosines = jnp.sum(own * target, axis=-1)
    loss = Hypercolumns(target, {"all": 1.0})
    np.testing.assert_allclose(loss(given), jnp.mean(1 - cosines), rtol=1e-5)
    masked = Masked(loss, LEFT)(given)
    np.testing.assert_allclose(masked, jnp.mean(1 - cosines[:, :3]), rtol=1e-5)
    longer = Hypercolumns(2 * target, {"all": 2.0})
    np.testing.assert_allclose(longer(given), loss(given), rtol=1e-5)
    assert Hypercolumns(2 * own, {"all": 1.0})(given) > 0.1  # contrast counts


def test_a_picture_in_its_own_style_has_nothing_to_change(method, content):
    target = summarise(method, content)
    value, gradient = value_and_gradient(method, content, part_of(target, -1), content)
    assert value < 1e-8 * WEIGHT
    assert jnp.max(jnp.abs(gradient)) < 1e-4
    *_, last = method.run(content, target)
    np.testing.assert_allclose(last.image, content, atol=1e-5)


def test_a_picture_in_the_style_of_its_own_regions_too(method, content):
    left = jnp.zeros(content.shape[:2]).at[:, :21].set(1)
    masks = jnp.stack([left, 1 - left])
    own = part_of(summarise(method, content, masks, masks), -1)
    other = Regions(own.targets[::-1], own.masks)
    energy = lambda target: value_and_gradient(method, content, target, content)[0]
    assert energy(own) < 1e-8 * WEIGHT
    assert energy(other) > 1e-3 * WEIGHT


def test_neighbours_are_those_of_content_and_start_in_shares(method, content, style):
    target, start, image = (part_of(summarise(method, style), -1), *(picture(40, 48, n) for n in (7, 8)))

    def energy(content, alpha, initial: jax.Array | None = start):
        mixed = dataclasses.replace(method, alpha=alpha)
        return value_and_gradient(mixed, content, target, image, initial)[0]

    np.testing.assert_allclose(energy(content, 0.0), energy(content, 0.0, None), rtol=1e-5)
    np.testing.assert_allclose(energy(content, 1.0), energy(1 - content, 1.0), rtol=1e-5)
    assert abs(energy(content, 0.0) - energy(content, 1.0)) > 1e-3 * WEIGHT


def test_a_run_that_goes_on_keeps_what_was_chosen(method):
    content, style = picture(34, 38, 1), picture(32, 36, 2)
    method = dataclasses.replace(method, steps=4, pyramid=(3,), alpha=1.0)
    target, seen = summarise(method, style), []
    for snapshot in method.run(content, target, every=1):
        assert snapshot.state is not None
        leaves = [np.asarray(leaf) for leaf in snapshot.state.leaves]
        seen.append(dataclasses.replace(snapshot, state=snapshot.state._replace(leaves=leaves)))
    assert len(seen) == 3 + 4 + 1
    np.testing.assert_allclose(stylize(method, content, style), seen[-1].image, atol=2e-3)
    for snapshot in (seen[2], seen[3], seen[5]):  # of the coarse size, at its end, of the full size
        *_, again = method.run(content, target, every=1, resume=snapshot.state)
        np.testing.assert_array_equal(again.image, seen[-1].image)
    with pytest.raises(InputError, match="another state"):
        list(method.run(content, target, initial=content, every=1, resume=seen[0].state))
