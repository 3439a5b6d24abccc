"""Laws of the closed-form transforms: what they match is matched, hard cases survive, regions do not mix."""

from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import Compiled, features
from jaxtyping import TypeCheckError

from jaxstyle import linalg
from jaxstyle.core import Regions
from jaxstyle.losses import Moments as MomentsLoss
from jaxstyle.losses import SlicedWasserstein
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.statistics.histograms import Histogram
from jaxstyle.statistics.moments import Moments
from jaxstyle.statistics.patches import Patches
from jaxstyle.statistics.quantiles import Quantiles
from jaxstyle.statistics.slices import Slices
from jaxstyle.transforms import (
    match_covariance,
    match_histogram,
    match_moments,
    match_quantiles,
    match_regions,
    match_sliced,
    match_slices,
    pooled,
    swap_patches,
)
from jaxstyle.transforms.covariance import WHITENINGS

C = 4


class Transform(NamedTuple):
    """A transform and the statistic that it matches."""

    of: Any
    match: Any

    def __call__(self, content, style, own=None, weight=None):
        """Return the content with the statistic of the style: masks say what counts of each."""
        return self.match(content, self.of(style, weight=weight), own)


def by(whitening):
    return Transform(Covariance.of, partial(match_covariance, whitening=whitening))


def slices(count):
    """Return sliced transport along random rotations, and the channels at last."""
    turned = linalg.rotations(jax.random.key(0), count, C)
    rotations = jnp.concatenate([turned, jnp.eye(C)[None]])
    return Transform(partial(Slices.of, rotations=rotations), match_slices)


POINTWISE = {name: by(whitening) for name, whitening in WHITENINGS.items()} | {
    "moments": Transform(Moments.of, match_moments),
    "quantiles": Transform(Quantiles.of, match_quantiles),
    "histogram": Transform(Histogram.of, match_histogram),
    "sliced": Transform(partial(Patches.of, side=1), partial(match_sliced, steps=4)),
    "slices": slices(3),
}
ROUNDING = {"slices": 5e-3}  # of maps that are steep between knots
TRANSFORMS = POINTWISE | {"patches": Transform(Patches.of, swap_patches)}


def over(transforms):
    return pytest.mark.parametrize("name", transforms)


def mixed(height, width, channels, seed) -> Any:
    """Return a feature of well-conditioned, correlated channels."""
    matrix = np.eye(channels) + 0.5 * np.asarray(features(channels, channels, seed=seed + 10)) / channels**0.5
    return jnp.asarray(np.asarray(features(height, width, channels, seed=seed)) @ matrix + seed, jnp.float32)


H, W = 16, 18  # more pixels than a half-precision float can count
X, Y = mixed(H, W, C, 1), 2 * mixed(15, 20, C, 2)
LEFT, ONE, NONE = (np.zeros((H, W), np.float32) for _ in range(3))
LEFT[:, :9] = ONE[3, 4] = 1
ONES = np.ones((H, W), np.float32)


@Compiled
def every(*arguments) -> dict:
    """Return what each transform makes: one program, which takes less time than many."""
    return {name: transform(*arguments) for name, transform in TRANSFORMS.items()}


# ---- moments and covariance


def test_moments_loss_after_match_moments_is_zero():
    content, style = features(9, 8, 5), 3 * features(7, 6, 5, seed=1) + 2
    loss = MomentsLoss.mean({"x": style}, {"x": 1.0})
    assert loss({"x": content}) > 1
    assert loss({"x": match_moments(content, Moments.of(style))}) < 1e-7


@Compiled
def whitened(content, style):
    """Return the covariance of the style, and those of what each way makes."""
    target = Covariance.of(style)
    return target, {
        name: Covariance.of(match_covariance(content, target, whitening=WHITENINGS[name]))
        for name in WHITENINGS
    }


def test_shapes_are_checked_in_tests():
    with pytest.raises(TypeCheckError, match="match_moments"):
        match_moments(X[0], Moments.of(Y))


@over(WHITENINGS)
@pytest.mark.parametrize("channels", [3, 16])
def test_covariance_after_match_covariance_is_the_styles(channels, name):
    content = features(20, 20, channels) @ features(channels, channels, seed=2)
    style = features(18, 22, channels, seed=3) @ features(channels, channels, seed=4) + 5
    target, every = whitened(content, style)
    matched = every[name]
    np.testing.assert_allclose(matched.mean, target.mean, rtol=1e-4)
    scale = jnp.max(jnp.abs(target.matrix))
    np.testing.assert_allclose(matched.matrix / scale, target.matrix / scale, atol=2e-3)


