"""Laws of the statistics: sums over pixels, so they merge over tiles, and a mask is a weight of pixels."""

from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import Compiled, all_pairs, features

from jaxstyle import InputError
from jaxstyle.statistics.covariance import Covariance, second_moment
from jaxstyle.statistics.histograms import Histogram
from jaxstyle.statistics.kernels import Gaussian, KernelMean, Linear, Polynomial
from jaxstyle.statistics.moments import Moments
from jaxstyle.statistics.patches import Patches, assemble, patches
from jaxstyle.statistics.quantiles import Quantiles, ranked

X: Any = 2 * features(9, 8, 4) + 5
WEIGHT = np.random.default_rng(1).uniform(0.1, 1, (9, 8)).astype(np.float32)
NONE, ONES = np.zeros((9, 8), np.float32), np.ones((9, 8), np.float32)
HALF, ONE = NONE.copy(), NONE.copy()
HALF[:, 3:] = ONE[4, 2] = 1
KERNELS = {"linear": Linear(), "polynomial": Polynomial(), "gaussian": Gaussian.of(X, count=64)}


def kernel_mean(kernel):
    return lambda feature, weight: KernelMean.of(feature, kernel, weight)


STATISTICS = {
    "moments": Moments.of,
    "covariance": Covariance.of,
    "quantiles": Quantiles.of,
    "histogram": lambda feature, weight: Histogram.of(feature / 10, weight),
    "pixels": lambda feature, weight: Patches.of(feature, 1, weight),
} | {name: kernel_mean(kernel) for name, kernel in KERNELS.items()}


def summaries(feature, weight=None) -> dict:
    """Return all statistics of a feature: one program, which takes less time than many."""
    return {name: of(feature, weight) for name, of in STATISTICS.items()}


of = Compiled(summaries)
merged = Compiled(lambda a, b: {name: a[name].merge(b[name]) for name in STATISTICS})
at = Compiled(lambda quantiles, positions: quantiles.at(positions))


@Compiled
def positions(feature, weight):
    """Return where every pixel stands, pixel by pixel."""
    ranks = ranked(feature, weight)
    return jnp.zeros_like(ranks.positions).at[ranks.order, jnp.arange(feature.shape[-1])].set(ranks.positions)


nearest = Compiled(lambda own, rows: own.nearest(rows))

every = pytest.mark.parametrize("name", STATISTICS)
weighted = pytest.mark.parametrize("weight", [None, WEIGHT, HALF], ids=["plain", "weighted", "masked"])
masked = pytest.mark.parametrize("mask", [HALF, ONE], ids=["half", "one"])


def said(statistic) -> list[np.ndarray]:
    """Return the numbers that a statistic says: of samples, those that have weight."""
    if not isinstance(statistic, Quantiles | Patches):
        return [np.asarray(leaf) for leaf in jax.tree.leaves(statistic)]
    values = np.asarray(statistic.values).T
    weights = np.broadcast_to(np.asarray(statistic.weights).reshape(values.shape[1], -1).T, values.shape)
    return [values[weights > 0], weights[weights > 0]]


