"""Identities that hold two files against each other, and the laws of every loss that compares statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import Compiled, all_pairs, features

from jaxstyle import losses
from jaxstyle.losses import (
    MMD,
    MRF,
    Activation,
    Gram,
    Histograms,
    LinearMMD,
    Masked,
    PolynomialMMD,
    SlicedWasserstein,
)
from jaxstyle.statistics import kernels
from jaxstyle.statistics.quantiles import Quantiles
from jaxstyle.transforms import match_quantiles

WEIGHT = {"shallow": 0.3, "deep": 2.0}
SHAPES = {"shallow": (12, 10, 3), "deep": (12, 10, 4)}
LEFT = jnp.zeros((12, 10)).at[:, :4].set(1)
ONES = np.ones((12, 10), np.float32)
STATISTICAL = (Gram, losses.Moments, MMD, LinearMMD, PolynomialMMD, SlicedWasserstein, Histograms, MRF)
POINTWISE = tuple(loss for loss in STATISTICAL if loss is not MRF)


def drawn(seed: int, scale: float = 1, shift: float = 0) -> dict:
    return {
        name: jnp.asarray(scale * np.asarray(features(*shape, seed=seed)) + np.float32(shift))
        for name, shape in SHAPES.items()
    }


X, Y = drawn(1), drawn(2, 1.5, 1)


def scaled(factor, features):
    return {name: np.float32(factor) * feature for name, feature in features.items()}


def cropped(features):
    """Return what is under `LEFT`."""
    return {name: feature[:, :4] for name, feature in features.items()}


@Compiled
def evaluated(style, features, style_mask=None, mask=None):
    """Return every loss, absolute and relative, with its gradient: one program for many tests."""

    def value(features, loss_of):
        loss = loss_of(style, WEIGHT, style_mask)
        return (loss if mask is None else Masked(loss, mask))(features)

    every = {cls.__name__: (cls.mean, cls.relative) for cls in STATISTICAL}
    return jax.tree.map(lambda loss_of: jax.value_and_grad(value)(features, loss_of), every)


def values(name, *arguments):
    return [value for value, _ in evaluated(*arguments)[name]]


def over(classes):
    return pytest.mark.parametrize("name", [cls.__name__ for cls in classes])


# ---- two files at a time


def rows(feature):
    return np.asarray(feature, np.float64).reshape(-1, feature.shape[-1])


def discrepancy(kernel, x, y):
    """Return the MMD^2 of two features over all pairs of their pixels."""
    mean = lambda a, b: np.mean(all_pairs(kernel, a, b))
    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


layers = pytest.mark.parametrize("layer", WEIGHT)


def of_one(loss, layer):
    return Compiled(loss.mean)(Y, {layer: 1.0})(X)


@layers
def test_the_gram_loss_is_the_polynomial_mmd(layer):
    """Three ways: the Gram matrices, the kernel mean, and all pairs of pixels."""
    expected = discrepancy(kernels.Polynomial(), rows(X[layer]), rows(Y[layer]))
    np.testing.assert_allclose(of_one(PolynomialMMD, layer), expected, rtol=1e-5)
    np.testing.assert_allclose(of_one(Gram, layer) * SHAPES[layer][-1] ** 2, expected, rtol=1e-5)


@layers
def test_the_linear_mmd_is_the_distance_of_means_and_a_part_of_the_moments_loss(layer):
    x, y = rows(X[layer]), rows(Y[layer])
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2)
    np.testing.assert_allclose(discrepancy(kernels.Linear(), x, y), expected, rtol=1e-9)
    np.testing.assert_allclose(of_one(LinearMMD, layer), expected, rtol=1e-5)
    spread = np.mean((np.sqrt(x.var(0) + 1e-5) - np.sqrt(y.var(0) + 1e-5)) ** 2)
    np.testing.assert_allclose(of_one(losses.Moments, layer), expected / len(x.T) + spread, rtol=1e-5)


@layers
def test_the_gaussian_mmd_is_nearly_that_of_all_pairs(layer):
    target = Compiled(MMD.mean)(Y, {layer: 1.0}).target[layer]
    x, y = (jnp.asarray(rows(features[layer]), jnp.float32) for features in (X, Y))
    np.testing.assert_allclose(of_one(MMD, layer), discrepancy(target.kernel, x, y), atol=0.02)


def test_sliced_wasserstein_of_a_shift_is_its_mean_square_along_the_lines():
    shift = np.asarray([1, -2, 3], np.float32)
    loss = SlicedWasserstein.mean({"x": X["shallow"] + shift}, {"x": 1.0})
    directions = np.asarray(loss.target["x"].directions, np.float64)
    expected = np.mean((directions.T @ shift) ** 2)
    np.testing.assert_allclose(loss({"x": X["shallow"]}), expected, rtol=1e-5)
    np.testing.assert_allclose(expected, np.mean(shift**2), rtol=1e-5)  # lines in all of three directions


@layers
def test_the_gradient_of_histograms_points_to_what_matching_gives(layer):
    """Risser et al. hold the matched feature fixed."""
    x, y = jnp.asarray(X[layer]), jnp.asarray(Y[layer])
    gradient = jax.grad(lambda x: Histograms.mean({"x": y}, {"x": 1.0})({"x": x}))(x)
    matched = match_quantiles(x, Quantiles.of(y))
    np.testing.assert_allclose(gradient, 2 * (x - matched) / x.size, atol=1e-7)


def test_gram_and_histograms_are_the_sum_of_both_and_tell_what_gram_does_not():
    """Channels of mean 1 / sqrt 2 without deviation, and of mean and deviation 1 / 2, are one to Gram."""
    flat = {"x": jnp.full((8, 8, 1), 0.5**0.5)}
    rough = {"x": jnp.tile(jnp.asarray([0.0, 1.0])[:, None], (4, 8))[..., None]}
    assert Gram.mean(flat, {"x": 1.0})(rough) == pytest.approx(0, abs=1e-6)
    assert Histograms.mean(flat, {"x": 1.0})(rough) > 0.2
    both = Histograms.with_gram(Y, WEIGHT)(X)
    assert both == pytest.approx(float(Gram.relative(Y, WEIGHT)(X) + Histograms.relative(Y, WEIGHT)(X)))


# ---- every loss of statistics


@over(STATISTICAL)
def test_zero_at_its_own_style_and_only_there(name):
    assert all(0 <= value <= 1e-6 for value in values(name, Y, Y))
    assert all(value > 1e-2 for value in values(name, Y, X))


@over(STATISTICAL)
def test_a_mask_of_ones_is_no_mask(name):
    np.testing.assert_allclose(values(name, Y, X, ONES, ONES), values(name, Y, X), rtol=1e-5)


@over(POINTWISE)
def test_a_mask_counts_the_pixels_that_are_in(name):
    expected = values(name, cropped(Y), cropped(X))
    np.testing.assert_allclose(values(name, Y, X, LEFT, LEFT), expected, rtol=1e-4)


@over(STATISTICAL)
def test_no_gradient_comes_from_beyond_the_mask(name):
    """A patch is in by its middle, so its loss reaches a pixel further."""
    edge = 5 if name == "MRF" else 4
    for _, gradient in evaluated(Y, X, LEFT, LEFT)[name]:
        for part in map(np.asarray, gradient.values()):
            assert np.all(part[:, edge:] == 0)
            assert np.all(np.any(part[:, :edge] != 0, axis=(0, 2)))


@over(STATISTICAL)
@pytest.mark.parametrize("factor", [0.1, 255])
def test_relative_knows_no_scale(name, factor):
    _, expected = values(name, Y, X)
    absolute, relative = values(name, scaled(factor, Y), scaled(factor, X))
    np.testing.assert_allclose(relative, expected, rtol=1e-3)
    if name != "MMD":  # whose kernel knows no scale itself
        assert not np.isclose(absolute, values(name, Y, X)[0], rtol=0.1)


@over(STATISTICAL)
def test_gradients_are_finite_and_those_of_flat_features_too(name):
    flat = {layer: np.full_like(feature, 0.5) for layer, feature in X.items()}
    for style, image in ((Y, X), (Y, flat), (flat, X), (flat, flat)):
        for value, gradient in evaluated(style, image)[name]:
            assert np.isfinite(value)
            assert all(np.all(np.isfinite(leaf)) for leaf in gradient.values())
    assert all(np.any(leaf != 0) for _, gradient in evaluated(Y, X)[name] for leaf in gradient.values())


@over(STATISTICAL)
def test_a_mask_of_nothing_gives_a_finite_gradient(name):
    nothing = np.zeros_like(ONES)
    for value, gradient in evaluated(Y, X, nothing, nothing)[name]:
        assert np.isfinite(value)
        assert all(np.all(np.isfinite(leaf)) for leaf in gradient.values())


def test_new_targets_weights_and_masks_do_not_retrace():
    evaluate = Compiled(lambda every, features: [loss(features) for loss in every])
    build = Compiled(lambda *arguments: [Masked(cls.relative(*arguments), LEFT) for cls in STATISTICAL])
    first = evaluate(build(X, WEIGHT, LEFT), Y)
    second = evaluate(build(Y, {"shallow": 3.0, "deep": 0.1}, 1 - LEFT), X)
    assert build.traces == evaluate.traces == 1
    assert not np.any(np.isclose(first, second, rtol=1e-3))


# ---- excitement


def test_activation_is_one_at_the_content_and_falls_as_layers_light_up():
    loss = Activation.relative(X, {"shallow": 0.25, "deep": 0.75})
    np.testing.assert_allclose(loss(X), 1, rtol=1e-6)
    np.testing.assert_allclose(loss(scaled(2, X)), 1 / 4, rtol=1e-6)
    np.testing.assert_allclose(loss(scaled(0.5, X)), 4, rtol=1e-6)
    np.testing.assert_allclose(loss(X | {"deep": 2 * X["deep"]}), 0.25 + 0.75 / 4, rtol=1e-6)
    gradient = jax.grad(loss)(X)
    assert all(jnp.vdot(gradient[layer], X[layer]) < 0 for layer in WEIGHT)