def test_whitening_leaves_out_what_is_only_rounding():
    flat = jnp.concatenate([features(12, 12, 3), jnp.zeros((12, 12, 2))], axis=-1)
    assert jnp.all(jnp.isfinite(match_covariance(flat, Covariance.of(features(9, 9, 5, seed=1)))))


@pytest.mark.parametrize("whitening", WHITENINGS)
@pytest.mark.parametrize("level", [0.0, 7.0])
def test_a_constant_feature_becomes_the_mean_of_the_style(whitening, level):
    rounding = level + 1e-6 * features(12, 12, 5)
    style = features(9, 9, 5, seed=1)
    matched = match_covariance(rounding, Covariance.of(style), whitening=WHITENINGS[whitening])
    np.testing.assert_allclose(matched, jnp.broadcast_to(style.mean((0, 1)), matched.shape), atol=1e-5)


def root(matrix, exponent):
    values, axes = np.linalg.eigh(matrix)
    return axes * values**exponent @ axes.T


def zca(feature, goal):
    """Whiten and colour in float64; `goal` is a mean and a covariance."""
    rows = np.asarray(feature, np.float64).reshape(-1, feature.shape[-1])
    matrix = root(goal[1], 0.5) @ root(np.cov(rows.T, bias=True), -0.5)
    return ((rows - rows.mean(0)) @ matrix.T + goal[0]).reshape(feature.shape)


@over(["zca", "newton_schulz"])
def test_whitening_and_its_gradient_are_numpys(name):
    """The gradient is held along a direction, against central differences in float64."""
    style = np.asarray(Y, np.float64).reshape(-1, C)
    goal = style.mean(0), np.cov(style.T, bias=True)
    weigh, direction = (np.asarray(features(*X.shape, seed=seed), np.float64) for seed in (5, 6))
    matched = every(X, Y)[name]
    np.testing.assert_allclose(matched, zca(X, goal), atol=1e-3)
    value = lambda feature: np.sum(weigh * zca(feature, goal) ** 2)
    expected = (value(X + 1e-4 * direction) - value(X - 1e-4 * direction)) / 2e-4
    gradient = Compiled(jax.grad(lambda x: jnp.sum(weigh.astype(np.float32) * TRANSFORMS[name](x, Y) ** 2)))(
        X
    )
    np.testing.assert_allclose(np.vdot(gradient, direction), expected, rtol=2e-3)


@over(["zca", "newton_schulz"])
def test_gradients_are_finite_at_equal_eigenvalues_and_channels_that_are_off(name):
    flat = np.concatenate([X, np.zeros((H, W, 2), np.float32)], axis=-1)
    loss = lambda x: jnp.sum(
        match_covariance(x, Covariance.of(x[::-1, :, ::-1] + 1), whitening=WHITENINGS[name]) ** 2
    )
    assert np.all(np.isfinite(Compiled(jax.grad(loss))(flat)))


def test_monge_is_symmetric_and_moves_least():
    content, style = X @ np.asarray(features(C, C, seed=3)), Y @ np.asarray(features(C, C, seed=4))
    whiten = Compiled(lambda x, y: WHITENINGS["monge"](Covariance.of(x).matrix, Covariance.of(y).matrix))
    matrix = np.asarray(whiten(content, style))
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-4 * np.max(matrix))
    moved = {name: np.mean((every(content, style)[name] - content) ** 2) for name in WHITENINGS}
    assert all(1.01 * moved["monge"] < moved[name] for name in moved.keys() - {"monge"})


def monge64(own, target):
    inverse, half = root(own, -0.5), root(own, 0.5)
    return inverse @ root(half @ target @ half, 0.5) @ inverse


AXES = np.linalg.qr([[1, 1, 0], [1, -1, 1], [1, 0, -1]])[0]


@pytest.mark.parametrize("spread", [[0.15, 0.03, 0.006], [0.15, 0.15, 0.15], [0.3, 0.03, 0.003]], ids=str)
def test_monge_is_numpys_of_conditions_whose_product_is_rounding(spread):
    own = AXES * np.square(spread) @ AXES.T
    target = AXES[::-1] * np.square([0.2, 0.05, 0.01]) @ AXES[::-1].T
    for goal in (own, target):
        expected = monge64(own, goal)
        found = matrices(np.float32(own), np.float32(goal))["monge"]
        np.testing.assert_allclose(found, expected, atol=1e-3 * np.max(np.abs(expected)))


