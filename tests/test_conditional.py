"""A network of many styles in a few lines: what a new network with conditional normalisation has to touch.

    y = sum_s mix_s scale_s * (x - mean) / deviation + sum_s mix_s shift_s      (Dumoulin et al. 2017)

It holds scales and shifts of every style, and gives for a mix a network as any other, so that the method, its
tiles and its exports need no change: to ship one is a file in `networks/`, one in `methods/`, a row in the
table of methods and one in that of trained networks.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import picture
from flax import nnx

from jaxstyle import Johnson, stylize
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.tiling import Tiled

STYLES = 3


class ConditionalNet(TransformNet):
    """The transformation network with scales and shifts for each of several styles."""

    def __init__(self, styles: int, *, rngs: nnx.Rngs):
        super().__init__(4, 1, rngs=rngs)
        for layer in self.layers[:-1]:
            norm = getattr(self, f"{layer.name}_norm")
            for name in ("scale", "shift"):
                shape = (styles, *getattr(norm, name).shape)
                setattr(norm, name, nnx.Param(1 + jax.random.normal(rngs.params(), shape)))
        self.last.kernel = nnx.Param(100 * self.last.kernel[...])  # colours, in 255ths

    def of(self, mix: jax.Array) -> TransformNet:
        """Return the network of a mix of styles."""
        graph, conditions, rest = nnx.split(self, lambda path, _: path[-1] in ("scale", "shift"), ...)
        return nnx.merge(graph, jax.tree.map(lambda rows: mix @ rows, conditions), rest)


@pytest.fixture(scope="module")
def network():
    return ConditionalNet(STYLES, rngs=nnx.Rngs(0))


def mixed(network, mix, content):
    return stylize(Johnson(network.of(jnp.asarray(mix, jnp.float32))), content)


def test_each_style_is_a_picture_of_its_own_and_a_mix_lies_between(network):
    content = picture(24, 20, 0)
    first, second, mean = (mixed(network, mix, content) for mix in ([1, 0, 0], [0, 1, 0], [0.5, 0.5, 0]))
    assert not np.allclose(first, second, atol=0.05)
    assert np.mean(np.abs(mean - first)) < np.mean(np.abs(second - first))


def test_one_program_draws_all_mixes_and_tiles_are_the_whole(network):
    content, mixes = picture(40, 36, 1), jnp.eye(STYLES)
    every = jax.jit(jax.vmap(lambda mix: network.of(mix)(content)))(mixes)
    for mix, image in zip(mixes, every, strict=True):
        method = Tiled(Johnson(network.of(mix)), 16)
        np.testing.assert_allclose(stylize(method, content), jnp.clip(image, 0, 1), atol=1e-4)
