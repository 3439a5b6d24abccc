"""Laws of the losses: the tables of their normalisations, their invariances, and their algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.losses import Content, Gram, Variation
from jaxstyle.statistics.covariance import second_moment

WEIGHT = {"shallow": 0.3, "deep": 2.0}
TARGETS = [Content.mean, Content.sum, Content.half_sum, Content.relative, Gram.mean, Gram.relative]
RELATIVE = [Content.relative, Gram.relative]


def features(seed: int) -> dict[str, jax.Array]:
    generator = np.random.default_rng(seed)
    shapes = {"image": (12, 14, 3), "shallow": (6, 7, 3), "deep": (3, 4, 5)}
    draw = lambda shape: jnp.asarray(generator.standard_normal(shape), jnp.float32)
    return {name: draw(shape) for name, shape in shapes.items()}


X, Y = features(0), features(1)


def every(losses):
    return pytest.mark.parametrize("loss_of", losses, ids=lambda loss_of: loss_of.__qualname__)


def scaled(factor: float, features):
    return {name: factor * feature for name, feature in features.items()}


def relabelled(features):
    """Return the features with their pixels in another order, each twice."""
    shuffle = lambda x: np.random.default_rng(2).permutation(x.reshape(-1, x.shape[-1]), axis=0)
    return {name: jnp.stack([shuffle(feature)] * 2) for name, feature in features.items()}


# One layer's term as the sources write it, of features (n pixels, c channels) or Gram matrices (sums).
CONTENT = {
    "half_sum": lambda f, y: 0.5 * np.sum((f - y) ** 2),
    "mean": lambda f, y: np.mean((f - y) ** 2),
    "sum": lambda f, y: np.sum((f - y) ** 2),
    "relative": lambda f, y: np.mean((f - y) ** 2) / np.mean(y**2),
}
GRAM = {  # source: the term, and the layer weight that gives it here
    "paper": (lambda g, a, n, c: np.sum((g - a) ** 2) / (4 * c**2 * n**2), lambda c: 1 / 4),
    "author": (lambda g, a, n, c: 1e3 / c**2 * np.mean((g / n - a / n) ** 2), lambda c: 1e3 / c**2),
    "stanford": (lambda g, a, n, c: np.sum((g / (c * n) - a / (c * n)) ** 2), lambda c: 1),
    "neural-style": (lambda g, a, n, c: np.mean((g / (c * n) - a / (c * n)) ** 2), lambda c: 1 / c**2),
}


def flat(feature: jax.Array) -> np.ndarray:
    return np.asarray(feature, np.float64).reshape(-1, feature.shape[-1])


@pytest.mark.parametrize("source", CONTENT)
def test_content_is_what_the_source_writes(source):
    expected = sum(WEIGHT[name] * CONTENT[source](flat(X[name]), flat(Y[name])) for name in WEIGHT)
    np.testing.assert_allclose(getattr(Content, source)(Y, WEIGHT)(X), expected, rtol=1e-5)


@pytest.mark.parametrize("source", GRAM)
@pytest.mark.parametrize("layer", WEIGHT)
def test_gram_is_what_the_source_writes(source, layer):
    term, weight = GRAM[source]
    f, y = flat(X[layer]), flat(Y[layer])
    expected = term(f.T @ f, y.T @ y, *f.shape)
    np.testing.assert_allclose(Gram.mean(Y, {layer: weight(f.shape[1])})(X), expected, rtol=1e-5)


def test_relative_gram_divides_by_its_target():
    grams = {name: (flat(X[name]).T @ flat(X[name]), flat(Y[name]).T @ flat(Y[name])) for name in WEIGHT}
    expected = sum(WEIGHT[name] * np.sum((g - a) ** 2) / np.sum(a**2) for name, (g, a) in grams.items())
    np.testing.assert_allclose(Gram.relative(Y, WEIGHT)(X), expected, rtol=1e-5)


@every(TARGETS)
def test_nothing_is_lost_at_the_target(loss_of):
    value, gradient = jax.value_and_grad(loss_of(X, WEIGHT))(X)
    assert value <= 1e-12
    assert all(jnp.all(jnp.abs(leaf) <= 1e-6) for leaf in jax.tree.leaves(gradient))


@every([Gram.mean, Gram.relative])
def test_gram_knows_neither_places_nor_sizes(loss_of):
    loss = loss_of(Y, WEIGHT)
    np.testing.assert_allclose(loss(relabelled(X)), loss(X), rtol=1e-5)
    np.testing.assert_allclose(loss_of(relabelled(Y), WEIGHT)(X), loss(X), rtol=1e-5)


@every(RELATIVE)
@pytest.mark.parametrize("factor", [1e-3, 0.1, 255.0])
def test_relative_knows_no_scale(loss_of, factor):
    actual = loss_of(scaled(factor, Y), WEIGHT)(scaled(factor, X))
    np.testing.assert_allclose(actual, loss_of(Y, WEIGHT)(X), rtol=1e-4)


@every(RELATIVE)
def test_relative_is_the_weight_of_features_that_are_zero(loss_of):
    np.testing.assert_allclose(loss_of(Y, WEIGHT)(scaled(0, X)), sum(WEIGHT.values()), rtol=1e-5)


@every(TARGETS)
def test_layers_add_up(loss_of):
    layers = [loss_of(Y, {name: weight})(X) for name, weight in WEIGHT.items()]
    np.testing.assert_allclose(loss_of(Y, WEIGHT)(X), sum(layers), rtol=1e-6)


@pytest.mark.parametrize("phi", [jnp.square, jnp.abs])
@pytest.mark.parametrize(("down", "right"), [(0, 0), (0.5, 0), (0, -0.25), (0.125, 0.5)])
def test_variation_of_a_ramp(phi, down, right):
    i, j, _ = np.mgrid[:5, :7, :3]
    image = jnp.asarray(0.25 + down * i + right * j, jnp.float32)
    expected = 3 * (4 * 7 * phi(down) + 5 * 6 * phi(right))
    np.testing.assert_allclose(Variation(phi)({"image": image}), expected, rtol=1e-6)


LOSSES = [Variation(), Variation(jnp.abs), *(loss_of(Y, WEIGHT) for loss_of in TARGETS)]


def named(loss):
    return next(iter(loss.terms(X)))


@pytest.mark.parametrize("b", LOSSES, ids=named)
@pytest.mark.parametrize("a", [LOSSES[0], LOSSES[2], LOSSES[6]], ids=named)
def test_a_sum_is_the_sum_of_its_weighed_terms(a, b):
    loss = a + 2.0 * b
    np.testing.assert_allclose(loss(X), a(X) + 2 * b(X), rtol=1e-6)
    np.testing.assert_allclose(sum(loss.terms(X).values()), loss(X), rtol=1e-6)
    assert set(loss.layers) == {*a.layers, *b.layers}
    assert loss.terms(X).keys() == {named(a), named(b)}


def test_sums_and_products_nest():
    a, b = Content.mean(Y, WEIGHT), Gram.mean(Y, WEIGHT)
    once = 6.0 * a + 2.0 * b + Variation()
    for nested in (2.0 * (3.0 * a + b) + Variation(), Variation() + (2.0 * b + 2.0 * (3.0 * a))):
        np.testing.assert_allclose(nested(X), once(X), rtol=1e-6)
        assert nested.layers == once.layers


@every(TARGETS)
def test_a_loss_is_a_pytree(loss_of):
    loss = 0.5 * loss_of(Y, WEIGHT) + Variation()
    half = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.bfloat16), loss)
    back = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), half)
    assert {leaf.dtype for leaf in jax.tree.leaves(half)} == {jnp.dtype("bfloat16")}
    assert jax.tree.structure(back) == jax.tree.structure(loss)
    np.testing.assert_allclose(back(X), loss(X), rtol=0.02)


@every(TARGETS)
def test_new_targets_and_weights_do_not_retrace(loss_of):
    traces = []

    @jax.jit
    def evaluate(loss, features):
        traces.append(None)
        return loss(features)

    losses = [loss_of(target, WEIGHT) + weight * Variation() for target, weight in ((X, 1.0), (Y, 3.0))]
    values = [evaluate(loss, X) for loss in losses]
    assert len(traces) == 1
    np.testing.assert_allclose(values, [loss(X) for loss in losses], rtol=1e-5)


def test_the_gradient_of_a_second_moment_is_that_of_its_definition():
    weigh = jnp.asarray(np.random.default_rng(3).standard_normal((4, 4)), jnp.float32)
    feature = jnp.asarray(np.random.default_rng(4).standard_normal((5, 6, 4)), jnp.float32)
    ours = jax.grad(lambda f: jnp.sum(weigh * second_moment(f)))(feature)
    definition = jax.grad(lambda f: jnp.sum(weigh * jnp.einsum("hwc,hwd->cd", f, f) / 30))(feature)
    np.testing.assert_allclose(ours, definition, rtol=1e-5, atol=1e-7)