matrices = Compiled(
    lambda own, target: {name: whitening(own, target) for name, whitening in WHITENINGS.items()}
)


@pytest.mark.parametrize("values", [[1, 1, 1], [3, 2, 0], [0, 0, 0]], ids=str)
def test_the_derivative_of_the_modulus_is_finite_and_its_difference(values):
    other = np.linalg.qr(np.asarray(features(3, 3, seed=2), np.float64))[0]
    matrix, change = other * values @ AXES.T, other @ np.diag([0.3, -0.2, 0.5]) @ AXES.T
    with jax.enable_x64(True):
        found = jax.jvp(linalg.modulus, (jnp.asarray(matrix),), (jnp.asarray(change),))
        ends = [np.asarray(linalg.modulus(jnp.asarray(matrix + t * change))) for t in (-1e-6, 1e-6)]
    assert np.all(np.isfinite(found[1]))
    if min(values) > 0:
        np.testing.assert_allclose(found[1], (ends[1] - ends[0]) / 2e-6, atol=1e-5)


# ---- distributions


@pytest.fixture(scope="module")
def sized():
    """A style of as many pixels as the content, and what quantiles make of the pair."""
    style = 3 * mixed(W, H, C, 3) ** 3
    return style, np.asarray(Compiled(TRANSFORMS["quantiles"])(X, style))


def test_matched_quantiles_are_the_styles_in_the_contents_order(sized):
    style, matched = (np.asarray(feature).reshape(-1, C) for feature in sized)
    order = np.argsort(X.reshape(-1, C), axis=0)
    np.testing.assert_allclose(
        np.take_along_axis(matched, order, 0), np.sort(style, axis=0), rtol=1e-5, atol=1e-5
    )


def test_equal_pixels_stay_equal_and_in_order():
    content = np.round(X)
    matched = np.asarray(every(content, Y)["quantiles"])
    for own, after in zip(content.reshape(-1, C).T, matched.reshape(-1, C).T, strict=True):
        values, first = np.unique(own, return_index=True)
        assert len(values) < len(own)
        np.testing.assert_array_equal(after, after[first][np.searchsorted(values, own)])
        assert np.all(np.diff(after[first]) > 0)


def test_sliced_transport_matches_the_joint_distribution():
    content, style = mixed(20, 20, C, 1), jnp.abs(mixed(21, 19, C, 2))
    matched = Compiled(Transform(partial(Patches.of, side=1), match_sliced))(content, style)
    distance = Compiled(lambda x: SlicedWasserstein.mean({"x": style}, {"x": 1.0})({"x": x}))
    assert 5 * distance(matched) < distance(content)
    own, target = (Compiled(Covariance.of)(feature) for feature in (matched, style))
    np.testing.assert_allclose(own.mean, target.mean, atol=0.03 * np.sqrt(np.trace(target.matrix)))
    np.testing.assert_allclose(own.matrix, target.matrix, atol=0.03 * np.trace(target.matrix))


def test_slices_along_the_channels_match_their_histograms():
    own, style = X, 3 * mixed(W, H, C, 3) ** 3
    matched, expected = Compiled(
        lambda x, y: (
            slices(0)(x, y),
            match_quantiles(match_covariance(x, Covariance.of(y)), Quantiles.of(y)),
        )
    )(own, style)
    apart = np.mean(np.abs(matched - expected), axis=(0, 1)) / np.std(style, axis=(0, 1))
    assert np.max(apart) < 0.01


def test_slices_come_nearer_to_the_joint_distribution_than_covariance_and_histograms():
    content, style = mixed(20, 20, C, 1), jnp.abs(mixed(21, 19, C, 2))
    loss = SlicedWasserstein.mean({"x": style}, {"x": 1.0})
    ways = (Transform(Covariance.of, match_covariance), slices(0), slices(2))
    distances = Compiled(lambda x: [loss({"x": way(x, style)}) for way in ways])(content)
    assert all(more < 0.7 * less for less, more in pairwise(distances))


def test_slices_of_a_feature_leave_it_as_it_is():
    np.testing.assert_allclose(every(X, X)["slices"], X, atol=2e-2)


def test_slices_do_not_know_where_pixels_stand():
    np.testing.assert_allclose(every(X, Y[::-1, ::-1])["slices"], every(X, Y)["slices"], atol=1e-3)


