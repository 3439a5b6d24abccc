"""Trained networks and the methods that apply them; statistics held against losses and transforms."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle import WCT, AdaIN, InputError, Johnson, Linear, stylize, weights
from jaxstyle.losses import Moments as MomentsLoss
from jaxstyle.networks.convolution import reflect
from jaxstyle.networks.decoders import MIRROR, Decoder, Decoders, whole
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.networks.linear import LinearTransfer
from jaxstyle.networks.trained import tensors_of
from jaxstyle.statistics.covariance import Covariance, second_moment
from jaxstyle.statistics.moments import Moments
from jaxstyle.transforms import match_covariance, match_moments

NETWORKS = {
    "decoder": lambda seed=0: Decoder(3, (4, 6, 8), seed),
    "decoders": lambda seed=0: Decoders((1, 2, 3, 4), (4, 6, 8, 8), seed),
    "johnson": lambda seed=0: TransformNet(width=4, residuals=2, seed=seed),
    "linear": lambda seed=0: LinearTransfer(2, 4, (4, 6), seed),
}


@pytest.fixture(scope="module")
def lite():
    return weights.load("vgg19-lite")


@pytest.fixture(scope="module", params=["johnson", "adain", "wct", "linear"])
def method(request, lite):
    """Every feed-forward method, on networks that nobody trained."""
    return {
        "johnson": lambda: Johnson(NETWORKS["johnson"](1)),
        "adain": lambda: AdaIN(lite, Decoder(4, (4, 6, 8, 8), 1)),
        "wct": lambda: WCT(lite, NETWORKS["decoders"](1), levels=(4, 2, 1)),
        "linear": lambda: Linear(lite, NETWORKS["linear"](1)),
    }[request.param]()


def features(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


# ---- methods


@pytest.mark.parametrize("size", [(40, 48), (37, 51), (33, 34)])
def test_any_size_is_kept(method, size, style):
    content = jnp.abs(features(*size, 3)) % 1
    image = stylize(method, content, style)
    assert image.shape == content.shape
    assert image.dtype == jnp.float32
    assert jnp.all((image >= 0) & (image <= 1))


def test_vmap_over_contents_is_one_after_another(method, content, style):
    target = method.prepare(style)
    both = jax.vmap(lambda image: method.apply(image, target))(jnp.stack([content, content[::-1]]))
    for image, alone in zip(both, (content, content[::-1]), strict=True):
        np.testing.assert_allclose(image, method.apply(alone, target), atol=1e-3)


def test_a_new_alpha_or_style_does_not_retrace(method, content, style):
    traces = []

    @jax.jit
    def run(method, content, style):
        traces.append(None)
        return method.apply(content, method.prepare(style))

    run(method, content, style)
    fields = vars(method) | ({"alpha": 0.3} if hasattr(method, "alpha") else {})
    run(type(method)(**fields), content[::-1], 1 - style)
    assert len(traces) == 1


def test_alpha_zero_is_the_reconstruction(lite, content, style):
    decoder = Decoder(4, (4, 6, 8, 8), 1)
    feature = lite(whole(content, 4), ("relu4_1",))["relu4_1"]
    expected = jnp.clip(decoder(feature)[: content.shape[0], : content.shape[1]], 0, 1)
    np.testing.assert_allclose(stylize(AdaIN(lite, decoder, 0.0), content, style), expected, atol=1e-5)


# ---- statistics, losses, transforms


def test_moments_loss_after_match_moments_is_zero():
    content, style = features(9, 8, 5), 3 * features(7, 6, 5, seed=1) + 2
    loss = MomentsLoss.mean({"x": style}, {"x": 1.0})
    assert loss({"x": content}) > 1
    assert loss({"x": match_moments(content, Moments.of(style))}) < 1e-7


@pytest.mark.parametrize("channels", [3, 16])
def test_covariance_after_match_covariance_is_the_styles(channels):
    content = features(20, 20, channels) @ features(channels, channels, seed=2)
    style = features(18, 22, channels, seed=3) @ features(channels, channels, seed=4) + 5
    target = Covariance.of(style)
    matched = Covariance.of(match_covariance(content, target))
    np.testing.assert_allclose(matched.mean, target.mean, rtol=1e-4)
    scale = jnp.max(jnp.abs(target.matrix))
    np.testing.assert_allclose(matched.matrix / scale, target.matrix / scale, atol=2e-3)


def test_whitening_leaves_out_what_is_only_rounding():
    flat = jnp.concatenate([features(12, 12, 3), jnp.zeros((12, 12, 2))], axis=-1)
    assert jnp.all(jnp.isfinite(match_covariance(flat, Covariance.of(features(9, 9, 5, seed=1)))))


def test_covariance_is_the_second_moment_less_the_means():
    x = features(9, 8, 5) + 3
    own = Covariance.of(x)
    np.testing.assert_allclose(own.matrix, second_moment(x) - jnp.outer(own.mean, own.mean), atol=1e-4)
    np.testing.assert_allclose(Moments.of(x).deviation ** 2 - 1e-5, jnp.diag(own.matrix), rtol=1e-4)


# ---- networks


@pytest.mark.parametrize("pad", [1, 4])
def test_reflect_is_numpys(pad):
    x = features(9, 7, 2)
    expected = np.pad(x, ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(reflect(x, pad), expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_stored_networks_are_the_same_again(name, tmp_path):
    network = NETWORKS[name](3)
    path = tmp_path / "network.safetensors"
    weights.save(path, network, {"training": json.dumps({"steps": 7})})
    again = weights.load(str(path))
    assert type(again) is type(network)
    assert again.config == network.config
    assert jax.tree.structure(again) == jax.tree.structure(network)
    jax.tree.map(np.testing.assert_array_equal, again, network)
    assert json.loads(weights.metadata(str(path))["training"]) == {"steps": 7}
    other = tensors_of(NETWORKS[name](4))
    assert any(jnp.any(a != other[key]) for key, a in tensors_of(network).items())


def test_the_full_mirror_has_vgg19s_widths_turned_round():
    shapes = {name: array.shape for name, array in tensors_of(Decoder(3, MIRROR)).items()}
    assert shapes["conv3_1.kernel"] == (3, 3, 256, 128)
    assert shapes["conv2_2.kernel"] == (3, 3, 128, 128)
    assert shapes["conv2_1.kernel"] == (3, 3, 128, 64)
    assert shapes["conv1_1.kernel"] == (3, 3, 64, 3)


def test_a_linear_transfer_begins_as_a_change_of_means():
    network, feature = LinearTransfer(2, 4, (4, 6)), features(8, 8, 128)
    moved = network(feature, feature + 3)
    np.testing.assert_allclose(jnp.mean(moved - network(feature, feature), (0, 1)), 3.0, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("conv1_1.bias"), "lacks conv1_1.bias"),
        (lambda t: t.update(strange=np.zeros(3)), "has strange"),
        (lambda t: t.update({"conv1_1.bias": np.zeros(4, np.float32)}), "conv1_1.bias is float32"),
        (lambda t: t.update({"conv1_1.bias": np.full(3, np.nan, np.float32)}), "not finite"),
    ],
)
def test_broken_tensors_are_named(change, message):
    network = NETWORKS["decoder"]()
    tensors = {name: np.asarray(array) for name, array in tensors_of(network).items()}
    change(tensors)
    with pytest.raises(InputError, match=message):
        Decoder.restored(network.config, tensors, "file")


def test_a_strange_configuration_is_named():
    with pytest.raises(InputError, match="no configuration of TransformNet"):
        TransformNet.restored({"breadth": 3}, {}, "file")
    with pytest.raises(InputError, match="level of 1 to 5"):
        Decoder(level=6)
    with pytest.raises(InputError, match="no decoder for level 5"):
        NETWORKS["decoders"]()[5]