def assert_same(actual, expected):
    assert type(actual) is type(expected)
    for a, b in zip(said(actual), said(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def rows_of(feature, weight):
    """Return the pixels as rows, and their weights, of float64."""
    rows = np.asarray(feature, np.float64).reshape(-1, feature.shape[-1])
    return rows, np.ones(len(rows)) if weight is None else np.asarray(weight, np.float64).ravel()


def inside(feature, mask):
    """Return the pixels under a mask of zeros and ones, as a feature of one column."""
    return feature[mask > 0][:, None]


def tiles_of(feature, weight):
    """Return the statistics of three strips."""
    rows = [slice(0, 3), slice(3, 6), slice(6, 9)]
    return [of(feature[part], None if weight is None else weight[part]) for part in rows]


@every
@weighted
def test_tiles_merge_to_the_whole(name, weight):
    assert_same(reduce(merged, tiles_of(X, weight))[name], of(X, weight)[name])


@every
def test_a_tile_of_no_weight_adds_nothing(name):
    own = of(X, WEIGHT)
    assert_same(merged(own, of(100 * X, NONE))[name], own[name])


@every
def test_a_mask_of_ones_is_no_mask(name):
    assert_same(of(X, ONES)[name], of(X)[name])


@every
@masked
def test_a_mask_counts_the_pixels_that_are_in(name, mask):
    assert_same(of(X, mask)[name], of(inside(X, mask))[name])


@every
@pytest.mark.parametrize("mask", [NONE, ONE], ids=["none", "one"])
def test_a_mask_of_hardly_a_pixel_gives_finite_numbers(name, mask):
    own = of(X, mask)
    for statistic in (own[name], merged(own, of(X, NONE))[name]):
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(statistic))


@pytest.fixture(scope="module")
def together():
    """All statistics under three masks at once."""
    masks = np.stack([WEIGHT, HALF, ONE])
    return masks, Compiled(jax.vmap(summaries, in_axes=(None, 0)))(X, masks)


@every
def test_vmap_over_masks_is_one_by_one(name, together):
    for index, mask in enumerate(together[0]):
        own = jax.tree.map(lambda leaf, index=index: np.asarray(leaf)[index], together[1][name])
        assert_same(own, of(X, mask)[name])


# ---- moments and covariance


@pytest.mark.parametrize("offset", [0, 30])
@weighted
def test_moments_and_covariance_are_numpys(weight, offset):
    feature = X + offset
    rows, weights = rows_of(feature, weight)
    mean = np.average(rows, axis=0, weights=weights)
    matrix = np.cov(rows.T, aweights=weights, bias=True)
    found = of(feature, weight)
    moments, covariance = found["moments"], found["covariance"]
    for own in (moments, covariance):
        np.testing.assert_allclose(own.mean, mean, rtol=1e-5)
        np.testing.assert_allclose(own.weight, weights.sum(), rtol=1e-6)
    np.testing.assert_allclose(moments.variance, np.diag(matrix), rtol=1e-5)
    np.testing.assert_allclose(moments.deviation, np.sqrt(np.diag(matrix) + 1e-5), rtol=1e-5)
    np.testing.assert_allclose(covariance.matrix, matrix, atol=2e-5)
    second = np.einsum("p,pc,pd->cd", weights, rows, rows) / weights.sum()
    np.testing.assert_allclose(Compiled(second_moment)(feature, weight), second, rtol=1e-5)


def test_covariance_is_the_second_moment_less_the_means():
    x = features(9, 8, 5) + 3
    own = Covariance.of(x)
    np.testing.assert_allclose(own.matrix, second_moment(x) - jnp.outer(own.mean, own.mean), atol=1e-4)
    np.testing.assert_allclose(Moments.of(x).deviation ** 2 - 1e-5, jnp.diag(own.matrix), rtol=1e-4)


# ---- quantiles


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_quantiles_stand_where_they_say(weight):
    own = of(X, weight)["quantiles"]
    asked = np.linspace(0, 1, 201)
    found = at(own, np.asarray([asked] * 4, np.float32).T)
    rows, weights = rows_of(X, weight)
    for channel, values in enumerate(rows.T):
        order = np.argsort(values)
        places = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
        np.testing.assert_array_equal(own.values[:, channel], values[order])
        np.testing.assert_allclose(own.positions[:, channel], places, rtol=1e-5)
        np.testing.assert_allclose(found[:, channel], np.interp(asked, places, values[order]), rtol=1e-4)
    np.testing.assert_allclose(at(own, own.positions), own.values, rtol=1e-6)


@masked
def test_quantiles_under_a_mask_are_those_of_the_pixels_in_it(mask):
    asked = np.asarray([np.linspace(0, 1, 301)] * 4, np.float32).T
    expected = at(of(inside(X, mask))["quantiles"], asked)
    for statistics in (of(X, mask), reduce(merged, tiles_of(X, mask))):
        np.testing.assert_allclose(at(statistics["quantiles"], asked), expected, rtol=1e-4)


@weighted
def test_equal_values_stand_together_and_the_mean_position_is_the_middle(weight):
    ties = np.round(X)
    assert len(np.unique(ties)) < 20
    actual = np.asarray(positions(ties, weight), np.float64).reshape(-1, 4)
    rows, weights = rows_of(ties, weight)
    for values, found in zip(rows.T, actual.T, strict=True):
        below, upto = (weights @ compare(values[:, None], values) for compare in (np.less, np.less_equal))
        np.testing.assert_allclose(found, (below + upto) / 2 / weights.sum(), atol=1e-6)
    np.testing.assert_allclose(np.average(actual, axis=0, weights=weights), 0.5, atol=1e-6)


def test_values_of_their_own_have_the_quantiles_positions():
    np.testing.assert_allclose(ranked(X).positions, Quantiles.of(X).positions, atol=1e-6)


# ---- kernels


def pairs(kernel, x, y):
    """Return the mean of a kernel over all pairs of pixels."""
    return jnp.mean(all_pairs(kernel, x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])))


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_means_multiply_to_the_mean_over_all_pairs(name):
    y = X[:, ::-1][:5] * 0.7 + 1
    kernel = Gaussian.of(X, count=4096) if name == "gaussian" else KERNELS[name]
    exact = {"atol": 0.02} if name == "gaussian" else {"rtol": 1e-5}
    means = Compiled(
        lambda a, b: (
            jnp.vdot(KernelMean.of(a, kernel).mean, KernelMean.of(b, kernel).mean),
            pairs(kernel, a, b),
        )
    )
    for a, b in ((X, X), (X, y), (y, y)):
        np.testing.assert_allclose(*means(a, b), **exact)