def test_a_feature_swapped_with_its_own_patches_is_itself():
    own = Patches.of(jnp.pad(X, ((2, 2), (2, 2), (0, 0)), mode="edge"))
    np.testing.assert_allclose(Compiled(swap_patches)(X, own), X, rtol=1e-5, atol=1e-5)


attended = Compiled(lambda x, y: swap_patches(x, Patches.of(y), temperature=0.1))


def test_attention_at_a_low_temperature_is_the_swap():
    soft = Compiled(lambda x, y: swap_patches(x, Patches.of(y), temperature=1e-5))(X, Y)
    assert np.quantile(np.abs(soft - every(X, Y)["patches"]), 0.9) < 1e-4
    assert np.max(np.abs(attended(X, Y) - soft)) > 0.1


def test_attention_to_a_constant_style_is_its_value():
    np.testing.assert_allclose(attended(X, np.full_like(Y, 0.5)), 0.5, atol=1e-5)


def test_attention_does_not_know_where_pixels_stand():
    of_pixels = Compiled(lambda x, y: swap_patches(x, Patches.of(y, 1), temperature=0.1))
    np.testing.assert_allclose(of_pixels(X, Y[::-1, ::-1]), of_pixels(X, Y), atol=1e-4)


# ---- hard cases

HARD = {
    "constant": (np.full_like(X, 0.5), Y),
    "constant-style": (X, np.full_like(Y, 0.5)),
    "black": (np.zeros_like(X), np.zeros_like(Y)),
    "tiny": (X[:4, :4], Y[:4, :4]),
}


@over(TRANSFORMS)
@pytest.mark.parametrize("case", HARD)
def test_hard_cases_survive(name, case):
    matched = every(*HARD[case])[name]
    assert matched.dtype == jnp.float32
    assert np.all(np.isfinite(matched))


@over(TRANSFORMS)
@pytest.mark.parametrize("own", [ONE, NONE, ONES], ids=["one", "none", "all"])
@pytest.mark.parametrize("weight", [ONE, NONE], ids=["of-one", "of-none"])
def test_masks_of_hardly_a_pixel_survive(name, own, weight):
    assert np.all(np.isfinite(every(X, X[::-1], own, weight)[name]))


@over(TRANSFORMS)
def test_half_precision_is_kept_and_near(name):
    half = [jnp.asarray(feature, jnp.bfloat16) for feature in (X, Y)]
    matched = every(*half)[name]
    assert matched.dtype == jnp.bfloat16
    error = np.float32(matched) - every(*map(np.float32, half))[name]
    assert np.sqrt(np.mean(error**2)) < (2 if name == "patches" else 0.06)  # another patch may be nearest


# ---- roots


@Compiled
def roots(matrix):
    return linalg.newton_schulz(matrix), linalg.lifted(matrix), linalg.power(matrix, 0.5)


@pytest.mark.parametrize("matrix", [np.cov(X.reshape(-1, C).T), np.eye(C), 1e-4 * np.diag([1, 2, 5, 9])])
def test_newton_schulz_gives_the_root_and_its_inverse(matrix):
    matrix = np.asarray(matrix, np.float32)
    (root, inverse), lifted, power = roots(matrix)
    np.testing.assert_allclose(root @ root, lifted, atol=1e-5 * float(np.max(matrix)))
    np.testing.assert_allclose(root @ inverse, np.eye(C), atol=1e-4)
    np.testing.assert_allclose(root, power, atol=1e-4 * np.sqrt(np.max(matrix)))


power = Compiled(linalg.power)


@pytest.mark.parametrize("rank", [0, 1, 3])
@pytest.mark.parametrize("exponent", [-1.0, -0.5, 0.5, 1.0])
def test_powers_leave_out_directions_without_variance(rank, exponent):
    axes = np.linalg.qr(np.asarray(features(C, C), np.float64))[0][:, :rank]
    values = np.arange(1, rank + 1) / 2
    actual = power(np.float32(axes * values @ axes.T), exponent)
    np.testing.assert_allclose(actual, axes * values**exponent @ axes.T, atol=1e-5)


