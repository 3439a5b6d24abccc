"""Trained networks: what they are made of, how they are stored, what they give back."""

import itertools
import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import features
from flax import nnx

from jaxstyle import AdaIN, InputError, stylize, weights
from jaxstyle.networks.conv import reflect
from jaxstyle.networks.decoders import MIRROR, Decoder, Decoders, pad_to_multiple
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.networks.linear import LinearTransfer
from jaxstyle.networks.pooling import average_pool, max_pool
from jaxstyle.networks.unpooling import UNPOOLS, Skip, Unpooling, haar, unpool_cat, unpool_max, unpool_sum
from jaxstyle.networks.vgg import VGG, WIDTHS, random_parameters
from jaxstyle.weights.parameters import restored, tensors_of

NETWORKS = {
    "decoder": partial(Decoder, 3, (4, 6, 8)),
    "decoders": partial(Decoders, (1, 2, 3, 4), (4, 6, 8, 8)),
    "johnson": partial(TransformNet, width=4, residuals=2),
    "unpooling": partial(Unpooling, 2, "cat", (3, 4)),
    "linear": partial(LinearTransfer, 2, 4, (4, 6)),
}


@pytest.fixture(scope="module")
def lite():
    return weights.load("vgg19-lite")


def test_alpha_zero_is_the_reconstruction(lite, content, style):
    @jax.jit
    def reconstruction(lite, decoder, content):
        feature = lite(pad_to_multiple(content, 4), ("relu4_1",))["relu4_1"]
        return jnp.clip(decoder(feature)[: content.shape[0], : content.shape[1]], 0, 1)

    decoder = Decoder(4, (4, 6, 8, 8), rngs=nnx.Rngs(1))
    expected = reconstruction(lite, decoder, content)
    np.testing.assert_allclose(stylize(AdaIN(lite, decoder, 0.0), content, style), expected, atol=1e-5)


@pytest.mark.parametrize("pad", [1, 4])
def test_reflect_is_numpys(pad):
    x = features(9, 7, 2)
    expected = np.pad(x, ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(reflect(x, pad), expected)


def streams(network):
    """Return the first numbers of every tensor that was drawn, over their first: no gain hides a stream."""
    tensors = {name: np.asarray(array).ravel()[:8] for name, array in tensors_of(network).items()}
    return {name: x / x[0] for name, x in tensors.items() if name.endswith(("kernel", "lift")) and x[0]}


def test_of_the_same_rngs_no_two_tensors_share_a_stream():
    rngs = nnx.Rngs(3)
    made = [*(make(rngs=rngs) for make in NETWORKS.values()), NETWORKS["decoder"](rngs=nnx.Rngs(4))]
    every = [(type(network).__name__, *item) for network in made for item in streams(network).items()]
    for one, other in itertools.combinations(every, 2):
        least = min(len(one[-1]), len(other[-1]))
        assert least > 2 and not np.allclose(one[-1][:least], other[-1][:least], rtol=1e-3), (one, other)


@pytest.mark.parametrize("name", NETWORKS)
def test_stored_networks_are_the_same_again(name, tmp_path):
    network = NETWORKS[name](rngs=nnx.Rngs(3))
    path = tmp_path / "network.safetensors"
    weights.save(path, network, {"training": json.dumps({"steps": 7})})
    again = weights.load(str(path))
    assert type(again) is type(network)
    assert again.config == network.config
    assert jax.tree.structure(again) == jax.tree.structure(network)
    jax.tree.map(np.testing.assert_array_equal, again, network)
    assert json.loads(weights.metadata(str(path))["training"]) == {"steps": 7}
    other = tensors_of(NETWORKS[name](rngs=nnx.Rngs(4)))
    assert any(jnp.any(a != other[key]) for key, a in tensors_of(network).items())


def test_the_full_mirror_has_vgg19s_widths_turned_round():
    shapes = {name: array.shape for name, array in tensors_of(Decoder(3, MIRROR, rngs=nnx.Rngs(0))).items()}
    assert shapes["conv3_1.kernel"] == (3, 3, 256, 128)
    assert shapes["conv2_2.kernel"] == (3, 3, 128, 128)
    assert shapes["conv2_1.kernel"] == (3, 3, 128, 64)
    assert shapes["conv1_1.kernel"] == (3, 3, 64, 3)


def skip_of(x):
    return Skip(x, haar(x)[1])


def test_the_haar_transform_keeps_everything_and_its_first_band_is_average_pooling():
    x = features(8, 6, 4)
    low, details = haar(x)
    np.testing.assert_allclose(low, average_pool(x), atol=1e-6)
    np.testing.assert_allclose(unpool_sum(low, skip_of(x)), x, atol=1e-6)
    bands = np.split(unpool_cat(low, skip_of(x)), 5, axis=-1)
    np.testing.assert_array_equal(bands[0], x)
    np.testing.assert_allclose(sum(bands[1:]), x, atol=1e-6)
    energy = 4 * sum(jnp.sum(band**2) for band in (low, *details))
    np.testing.assert_allclose(energy, jnp.sum(x**2), rtol=1e-5)


def test_values_return_to_where_their_maximum_was():
    x = jnp.abs(features(8, 6, 4))
    placed = unpool_max(max_pool(x), skip_of(x))
    np.testing.assert_array_equal(max_pool(placed), max_pool(x))
    np.testing.assert_array_equal(placed, jnp.where(placed > 0, x, 0))
    assert jnp.sum(placed > 0) == x.size / 4


@pytest.mark.parametrize("unpool", UNPOOLS)
def test_a_decoder_is_entered_at_any_level_and_visits_every_level_above(unpool):
    network, seen = Unpooling(3, unpool, (2, 2, 2), rngs=nnx.Rngs(0)), []
    image = jnp.zeros((13, 18, 3))
    encoder = VGG(random_parameters("vgg16", 0), "torchvision")
    for level in (1, 2, 3):
        look = lambda layer, x: seen.append((layer, x.shape[-1])) or x
        encoded = lambda: network.encoded(encoder, image, level, look)  # noqa: B023
        feature, skips = jax.eval_shape(encoded)
        decoded = jax.eval_shape(lambda x, skips: network(x, skips, look), feature, skips)  # noqa: B023
        assert decoded.shape == (-(-13 // 2 ** (level - 1)) * 2 ** (level - 1), [18, 18, 20][level - 1], 3)
        up = [(f"relu{block}_1", WIDTHS[block - 1]) for block in range(1, level + 1)]
        assert seen == up + up[-2::-1]
        seen.clear()


def test_a_linear_transfer_begins_as_a_change_of_means():
    network, feature = LinearTransfer(2, 4, (4, 6), rngs=nnx.Rngs(0)), features(8, 8, 128)
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
    network = NETWORKS["decoder"](rngs=nnx.Rngs(0))
    tensors = {name: np.asarray(array) for name, array in tensors_of(network).items()}
    change(tensors)
    with pytest.raises(InputError, match=message):
        restored(Decoder, network.config, tensors, "file")


def test_a_strange_configuration_is_named():
    with pytest.raises(InputError, match="no configuration of TransformNet"):
        restored(TransformNet, {"breadth": 3}, {}, "file")
    with pytest.raises(InputError, match="level of 1 to 5"):
        Decoder(level=6, rngs=nnx.Rngs(0))
    with pytest.raises(InputError, match="no decoder for level 5"):
        NETWORKS["decoders"](rngs=nnx.Rngs(0))[5]
