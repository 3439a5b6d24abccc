"""The laws that every method keeps, run over every method and preset."""

import dataclasses
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from conftest import picture

from jaxstyle import DeepPhoto, Gatys, stylize
from jaxstyle.core import part_of, prepared
from jaxstyle.image.matting import Laplacian
from jaxstyle.methods.descent import Descent, DivergedError, halved, sized
from jaxstyle.methods.starts import from_noise, from_style
from jaxstyle.optimizers import LBFGS, Adam, Zoom

STEPS = 4


def kind(value) -> str:
    return type(value).__name__


def short(method: Descent) -> Descent:
    return dataclasses.replace(method, steps=STEPS)


@pytest.fixture(scope="module", params=["default", *Gatys.PRESETS])
def method(request, small_vgg, small_squeezenet):
    encoder = small_squeezenet if request.param == "squeezenet" else small_vgg
    return short(Gatys(encoder) if request.param == "default" else getattr(Gatys, request.param)(encoder))


prepare = jax.jit(prepared)


def last(method, content, target):
    *_, snapshot = method.run(content, target)
    return snapshot


def test_shape_range_and_change(method, content, style):
    image = stylize(method, content, style)
    assert image.shape == content.shape
    assert image.dtype == content.dtype
    assert jnp.all((image >= 0) & (image <= 1))
    assert jnp.max(jnp.abs(image - content)) > 1e-3


def test_descend_equals_apply(method, content, style):
    snapshot = last(method, content, method.prepare(style))
    np.testing.assert_allclose(snapshot.image, stylize(method, content, style), atol=2e-3)
    assert snapshot.step == STEPS
    total = sum(values for name, values in snapshot.losses.items() if name != "loss")
    np.testing.assert_allclose(total, snapshot.losses["loss"], rtol=1e-5)


def test_coarser_sizes_are_taken_unasked_where_pictures_are_large_enough(small_vgg):
    method = Gatys(small_vgg)
    large, small = jnp.zeros((260, 300, 3)), jnp.zeros((130, 140, 3))
    for image, steps in ((large, method.PYRAMID), (small, method.PYRAMID[-1:]), (small[:100], ())):
        assert method.coarser(image) == steps
    assert dataclasses.replace(method, pyramid=()).coarser(large) == ()
    assert dataclasses.replace(method, pyramid=(7,)).coarser(small[:20]) == (7,)
    stages = jax.eval_shape(lambda a, b: method.stages(a, method.prepare(b)), large, small)
    assert [stage.content.shape for stage in stages] == [(130, 150, 3), (260, 300, 3)]


def test_a_pyramid_descends_from_what_it_made_at_coarser_sizes(small_vgg):
    method = dataclasses.replace(short(Gatys(small_vgg)), pyramid=())
    content, style = picture(130, 134, 1), picture(128, 140, 2)
    pyramid, image = dataclasses.replace(method, pyramid=(3, 2)), None
    for times, steps in ((2, 3), (1, 2), (0, STEPS)):
        own, stage = halved(content, times), dataclasses.replace(method, steps=steps)
        first = None if image is None else sized(image, own)
        *_, done = stage.run(own, prepare(method, halved(style, times)), first)
        image = done.image
    seen, target = [], prepare(pyramid, style)
    for snapshot in pyramid.run(content, target, every=1):
        assert snapshot.state is not None
        leaves = [np.asarray(leaf) for leaf in snapshot.state.leaves]
        seen.append(dataclasses.replace(snapshot, state=snapshot.state._replace(leaves=leaves)))
    assert [snapshot.step for snapshot in seen] == [*range(3 + 2 + STEPS + 1)]
    assert {snapshot.image.shape for snapshot in seen} == {content.shape}
    np.testing.assert_allclose(seen[-1].image, image, atol=1e-5)
    np.testing.assert_allclose(stylize(pyramid, content, style), image, atol=2e-3)
    for snapshot in seen[2:7:2]:
        *_, again = pyramid.run(content, target, every=1, resume=snapshot.state)
        np.testing.assert_array_equal(again.image, seen[-1].image)


def test_new_styles_weights_and_rates_do_not_retrace(method, content, style):
    traces = []

    @jax.jit
    def run(method, content, style):
        traces.append(None)
        return method.apply(content, method.prepare(style))

    run(method, content, style)
    other = dataclasses.replace(method, style_weight=3.0, content_weight=0.5, tv_weight=1e-3, seed=5)
    run(other, content[::-1], 1 - style)
    slower = dataclasses.replace(method.optimizer, learning_rate=0.5)
    run(dataclasses.replace(other, optimizer=slower), content, style)
    assert len(traces) == 1


def test_vmap_over_styles_equals_one_by_one(method, content, style):
    styles = jnp.stack([style, style[:, ::-1]])
    one = dataclasses.replace(method, steps=2)
    both = jax.jit(jax.vmap(lambda style: stylize(one, content, style)))(styles)
    for index, image in enumerate(both):
        np.testing.assert_allclose(image, stylize(one, content, styles[index]), atol=5e-3)