@pytest.mark.parametrize("exponent", [0.5, -0.5])
@pytest.mark.parametrize("values", [[1, 1, 1, 1], [1, 1.0005, 2, 5], [3, 2, 1, 0]], ids=str)
def test_the_gradient_of_a_power_is_its_difference(values, exponent):
    """Along a direction within the span, so that no eigenvalue crosses the floor."""
    axes = np.linalg.qr(np.asarray(features(C, C), np.float64))[0]
    rank = np.asarray(values, bool)
    inner = np.asarray(features(C, C, seed=1), np.float64) * np.outer(rank, rank)
    at = lambda t: axes @ (np.diag(values) + t * (inner + inner.T)) @ axes.T
    with jax.enable_x64(True):
        _, change = jax.jvp(lambda t: linalg.power(at(t), exponent), (0.0,), (1.0,))
        ends = [np.asarray(linalg.power(jnp.asarray(at(t)), exponent)) for t in (-1e-5, 1e-5)]
    np.testing.assert_allclose(change, (ends[1] - ends[0]) / 2e-5, atol=1e-4)


@pytest.mark.parametrize("name", WHITENINGS)
def test_many_batches_of_roots_at_once_come_to_an_end(name):
    """Not so with JAX's own eigenvalues of batches on two cores, each of which waits for the other."""
    pairs = [np.stack([np.asarray(features(9, 9, 8, seed=i + j)) for i in (0, 1)]) for j in range(12)]
    match = lambda x: match_covariance(x, Covariance.of(x[::-1] + 1), whitening=WHITENINGS[name])
    every = Compiled(lambda pairs: [jax.vmap(match)(pair) for pair in pairs])(pairs)
    np.testing.assert_allclose(every[0][1], Compiled(match)(pairs[0][1]), atol=1e-3)


@pytest.mark.parametrize("size", [1, 4])
def test_rotations_are_orthogonal_and_differ(size):
    every = np.asarray(linalg.rotations(jax.random.key(0), 5, size))
    for rotation in every:
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(size), atol=1e-5)
    if size > 1:
        assert np.all(np.max(np.abs(every[1:] - every[0]), axis=(1, 2)) > 0.1)


# ---- regions


@Compiled
def regional(content, styles, weights, masks) -> dict:
    """Return what each transform makes of styles, of which weights count, in regions of the content."""

    def blend(of, match):
        targets = [of(style, weight=weight) for style, weight in zip(styles, weights, strict=True)]
        return match_regions(match, content, pooled(Regions(targets, masks), content.shape))

    return {name: blend(*transform) for name, transform in TRANSFORMS.items()}


@over(TRANSFORMS)
def test_a_region_of_ones_is_no_region(name):
    np.testing.assert_allclose(
        regional(X, [Y], [None], ONES[None])[name], every(X, Y)[name], atol=ROUNDING.get(name, 2e-4)
    )


@over(POINTWISE)
def test_halves_do_not_know_each_other(name):
    masks = np.stack([LEFT, 1 - LEFT])
    style = mixed(H, W, C, 2) * (1 + LEFT[..., None])
    halves = [every(X[:, part], style[:, part])[name] for part in (slice(0, 9), slice(9, 18))]
    both = regional(X, [style, style], list(masks), masks)[name]
    np.testing.assert_allclose(both, np.concatenate(halves, axis=1), atol=ROUNDING.get(name, 2e-4))


@over(TRANSFORMS)
def test_a_mix_is_the_mean_of_what_each_style_gives(name):
    styles = [mixed(H, W, C, 2), -mixed(H, W, C, 3)]
    mix = regional(X, styles, [ONES, ONES], np.stack([0.3 * ONES, 0.7 * ONES]))[name]
    first, second = (every(X, style, ONES, ONES)[name] for style in styles)
    np.testing.assert_allclose(mix, 0.3 * first + 0.7 * second, atol=ROUNDING.get(name, 2e-4))


def test_shares_are_masks_of_one_pixel():
    targets, shares = [Moments.of(Y), Moments.of(-Y)], np.asarray([0.3, 0.7], np.float32)[:, None, None]
    mix = Compiled(lambda masks: match_regions(match_moments, X, pooled(Regions(targets, masks), X.shape)))
    np.testing.assert_allclose(mix(shares), mix(shares * ONES), atol=1e-5)


@over(TRANSFORMS)
def test_where_masks_do_not_reach_one_the_content_keeps_its_share(name):
    part = regional(X, [Y], [None], 0.25 * ONES[None])[name]
    np.testing.assert_allclose(part, 0.25 * every(X, Y)[name] + 0.75 * X, atol=ROUNDING.get(name, 2e-4))
    gone = np.asarray(regional(X, [Y], [None], LEFT[None])[name])
    np.testing.assert_array_equal(gone[:, 9:], X[:, 9:])
    assert np.max(np.abs(gone[:, :9] - X[:, :9])) > 0.1
