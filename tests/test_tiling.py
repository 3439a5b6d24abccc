"""Tiles: where they lie, and that what is computed in them is the whole's, whatever the sizes."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import Compiled, features, picture

from jaxstyle.core import InputError, Sum
from jaxstyle.losses import (
    MMD,
    Activation,
    Content,
    Gram,
    LinearMMD,
    Masked,
    Moments,
    PolynomialMMD,
    Variation,
)
from jaxstyle.methods.descent import evaluate
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.tiling import Pass, TiledEncoder, run_in_tiles, run_whole
from jaxstyle.tiling.tile import Tile, TileAxis


@pytest.mark.parametrize("unit", [1, 2, 8])
@pytest.mark.parametrize("halo", [0, 3, 8])
@pytest.mark.parametrize("tile", [8, 24])
def test_tiles_cover_all_and_show_what_is_around(unit, halo, tile):
    for length in range(1, 100):
        axis = TileAxis.of(length, tile, halo, unit)
        for i in range(axis.number):
            start = int(axis.start(i))
            first, end = i * axis.tile, min((i + 1) * axis.tile, length)
            assert start % unit == 0
            assert 0 <= start <= max(first - halo, 0)
            assert min(end + halo, length) <= start + axis.size <= length
        assert (axis.number - 1) * axis.tile < length <= axis.number * axis.tile


@pytest.mark.parametrize("size", [(61, 75), (64, 80), (45, 33)])
def test_every_pixel_of_a_layer_is_of_one_tile_and_is_cropped_from_its_place(size):
    axes = [TileAxis.of(n, 16, 9, 4) for n in size]
    for reduction in (1, 2, 4):
        shape = tuple(n // reduction for n in size)
        places, counts = np.arange(np.prod(shape)).reshape(shape), np.zeros(np.prod(shape))
        for index in np.ndindex(*(axis.number for axis in axes)):
            tile = Tile(axes, index)
            here = np.asarray(tile.crop(jnp.asarray(places), reduction))
            np.add.at(counts, here.ravel(), np.asarray(tile.mask(reduction)).ravel())
        np.testing.assert_array_equal(counts, 1)


def blurred(x) -> Any:
    """Return the mean of 3 x 3 pixels, the border repeated."""
    padded = jnp.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return sum(padded[i : i + x.shape[0], j : j + x.shape[1]] for i in range(3) for j in range(3)) / 9


def halved(x):
    h, w = x.shape[0] + x.shape[0] % 2, x.shape[1] + x.shape[1] % 2
    x = jnp.pad(x, ((0, h - x.shape[0]), (0, w - x.shape[1]), (0, 0)), mode="edge")
    return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4


def chain(size, wide):
    """Return passes of all kinds: wider, halving, bypassing, doubling, with statistics between."""
    half = tuple(-(-n // 2) for n in size)
    step = partial(Pass, statistics=lambda maps: [Covariance.of(maps[-1])])
    centred = lambda maps, stats: (maps[-1] - stats[0].mean) / jnp.sqrt(jnp.trace(stats[0].matrix))
    doubled = lambda x: jnp.repeat(jnp.repeat(x, 2, 0), 2, 1)
    seen = lambda maps, stats: centred(maps, stats) + maps[0]
    up = lambda maps, stats: (doubled(blurred(seen(maps, stats))),)
    return [
        Pass(lambda maps, stats: (jnp.tile(blurred(maps[0]), wide),), size, size, 1),
        step(lambda maps, stats: (halved(centred(maps, stats)),), size, half, 1, 2),
        step(lambda maps, stats: (maps[0], blurred(centred(maps, stats))), half, half, 1),
        step(lambda maps, stats: (blurred(centred(maps, stats)),), half, half, 1, passthrough=1),
        step(lambda maps, stats: (seen(maps, stats), blurred(maps[1])), half, half, 1),
        step(up, half, tuple(2 * n for n in half), 1, 1, 2),
        Pass(
            lambda maps, stats: (blurred(centred(maps[:1], stats) + maps[1]),),
            size,
            size,
            1,
            statistics=lambda maps: [Covariance.of(maps[0])],
        ),
    ]


@pytest.mark.parametrize("wide", [1, 40])  # maps that are kept, and maps that are computed again
@pytest.mark.parametrize("size", [(37, 50), (32, 32), (7, 60)])
def test_passes_in_tiles_are_the_whole(size, wide):
    image = features(*size, 3)

    @Compiled
    def both(image):
        passes = chain(size, wide)
        passes[-1] = passes[-1]._replace(side_inputs=(jnp.tile(image, wide),))
        return run_whole(passes, image)[0], run_in_tiles(passes, 8, image)[0]

    one, other = both(image)
    assert one.shape == (*size, 3 * wide)
    np.testing.assert_allclose(other, one, atol=2e-6)


LOSSES = (Gram, LinearMMD, PolynomialMMD, MMD)


@pytest.mark.parametrize(("kind", "size"), [*zip(LOSSES, [(40, 75), (53, 33)] * 2, strict=True)])
def test_energy_and_gradient_are_those_of_the_whole(bare_vgg, kind, size: tuple[int, int]):
    """Of every loss that is a function of sums, and of a mask."""
    content, style, mask = picture(*size, 1), picture(30, 36, 2), picture(*size, 3)[..., 0]

    @Compiled
    def both(image):
        found = []
        for encoder in (bare_vgg, TiledEncoder(bare_vgg, 16)):
            keep = Content.relative(encoder(content, ("relu2_1",)), {"relu2_1": 1.0})
            match = kind.relative(bare_vgg(style, ("relu1_1", "relu3_1")), {"relu1_1": 0.5, "relu3_1": 1.0})
            excite = Activation.relative(bare_vgg(content, ("relu2_1",)), {"relu2_1": 1.0})
            level = Masked(match, jnp.full((1, 1), 0.5))
            loss = Sum([keep, excite, 10.0 * match, 3.0 * Masked(match, mask), level, 1e-3 * Variation()])
            found.append(jax.value_and_grad(lambda x, e=encoder, loss=loss: evaluate(e, loss, x)[0])(image))
        return found

    (value, gradient), (other, its) = both(picture(*size, 4))
    np.testing.assert_allclose(other, value, rtol=1e-5)
    np.testing.assert_allclose(its, gradient, atol=1e-5 * np.max(np.abs(gradient)))


def test_layers_are_those_of_the_whole(bare_vgg):
    image = picture(45, 71, 1)
    layers = ("relu1_1", "pool2", "relu3_1")
    whole, parts = Compiled(lambda x: (bare_vgg(x, layers), TiledEncoder(bare_vgg, 16)(x, layers)))(image)
    assert whole.keys() == parts.keys()
    for name, feature in whole.items():
        np.testing.assert_allclose(parts[name], feature, atol=1e-4)


def test_a_loss_that_is_no_sum_says_so(bare_vgg, content):
    loss = Moments.mean(bare_vgg(content, ("relu1_1",)), {"relu1_1": 1.0})
    with pytest.raises(InputError, match="Moments needs the whole image"):
        evaluate(TiledEncoder(bare_vgg, 16), loss, content)


def test_memory_beside_images_does_not_grow(bare_vgg):
    """Four times the pixels take four times the images, and nothing else."""
    loss = Gram.mean(bare_vgg(picture(32, 32, 1), ("relu3_1",)), {"relu3_1": 1.0})
    encoder = TiledEncoder(bare_vgg, 32)

    def taken(edge):
        gradient = jax.jit(jax.grad(lambda x: evaluate(encoder, loss, x)[0]))
        memory = (
            gradient.lower(jax.ShapeDtypeStruct((edge, edge, 3), jnp.float32)).compile().memory_analysis()
        )
        assert memory is not None
        return memory.temp_size_in_bytes

    image = 4 * 3 * 256**2
    assert taken(256) - taken(128) < 2 * image < taken(128)
