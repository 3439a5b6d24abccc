"""Laws of the convolutions and pools: each equals XLA's own, or plain NumPy, gradients included."""

from collections.abc import Callable
from functools import partial
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.test_util import check_grads

from jaxstyle.networks.conv import Conv, conv2d, gradients, reflect, winograd
from jaxstyle.networks.conv.gradients import conv_to_few_channels, image_conv
from jaxstyle.networks.conv.rows import plane_conv, row_conv
from jaxstyle.networks.pooling import average_pool, max_pool
from jaxstyle.networks.squeezenet import ceil_max_pool, point_conv

INNER, SAME, CORNER = ((0, 0), (0, 0)), ((1, 1), (1, 1)), ((0, 1), (2, 0))


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def random(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(shape).standard_normal(shape))


def xla_conv(x, kernel, padding):
    dimensions = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x[None], kernel, (1, 1), padding, dimension_numbers=dimensions)[0]


def reflected(x, kernel):
    pad = kernel.shape[0] // 2
    return xla_conv(jnp.pad(x, ((pad, pad), (pad, pad), (0, 0)), mode="reflect"), kernel, "VALID")


def repeated(x):
    return x.repeat(2, 0).repeat(2, 1)


image_zero = partial(conv2d, border="constant", trained=False)
image_reflect = partial(conv2d, trained=False)


def case(size: int, padding, convolve: Callable = image_conv):
    """Return a convolution at one padding, XLA's, and the size of the kernel."""
    own = lambda x, kernel: convolve(x, kernel, padding)
    return own, lambda x, kernel: xla_conv(x, kernel, padding), size


CONVOLUTIONS = {
    "3x3": case(3, INNER),
    "3x3-same": case(3, SAME),
    "3x3-corner": case(3, CORNER),
    "1x1": case(1, INNER),
    "zero": (image_zero, lambda x, kernel: xla_conv(x, kernel, "SAME"), 3),
    "reflect": (image_reflect, reflected, 3),
    "trained": (conv2d, reflected, 3),
    "trained-zero": (partial(conv2d, border="constant"), lambda x, kernel: xla_conv(x, kernel, "SAME"), 3),
    "large": (conv2d, reflected, 5),
    "large-zero": (partial(conv2d, border="constant"), lambda x, kernel: xla_conv(x, kernel, "SAME"), 5),
    "strided": (partial(conv2d, stride=2), lambda x, kernel: reflected(x, kernel)[::2, ::2], 3),
    "strided-zero": (
        partial(conv2d, stride=2, border="constant"),
        lambda x, kernel: xla_conv(x, kernel, "SAME")[::2, ::2],
        3,
    ),
    "upsampled": (partial(conv2d, upsample=2), lambda x, kernel: reflected(repeated(x), kernel), 3),
    "upsampled-zero": (
        partial(conv2d, upsample=2, border="constant"),
        lambda x, kernel: xla_conv(repeated(x), kernel, "SAME"),
        3,
    ),
    "planes": case(3, CORNER, plane_conv),
    "rows": case(3, CORNER, row_conv),
    "winograd": case(3, CORNER, winograd.winograd),
    "few channels": case(3, CORNER, conv_to_few_channels),
    "point": (point_conv, lambda x, kernel: xla_conv(x, kernel, "VALID"), 1),
}
WITHIN = {
    "scan": lambda f: lambda *args: last(lax.scan(lambda carry, _: (carry, f(*args)), 0, length=2)[1]),
    "vmap": lambda f: lambda x, kernel: last(jax.vmap(f, (0, None))(jnp.stack([-x, x]), kernel)),
}


def last(tree):
    return jax.tree.map(lambda leaf: leaf[-1], tree)


def with_gradients(function):
    """Return the function that adds the gradients of `function` at random cotangents, compiled anew."""

    def evaluate(*args):
        value, pull = jax.vjp(function, *args)
        return value, *pull(random(*value.shape).astype(value.dtype))

    return jax.jit(evaluate)


def assert_close(actual, expected):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-12), actual, expected)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_and_its_gradients_are_xlas(name):
    function, plain, side = CONVOLUTIONS[name]
    arguments = random(9, 6, 3), random(side, side, 3, 2)
    actual, expected = (with_gradients(f)(*arguments) for f in (function, plain))
    assert_close(actual, expected)


@pytest.mark.parametrize(("skip", "mode"), [(1, "reflect"), (0, "symmetric")])
@pytest.mark.parametrize("pad", [0, 1, 3])
def test_a_reflection_and_its_gradient_are_numpys(pad, skip, mode):
    around = ((pad, pad), (pad, pad), (0, 0))
    plain = with_gradients(lambda x: jnp.pad(x, around, mode=mode))
    actual = with_gradients(lambda x: reflect(x, pad, skip))(random(7, 5, 2))
    assert_close(actual, plain(random(7, 5, 2)))