def test_gradient_is_finite(method, content, style):
    target = method.target(style, None)
    loss = method.loss(content, target)
    image = method.initial_image(content, target)
    gradient = jax.jit(jax.grad(lambda x: loss(method.encoder(x, loss.layers))))(image)
    assert jnp.all(jnp.isfinite(gradient))
    assert jnp.any(gradient != 0)


def test_is_a_pytree_with_a_stable_text(method):
    leaves, structure = jax.tree.flatten(method)
    assert repr(jax.tree.unflatten(structure, leaves)) == repr(method)
    assert " at 0x" not in repr(method)


def test_sweep_over_a_weight_is_one_batch(small_vgg, content, style):
    weights = jnp.array([0.0, 1.0, 1e3])
    method = Gatys(small_vgg, steps=20)  # Adam would follow a gradient that is rounding alone
    images = jax.vmap(lambda w: stylize(dataclasses.replace(method, style_weight=w), content, style))(weights)
    loss = method.target(style, None).loss
    losses = [loss(small_vgg(image, loss.layers)) for image in images]
    np.testing.assert_allclose(images[0], content, atol=1e-6)
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize("optimizer", [LBFGS(), Zoom(), Adam(), optax.sgd(1e-3)], ids=kind)
@pytest.mark.parametrize("init", [from_noise, from_style], ids=lambda init: init.__name__)
def test_every_optimizer_descends_from_every_start(small_vgg, content, style, optimizer, init):
    method = Gatys(small_vgg, optimizer=optimizer, steps=6, init=init)
    history = last(method, content, method.prepare(style)).losses["loss"]
    assert history[-1] < history[0]


def test_noise_is_a_function_of_the_seed(small_vgg, content, style):
    first = lambda seed: from_noise(content, style, seed)
    np.testing.assert_array_equal(first(3), first(3))
    assert jnp.any(first(3) != first(4))


def test_same_run_same_bits(small_vgg, content, style):
    method = Gatys(small_vgg, steps=4)
    images = [last(method, content, method.prepare(style)).image for _ in range(2)]
    np.testing.assert_array_equal(images[0], images[1])


def test_divergence_is_reported_and_the_last_image_is_finite(small_vgg, content, style):
    method = Gatys(small_vgg, optimizer=Adam(1e30), steps=40)
    snapshots = method.run(content, method.prepare(style), every=1)
    kept = [next(snapshots), next(snapshots)]
    assert [snapshot.step for snapshot in kept] == [0, 1]
    with pytest.raises(DivergedError, match="not finite at step 2"):
        next(snapshots)
    assert all(jnp.all(jnp.isfinite(snapshot.image)) for snapshot in kept)


def test_a_last_step_into_nothing_is_reported_too(small_vgg, content, style):
    method = Gatys(small_vgg, optimizer=Adam(float("inf")), steps=1)
    with pytest.raises(DivergedError, match="not finite at step 2"):
        list(method.run(content, method.prepare(style)))


def test_snapshots_cover_all_steps(small_vgg, content, style):
    method = Gatys(small_vgg, steps=7)
    snapshots = list(method.run(content, method.prepare(style), every=3))
    assert [snapshot.step for snapshot in snapshots] == list(range(8))


def test_optimizers_survive_pickling():
    assert repr(pickle.loads(pickle.dumps(LBFGS(0.3)))) == repr(LBFGS(0.3))


def test_deep_photo_paints_first_and_then_keeps_it_a_photograph(small_vgg, content, style):
    method = DeepPhoto(small_vgg, steps=STEPS, paint_steps=2)
    snapshots = list(method.run(content, method.prepare(style), every=2))
    assert [snapshot.step for snapshot in snapshots] == [0, 2, 4, 6]
    assert "photoreal" not in snapshots[1].losses
    assert "photoreal" in snapshots[2].losses
    np.testing.assert_allclose(snapshots[-1].image, stylize(method, content, style), atol=2e-3)


def test_more_photorealism_leaves_less_energy(small_vgg, content, style):
    laplacian, energies = Laplacian.of(content), []
    for weight in (0.0, 1e4):
        method = DeepPhoto(small_vgg, photo_weight=weight, optimizer=Adam(0.02), steps=20, init=from_style)
        energies.append(laplacian.energy(stylize(method, content, style)))
    assert energies[1] < 0.8 * energies[0]


def test_deep_photo_starts_from_each_regions_colours(small_vgg, content, style):
    left = jnp.zeros(style.shape[:2]).at[:, :26].set(1)
    place = jnp.zeros(content.shape[:2]).at[:, :24].set(1)
    where, masks = jnp.stack([place, 1 - place]), jnp.stack([left, 1 - left])
    method = DeepPhoto(small_vgg)
    first = method.initial_image(content, part_of(prepared(method, style, where, masks), -1))
    for half, its in ((first[:, :24], style[:, :26]), (first[:, 24:], style[:, 26:])):
        np.testing.assert_allclose(jnp.mean(half, (0, 1)), jnp.mean(its, (0, 1)), atol=0.02)