@weighted
def test_gamma_is_one_over_the_mean_squared_distance(weight):
    rows, weights = rows_of(X, weight)
    distances = np.sum((rows[:, None] - rows) ** 2, axis=-1)
    mean = weights @ distances @ weights / weights.sum() ** 2
    np.testing.assert_allclose(Compiled(Gaussian.of)(X, weight).gamma, 1 / mean, rtol=1e-5)


# ---- patches


def squares(feature, side=3, weight=None, stride=1) -> Patches:
    return Compiled(lambda feature, weight: Patches.of(feature, side, weight, stride))(feature, weight)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("side", [1, 2, 3])
def test_patches_are_numpys_windows_with_the_weight_of_their_middle(side, stride):
    windows = np.lib.stride_tricks.sliding_window_view(X, (side, side), axis=(0, 1))[::stride, ::stride]
    expected = np.moveaxis(windows, 2, -1).reshape(-1, 4 * side**2)
    own = squares(X, side, WEIGHT, stride)
    np.testing.assert_array_equal(own.values, expected)
    middles = np.lib.stride_tricks.sliding_window_view(WEIGHT, (side, side))[..., side // 2, side // 2]
    np.testing.assert_array_equal(own.weights, middles[::stride, ::stride].ravel())


@pytest.mark.parametrize("side", [1, 2, 3, 5])
def test_assemble_undoes_patches(side):
    again = Compiled(lambda feature: assemble(patches(feature, side), side, feature.shape))
    np.testing.assert_allclose(again(X), X, rtol=1e-6)


@pytest.mark.parametrize("side", [1, 3])
def test_the_nearest_of_ones_own_patches_is_oneself(side):
    own = squares(features(9, 8, 4, seed=3), side)
    np.testing.assert_array_equal(nearest(own, own.values), np.arange(len(own.values)))


@pytest.mark.parametrize("size", [9, 36])  # 36: more rows than are in memory at once
def test_nearest_is_the_best_of_all_pairs(size):
    own, other = squares(features(7, 8, 2)), squares(features(size, size, 2, seed=1))
    a, b = np.asarray(other.values, np.float64), np.asarray(own.values, np.float64)
    correlations = a @ (b / np.linalg.norm(b, axis=1, keepdims=True)).T
    np.testing.assert_array_equal(nearest(own, other.values), correlations.argmax(1))


@masked
def test_centered_patches_have_no_mean(mask):
    own = squares(features(9, 8, 4) + 3, weight=mask).centered()
    np.testing.assert_allclose(own.weights @ own.values, 0, atol=1e-3)


@masked
def test_patches_of_no_weight_are_never_chosen(mask):
    own = squares(features(9, 8, 4), weight=mask)
    chosen, weights = np.asarray(nearest(own, own.values)), np.asarray(own.weights)
    assert np.all(weights[chosen] > 0)
    kept = np.flatnonzero(weights)
    np.testing.assert_array_equal(chosen[kept], kept)


@pytest.mark.parametrize("shape", [(2, 8), (8, 2)])
def test_a_feature_smaller_than_a_patch_is_refused(shape):
    with pytest.raises(InputError, match=rf"{shape[1]}x{shape[0]} has no patch of 3x3"):
        Patches.of(features(*shape, 4), 3)