@pytest.mark.parametrize("within", WITHIN)
@pytest.mark.parametrize("name", ["3x3-corner", "1x1", "reflect"])
def test_a_convolution_is_the_same_within(within, name):
    function, plain, side = CONVOLUTIONS[name]
    arguments = random(5, 4, 3), random(side, side, 3, 2)
    actual = jax.jit(WITHIN[within](with_gradients(function)))(*arguments)
    assert_close(actual, with_gradients(plain)(*arguments))


@pytest.mark.parametrize("name", ["3x3-corner", "reflect"])
def test_a_convolution_has_second_derivatives(name):
    function, _, side = CONVOLUTIONS[name]
    check_grads(jax.jit(function), (random(4, 5, 2), random(side, side, 2, 2)), order=2, modes=["rev"])


@pytest.mark.parametrize("convolve", [image_zero, image_reflect])
def test_a_lift_composes_with_the_kernel(convolve):
    x, thin, lift, bias = random(5, 4, 3), random(3, 3, 3, 2), random(2, 6), random(6)
    assert_close(Conv(thin, bias, lift)(x, convolve), Conv(thin @ lift, bias)(x, convolve))


def window(start: float, reduce, x):
    return lax.reduce_window(x, start, reduce, (2, 2, 1), (2, 2, 1), "VALID")


POOLS = {
    "max": (max_pool, partial(window, -np.inf, lax.max)),
    "average": (average_pool, lambda x: window(0.0, lax.add, x) / 4),
}


@pytest.mark.parametrize("size", [(2, 2), (3, 2), (8, 5), (7, 9)])
@pytest.mark.parametrize("pool", POOLS)
def test_a_pool_and_its_gradient_are_xlas(pool, size):
    actual, expected = (with_gradients(function)(random(*size, 3)) for function in POOLS[pool])
    assert_close(actual, expected)


def test_the_first_of_equal_pixels_gets_the_gradient_as_in_xla_and_pytorch():
    function, plain = (with_gradients(pool) for pool in POOLS["max"])
    ties = jnp.round(random(9, 6, 4))
    assert_close(function(ties), plain(ties))


def ceil_mode(x: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what Caffe and `torch.nn.MaxPool2d(3, 2, ceil_mode=True)` give, window by window."""
    value, gradient = np.empty_like(cotangent), np.zeros_like(x)
    for i, j, channel in np.ndindex(value.shape):
        block = (slice(2 * i, 2 * i + 3), slice(2 * j, 2 * j + 3), channel)
        value[i, j, channel] = x[block].max()
        gradient[block] += cotangent[i, j, channel] * (x[block] == x[block].max())
    return value, gradient


@pytest.mark.parametrize("size", [(n, 11 - n) for n in range(2, 10)])
def test_the_ceil_pool_is_that_of_caffe(size):
    x = random(*size, 2)
    cotangent = random(*(ceil((n - 3) / 2) + 1 for n in size), 2)
    actual = with_gradients(ceil_max_pool)(x)
    assert_close(actual, ceil_mode(np.asarray(x), np.asarray(cotangent)))


@pytest.mark.parametrize("padding", [INNER, SAME, CORNER, ((2, 2), (2, 2)), ((2, 1), (2, 2))], ids=str)
@pytest.mark.parametrize("height", [3, 4, 5, 6, 7, 9])
def test_winograd_is_the_convolution(height, padding):
    x, kernel = random(height, 5, 4), random(3, 3, 4, 6)
    actual = jax.jit(winograd.winograd, static_argnums=2)(x, kernel, padding)
    assert_close(actual, xla_conv(x, kernel, padding))


@pytest.mark.parametrize("least", [0, 2**12], ids=["products", "rows"])
@pytest.mark.parametrize("channels", [(3, 2), (2, 3)], ids=["narrower", "wider"])
def test_winograds_gradients_are_the_convolutions_for_many_pixels_too(monkeypatch, channels, least):
    monkeypatch.setattr(winograd, "TAP_PRODUCTS_MIN_PIXELS", 0)
    monkeypatch.setattr(winograd, "ROW_PRODUCTS_PIXELS", (least, 2**15))
    function, plain, side = CONVOLUTIONS["winograd"]
    arguments = random(9, 6, channels[0]), random(side, side, *channels)
    assert_close(*(with_gradients(f)(*arguments) for f in (function, plain)))


@pytest.mark.parametrize("outputs", [64, 16])
def test_where_winograd_is_taken_value_and_gradients_are_the_same(monkeypatch, outputs):
    monkeypatch.setattr(winograd, "ROW_PRODUCTS_PIXELS", (0, 2**15))
    x, kernel = (random(*shape).astype(jnp.float32) for shape in ((9, 10, 64), (3, 3, 64, outputs)))
    evaluate = lambda: with_gradients(lambda x, kernel: image_conv(x, kernel, SAME))(x, kernel)
    expected = evaluate()
    monkeypatch.setattr(gradients, "WINOGRAD_MIN_PRODUCTS", 0)
    assert "platform_index" in str(jax.make_jaxpr(lambda x: image_conv(x, kernel, SAME))(x))
    for actual, value in zip(evaluate(), expected, strict=True):
        assert jnp.linalg.norm(actual - value) < 3e-6 * jnp.linalg.norm(value)
