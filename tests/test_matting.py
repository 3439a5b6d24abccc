"""The matting Laplacian beside a dense one written from the definition, and what smooths by it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from conftest import Compiled, features, picture

from jaxstyle import InputError
from jaxstyle.image.color import from_cielab, to_cielab
from jaxstyle.image.matting import EPSILON, Laplacian
from jaxstyle.losses import Photoreal
from jaxstyle.smoothing import SMOOTHERS, ClosedForm, Guided, ScreenedPoisson

SHAPES = [(3, 3), (7, 5)]
PICTURES = {
    "smooth": lambda h, w: np.asarray(picture(h, w, 3), np.float64),
    "noise": lambda h, w: np.random.default_rng(1).random((h, w, 3)),
    "grey": lambda h, w: np.repeat(np.random.default_rng(2).random((h, w, 1)), 3, -1),
    "constant": lambda h, w: np.full((h, w, 3), 0.3),
}


def dense(image: np.ndarray, epsilon: float = EPSILON) -> np.ndarray:
    """Return the Laplacian as a matrix, window by window as its definition says."""
    h, w, _ = image.shape
    colors, places, matrix = image.reshape(-1, 3), np.arange(h * w).reshape(h, w), np.zeros((h * w, h * w))
    for y, x in np.ndindex(h - 2, w - 2):
        window = places[y : y + 3, x : x + 3].ravel()
        apart = colors[window] - colors[window].mean(0)
        lifted = np.cov(colors[window].T, bias=True) + epsilon / 9 * np.eye(3)
        affinity = (1 + apart @ np.linalg.solve(lifted, apart.T)) / 9
        matrix[np.ix_(window, window)] += np.eye(9) - affinity
    return matrix


@pytest.fixture(params=SHAPES, ids=str)
def shape(request):
    return request.param


@pytest.fixture(params=PICTURES)
def image(request, shape):
    return PICTURES[request.param](*shape)


def test_stencil_and_sparse_matrix_are_the_definition(image):
    expected = dense(image)
    p = np.random.default_rng(5).random(image.shape)
    with jax.enable_x64(True):
        laplacian = Laplacian.of(jnp.asarray(image))
        matrix = laplacian.to_bcoo()
        product, energy = laplacian.matvec(jnp.asarray(p)), laplacian.energy(jnp.asarray(p))
        by_matrix = matrix @ jnp.asarray(p).reshape(-1, 3)
        one = laplacian.matvec(jnp.asarray(p[..., 0]))
        diagonal = np.asarray(laplacian.diagonal)
    flat = p.reshape(-1, 3)
    theirs = scipy.sparse.csr_array((matrix.data, tuple(matrix.indices.T)), matrix.shape)
    for actual in (np.reshape(product, (-1, 3)), by_matrix, theirs @ flat):
        np.testing.assert_allclose(actual, expected @ flat, atol=1e-8)
    np.testing.assert_allclose(one, product[..., 0], atol=1e-12)
    np.testing.assert_allclose(energy, np.sum(flat * (expected @ flat)), rtol=1e-8)
    np.testing.assert_allclose(diagonal.ravel(), np.diag(expected), atol=1e-8)


def test_symmetric_and_never_negative_and_blind_to_constants(image):
    laplacian = Laplacian.of(jnp.asarray(image, jnp.float32))
    matrix = np.asarray(laplacian.to_bcoo().todense())
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-5
    np.testing.assert_array_equal(laplacian.matvec(jnp.full(image.shape, 0.7, jnp.float32)), 0)


def test_rows_of_affinities_count_the_windows(shape):
    """W = D - L has the row sums D: the number of windows of a pixel."""
    h, w = shape
    count = np.zeros(shape)
    for y, x in np.ndindex(h - 2, w - 2):
        count[y : y + 3, x : x + 3] += 1
    laplacian = Laplacian.of(jnp.asarray(PICTURES["noise"](h, w), jnp.float32))
    np.testing.assert_array_equal(laplacian.windows, count)


def test_an_affine_function_of_the_colours_costs_hardly_anything():
    image = picture(24, 31, 1)
    laplacian = Laplacian.of(image)
    affine = image @ jnp.asarray([[0.5, 0.2, 0.0], [0.1, 0.7, 0.1], [-0.2, 0.0, 0.9]]) + 0.1
    assert laplacian.energy(affine) < 1e-3 * laplacian.energy(picture(24, 31, 2))


def test_the_gradient_is_twice_the_product_in_one_compilation():
    laplacian, p = Laplacian.of(picture(12, 9, 1)), picture(12, 9, 2)
    gradient = Compiled(jax.grad(lambda p, laplacian: laplacian.energy(p)))
    plain = jax.grad(lambda p: jnp.vdot(p, laplacian.matvec(p)))(p)
    np.testing.assert_allclose(gradient(p, laplacian), plain, atol=2e-4)
    gradient(p[::-1], Laplacian.of(picture(12, 9, 3)))
    assert gradient.traces == 1


def test_vmap_over_contents_is_one_by_one():
    contents = jnp.stack([picture(12, 9, 1), picture(12, 9, 2)])
    energy = lambda content, image: Photoreal.sum(content)({"image": image})
    both = Compiled(jax.vmap(energy, (0, None)))(contents, contents[0])
    alone = [Compiled(energy)(content, contents[0]) for content in contents]
    np.testing.assert_allclose(both, alone, rtol=1e-4)


def test_a_picture_smaller_than_a_window_is_refused():
    with pytest.raises(InputError, match="2x5 px is too small"):
        Laplacian.of(jnp.zeros((5, 2, 3)))


# ---- smoothers


smoothed = Compiled(lambda smoother, image, content: smoother(image, content))


@pytest.fixture(params=SMOOTHERS)
def smoother(request):
    return SMOOTHERS[request.param]


def test_the_content_itself_stays_and_size_and_range_are_kept(smoother):
    content = picture(30, 37, 1)
    same = smoothed(smoother, content, content)
    assert same.shape == content.shape
    assert same.dtype == content.dtype
    assert jnp.mean(jnp.abs(same - content)) < 0.01
    wild = smoothed(smoother, picture(30, 37, 2), content)
    assert jnp.all((wild >= 0) & (wild <= 1))


def test_constant_pictures_stay_finite(smoother):
    flat, result = jnp.full((20, 21, 3), 0.4), picture(20, 21, 1)
    assert jnp.all(jnp.isfinite(smoothed(smoother, result, flat)))
    if not isinstance(smoother, ScreenedPoisson):  # which gives it the content's gradients
        np.testing.assert_allclose(smoothed(smoother, flat, result), flat, atol=2e-3)


def test_noise_goes_and_the_contents_edges_stay():
    step = jnp.where(jnp.arange(40) < 20, 0.2, 0.8)
    content = jnp.broadcast_to(step[None, :, None], (32, 40, 3)) + 0.01 * (picture(32, 40, 4) - 0.5)
    noisy = jnp.clip(1 - content + 0.05 * features(32, 40, 3), 0, 1)
    rough = lambda image: jnp.mean(jnp.diff(image[:, :16], axis=0) ** 2)
    for smoother in (ClosedForm(), Guided(8, 1e-4), ScreenedPoisson()):
        smooth = smoothed(smoother, noisy, content)
        assert rough(smooth) < 0.5 * rough(noisy)
        edge = smooth[:, 19] - smooth[:, 20]  # Poisson turns it to the content's
        assert jnp.mean(edge) < 0 if isinstance(smoother, ScreenedPoisson) else jnp.mean(edge) > 0.4


def test_closed_form_is_the_sparse_solution():
    content, result = picture(19, 23, 1), 0.5 * picture(19, 23, 2) + 0.5 * picture(19, 23, 1)
    beta, matrix = 0.999, dense(np.asarray(content, np.float64))
    with jax.enable_x64(True):
        degree = np.asarray(Laplacian.of(jnp.asarray(content, jnp.float64)).windows, np.float64).ravel()
    scaled = (np.diag(degree) - matrix) / degree[:, None]
    right = (1 - beta) * np.asarray(result, np.float64).reshape(-1, 3)
    expected = np.linalg.solve(np.eye(len(matrix)) - beta * scaled, right)
    smooth = smoothed(ClosedForm(beta), result, content)
    np.testing.assert_allclose(np.reshape(smooth, (-1, 3)), np.clip(expected, 0, 1), atol=1e-3)


def test_guided_is_regression_window_by_window():
    content, result, radius, epsilon = picture(9, 8, 1), picture(9, 8, 2), 2, 1e-2
    guide, p = (np.asarray(x, np.float64) for x in (content, result))
    slopes, offsets = np.zeros((9, 8, 3, 3)), np.zeros((9, 8, 3))
    window = lambda x, i, j: x[max(i - radius, 0) : i + radius + 1, max(j - radius, 0) : j + radius + 1]
    for i, j in np.ndindex(9, 8):
        a, b = (window(x, i, j).reshape(-1, 3) for x in (guide, p))
        covariance = np.cov(a.T, bias=True) + epsilon * np.eye(3)
        slopes[i, j] = np.linalg.solve(covariance, (a - a.mean(0)).T @ (b - b.mean(0)) / len(a))
        offsets[i, j] = b.mean(0) - a.mean(0) @ slopes[i, j]
    expected = np.zeros((9, 8, 3))
    for i, j in np.ndindex(9, 8):
        slope, offset = window(slopes, i, j).mean((0, 1)), window(offsets, i, j).mean((0, 1))
        expected[i, j] = guide[i, j] @ slope + offset
    np.testing.assert_allclose(
        smoothed(Guided(radius, epsilon), result, content), np.clip(expected, 0, 1), atol=1e-4
    )


def test_screened_poisson_solves_its_normal_equations():
    """(1 - w Laplace) x = y - w Laplace c, per channel of CIE Lab."""
    content, result, h, w = picture(7, 6, 1), 0.3 * picture(7, 6, 2) + 0.35, 7, 6
    chain = lambda n: np.diff(np.eye(n), axis=0)
    down, right = np.kron(chain(h), np.eye(w)), np.kron(np.eye(h), chain(w))
    rough = down.T @ down + right.T @ right
    c, y = (np.asarray(to_cielab(x), np.float64).reshape(-1, 3) for x in (content, result))
    columns = [
        np.linalg.solve(np.eye(h * w) + weight * rough, y[:, i] + weight * rough @ c[:, i])
        for i, weight in enumerate((5, 1, 1))
    ]
    expected = from_cielab(jnp.asarray(np.stack(columns, -1).reshape(h, w, 3), jnp.float32))
    smooth = smoothed(ScreenedPoisson(), result, content)
    np.testing.assert_allclose(smooth, jnp.clip(expected, 0, 1), atol=1e-4)


def test_cielab_knows_white_and_red_and_goes_back():
    white, red = to_cielab(jnp.asarray([[[1.0, 1, 1], [1, 0, 0]]]))[0]
    np.testing.assert_allclose(white, [100, 0, 0], atol=0.02)
    np.testing.assert_allclose(red, [53.24, 80.09, 67.20], atol=0.05)
    pixels = picture(9, 8, 1).at[0, 0].set(0)
    np.testing.assert_allclose(from_cielab(to_cielab(pixels)), pixels, atol=1e-5)
