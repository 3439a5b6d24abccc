"""The laws of every method: those of the algebra, of regions and mixes, of chains and wrappers."""

import dataclasses
import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import Compiled, picture
from flax import nnx

from jaxstyle import Chain, InputError, Luminance, Matched, Regions, Tiled, losses, stylize
from jaxstyle.core import part_of
from jaxstyle.image.color import to_yiq
from jaxstyle.methods import METHODS, MMD, TABLE, WCT2, OptimalTextures, PhotoWCT
from jaxstyle.methods.descent import Descent, evaluate
from jaxstyle.methods.transfer import Composed, Level, Transfer
from jaxstyle.networks.decoders import Decoder, Decoders
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.networks.linear import LinearTransfer
from jaxstyle.networks.unpooling import Unpooling
from jaxstyle.optimizers import Adam
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.statistics.moments import Moments
from jaxstyle.statistics.patches import Patches

WIDTHS = (4, 6, 8)
NETWORKS = {
    Decoder: lambda: Decoder(3, WIDTHS, rngs=nnx.Rngs(1)),
    Decoders: lambda: Decoders((1, 2, 3), WIDTHS, rngs=nnx.Rngs(2)),
    TransformNet: lambda: TransformNet(width=4, residuals=1, rngs=nnx.Rngs(1)),
    Unpooling: lambda: Unpooling(3, "cat", (3, 4, 4), rngs=nnx.Rngs(1)),
    LinearTransfer: lambda: LinearTransfer(3, 4, WIDTHS, rngs=nnx.Rngs(1)),
}
SMALL = {
    "level": 3,
    "levels": (3, 1),
    "sizes": 1,
    "rotations": 4,
    "passes": 1,
    "patch": 3,
    "optimizer": Adam(0.05),
    "steps": 2,
    "paint_steps": 1,
}
OTHER = {
    "alpha": 0.3,
    "detail": 0.2,
    "photo_weight": 2.0,
    "style_weight": 3.0,
    "content_weight": 0.5,
    "tv_weight": 1e-3,
    "seed": 5,
}
DESCENTS = [name for name, method in METHODS.items() if issubclass(method, Descent)]
CLOSED = [name for name in METHODS if name not in DESCENTS]
PIXELS = ("reinhard", "monge", "pitie", "color-histogram")


def over(names):
    return pytest.mark.parametrize("name", names)


def fields(method) -> dict:
    return {field.name: field.type for field in dataclasses.fields(method)}


def lively(network):
    """Return the network with noise for zeros: fresh decoders give plain grey."""
    noise = np.random.default_rng(0).standard_normal
    fill = lambda leaf: np.where(leaf == 0, 0.005 * noise(leaf.shape), leaf).astype(leaf.dtype)
    return jax.tree.map(fill, jax.device_get(network))


@pytest.fixture(scope="module")
def build(bare_vgg):
    """Return the method of a name, always the same, on networks that nobody trained: its fields say which."""
    made = {}

    def build(name):
        kinds = fields(METHODS[name])
        given = SMALL | {"encoder": bare_vgg}
        if name not in made:
            if "network" in kinds:
                given["network"] = lively(Compiled(NETWORKS[kinds["network"]])())
            made[name] = METHODS[name](**{field: given[field] for field in given.keys() & kinds})
        return made[name]

    return build


@pytest.fixture(scope="module")
def content():
    """Of an odd size, so that nobody's pixels are whole."""
    return picture(37, 43, 1)


summarise = Compiled(lambda method, style, mask: method.prepare(style, mask))
run = Compiled(lambda method, content, target: method.apply(content, target))


def styled(method, content, style):
    return run(method, content, summarise(method, style, None))


MAGNIFYING = {"optimal": 100, "style-swap": 10}  # rounding: untrained features hardly vary, then are matched


def close(image, other, magnified=1):
    """Assert that pictures are equal but for rounding, which may choose another patch here and there."""
    apart = np.abs(np.asarray(image) - np.asarray(other))
    assert np.quantile(apart, 0.9) < 1e-4 * magnified
    assert np.mean(apart) < 5e-4 * magnified


# ---- one call


@over(METHODS)
def test_shape_type_and_range_are_kept_and_the_picture_changes(build, name, content, style):
    image = styled(build(name), content, style)
    assert image.shape == content.shape
    assert image.dtype == content.dtype
    assert jnp.all((image >= 0) & (image <= 1))
    assert jnp.max(jnp.abs(image - content)) > 1e-3
    assert jnp.min(jnp.std(image, axis=(0, 1))) > 1e-4


def test_what_merges_is_declared_as_it_is(build, content):
    kinds = [part for name in METHODS for part in transfers(build(name))]
    statistics = set()
    for kind in kinds:
        feature, _ = jax.eval_shape(kind.features.encode, content)
        summary = jax.eval_shape(lambda x, kind=kind: kind.statistic(x), feature)
        assert kind.merges == (isinstance(summary, Moments | Covariance) and kind.features.tileable)
        assert kind.tileable == (kind.merges or (isinstance(summary, Patches) and summary.side > 1))
        statistics.add(type(summary).__name__)
    assert statistics >= {"Moments", "Covariance", "Patches", "Quantiles", "Histogram", "Style"}


def transfers(method) -> list[Transfer]:
    """Return the closed-form transfers that a method is made of."""
    if not isinstance(method, Composed):
        return []
    parts = method.method.methods if isinstance(method.method, Chain) else [method.method]
    return [part for part in parts if isinstance(part, Transfer)]


def test_patches_larger_than_any_probe_are_swapped_in_tiles(build, content, style):
    method = dataclasses.replace(build("style-swap"), levels=(3,), patch=5)
    close(stylize(Tiled(method, 32), content, style), styled(method, content, style))


@over(METHODS)
def test_pictures_of_one_colour_give_numbers(build, name, content, style):
    for pair in [(0 * content + 0.5, style), (content, 0 * style + 0.5), (0 * content, 0 * style)]:
        image = styled(build(name), *pair)
        assert jnp.all((image >= 0) & (image <= 1))


@over(METHODS)
@pytest.mark.parametrize("size", [(40, 48), (37, 51), (33, 34)])
def test_any_size_is_kept(build, name, size, style):
    image = jax.eval_shape(
        lambda method, *pair: method.apply(pair[0], method.prepare(pair[1])),
        build(name),
        jnp.zeros((*size, 3)),
        style,
    )
    assert (image.shape, image.dtype) == ((*size, 3), jnp.float32)


@over(["adain", "linear", "wct2"])
def test_padded_pictures_are_of_one_size_and_give_the_same(build, name, content):
    method, style = build(name), picture(30, 33, 2)
    padded = method.pad_for_cache(content)
    assert padded.shape == method.pad_for_cache(content[:, :-2]).shape != content.shape
    image = styled(method, padded, method.pad_for_cache(style))[: len(content), : content.shape[1]]
    np.testing.assert_allclose(image, styled(method, content, style), atol=1e-5)


@over(METHODS)
def test_new_pictures_and_numbers_do_not_retrace(build, name, content, style):
    method = build(name)
    image, traces = styled(method, content, style), (run.traces, summarise.traces)
    changes = {field: value for field, value in OTHER.items() if field in fields(method)}
    other = styled(dataclasses.replace(method, **changes), content[::-1], 1 - style)
    assert jnp.any(other != image)
    assert (run.traces, summarise.traces) == traces


def test_no_two_methods_are_one_structure_so_none_gets_the_program_of_another(build):
    structures = [jax.tree.structure(build(name)) for name in METHODS]
    assert [structures.index(structure) for structure in structures] == list(range(len(structures)))


@over(METHODS)
def test_is_a_pytree_with_a_stable_text(build, name):
    method = build(name)
    leaves, structure = jax.tree.flatten(method)
    assert repr(jax.tree.unflatten(structure, leaves)) == repr(method)
    assert " at 0x" not in repr(method)


# ---- many at once


@over(METHODS)
def test_leaves_are_numbers_and_what_is_static_chooses_the_program(build, name):
    method = build(name)
    assert all(jnp.issubdtype(jnp.result_type(leaf), jnp.number) for leaf in jax.tree.leaves(method))
    assert hash(jax.tree.structure(method)) == hash(jax.tree.structure(build(name)))


@over(METHODS)
def test_vmap_over_contents_and_styles_is_one_by_one(build, name, content, style):
    """Every pair of them; a style is prepared once for all contents."""
    method = build(name)
    contents, styles = jnp.stack([content, content[::-1]]), jnp.stack([style, style[:, ::-1]])
    apply = jax.vmap(jax.vmap(type(method).apply, (None, 0, None)), (None, None, 0))
    prepare = jax.vmap(type(method).prepare, (None, 0))
    table = Compiled(lambda method, contents, styles: apply(method, contents, prepare(method, styles)))
    for row, style in zip(table(method, contents, styles), styles, strict=True):
        for image, content in zip(row, contents, strict=True):
            close(image, styled(method, content, style), MAGNIFYING.get(name, 1))


# ---- regions and mixes


def everywhere(method, content, style) -> Regions:
    """Return a style mixed with itself, with a mask and without one."""
    targets = [method.prepare(style), method.prepare(style, jnp.ones(style.shape[:2]))]
    return Regions(targets, jnp.stack([jnp.full(content.shape[:2], share) for share in (0.25, 0.75)]))


@Compiled
def mixed(method, content, style):
    return method.apply(content, everywhere(method, content, style))


@over(CLOSED)
def test_a_style_mixed_with_itself_under_masks_of_ones_is_that_style(build, name, content, style):
    method = build(name)
    close(mixed(method, content, style), styled(method, content, style), MAGNIFYING.get(name, 1))


@Compiled
def energies(method, content, style):
    """Return loss and gradient at the start, of a style and of it mixed with itself."""

    def energy(image, target):
        return evaluate(method.encoder, method.loss(content, target), image)[0]

    targets = method.prepare(style), everywhere(method, content, style)
    targets = [part_of(target, -1) for target in targets]
    return [jax.value_and_grad(energy)(method.initial_image(content, target), target) for target in targets]


@over(DESCENTS)
def test_a_descent_on_a_style_mixed_with_itself_starts_alike(build, name, content, style):
    """The picture after some steps would show rounding."""
    (value, gradient), (other, its) = energies(build(name), content, style)
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient != 0)
    np.testing.assert_allclose(other, value, rtol=1e-5)
    np.testing.assert_allclose(its, gradient, atol=2e-5 * np.max(np.abs(gradient)))


@over(PIXELS)
def test_a_mask_is_the_style_that_is_under_it(build, name, style):
    half = jnp.zeros(style.shape[:2]).at[:, :20].set(1)
    method, content = build(name), picture(24, 28, 5)
    close(run(method, content, summarise(method, style, half)), styled(method, content, style[:, :20]))


@over(PIXELS)
def test_two_half_masks_are_each_half_alone(build, name, style):
    method, content = build(name), picture(40, 48, 1)
    left = jnp.zeros(content.shape[:2]).at[:, :24].set(1)
    targets = [summarise(method, picture, None) for picture in (style, 1 - style)]
    both = run(method, content, Regions(targets, jnp.stack([left, 1 - left])))
    close(both[:, :24], run(method, content[:, :24], targets[0]))
    close(both[:, 24:], run(method, content[:, 24:], targets[1]))


def test_stylize_takes_several_styles_and_masks(build, content, style):
    method = build("monge")
    masks = jnp.stack([content[..., 0], 1 - content[..., 0]])
    several = stylize(method, content, [style, 1 - style], masks)
    targets = [method.prepare(picture) for picture in (style, 1 - style)]
    close(several, method.apply(content, Regions(targets, masks)))
    mean = stylize(method, content, [style, 1 - style])
    close(mean, method.apply(content, Regions(targets, jnp.full((2, 1, 1), 0.5))))


# ---- closed forms


def kept(method, content):
    """Return what encoding and decoding alone make of the content."""
    if isinstance(method, WCT2):
        return method.walk(content, lambda place, feature: feature)
    if isinstance(method, OptimalTextures):  # each level sees the content itself, the last one decodes it
        level = Level(method.encoder, method.network[method.levels[-1]], method.levels[-1])
        return level.decode(*level.encode(content))[: content.shape[0], : content.shape[1]]
    image = content
    for part in transfers(method):
        recoded = part.features.decode(*part.features.encode(image))
        image = recoded[: content.shape[0], : content.shape[1]]
    return method.smooth(image, content) if isinstance(method, PhotoWCT) else image


@over(CLOSED)
def test_alpha_zero_is_the_content_decoded_and_alpha_one_is_far_from_it(build, name, content, style):
    method = build(name)
    none, all_ = (dataclasses.replace(method, alpha=alpha) for alpha in (0.0, 1.0))
    expected = Compiled(kept)(method, content)
    np.testing.assert_allclose(styled(none, content, style), expected, atol=1e-5)
    assert jnp.max(jnp.abs(styled(all_, content, style) - expected)) > 1e-3
    if name in (*PIXELS, "johnson"):
        np.testing.assert_allclose(expected, content, atol=1e-5)


@over(CLOSED)
def test_the_gradient_by_the_content_is_finite(build, name, content, style):
    method = dataclasses.replace(build(name), alpha=0.5)  # at 1, what orders or swaps has none
    loss = lambda method, content, target: jnp.sum(method.apply(content, target) ** 2)
    gradient = Compiled(jax.grad(loss, 1))(method, content, summarise(method, style, None))
    assert jnp.all(jnp.isfinite(gradient))
    assert jnp.any(gradient != 0)


# ---- methods of methods


def program(method, content, style) -> str:
    """Return what a method computes, as text."""
    target = jax.eval_shape(method.prepare, style)
    every = Regions([target, target], jnp.ones((2, 1, 1)))
    apply = [str(jax.make_jaxpr(method.apply)(content, goal)) for goal in (target, every)]
    return re.sub(" at 0x[0-9a-f]+", "", "\n".join([*apply, str(jax.make_jaxpr(method.prepare)(style))]))


@over(METHODS)
def test_a_chain_of_one_is_the_same_program(build, name, content, style):
    method = build(name)
    assert program(Chain([method]), content, style) == program(method, content, style)


TILED = ("adain", "wct", "style-swap", "johnson", "reinhard", "monge", "gatys", "mmd", "reconstruct", "dream")


@over(METHODS)
def test_tiles_are_the_whole(build, name, style):
    """Under masks too; a method that cannot says so. In float64: whitening magnifies rounding."""
    assert build(name).tileable == (name in TILED)
    with jax.enable_x64(name not in DESCENTS):
        wide = lambda x: x.astype(jnp.result_type(float)) if isinstance(x, jax.Array | np.ndarray) else x
        method, content, style = jax.tree.map(wide, (build(name), picture(61, 74, 6), style))
        _tiles_are_the_whole(method, content, style, name)


def _tiles_are_the_whole(method, content, style, name):
    masks = jnp.stack([content[..., 0], 1 - content[..., 0]])
    both = Regions([summarise(method, picture, None) for picture in (style, 1 - style)], masks)
    weighed = dataclasses.replace(both, weight=content[..., 1])
    targets = [both.targets[0], weighed] if name in ("adain", "monge") else both.targets[:1]
    for target in targets:
        if name in TILED:
            whole = run(method, content, target)
            close(run(Tiled(method, 16), content, target), whole)  # Adam magnifies rounding
            close_enough = partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-5)
            prepared = [summarise(each, style, style[..., 0]) for each in (method, Tiled(method, 16))]
            jax.tree.map(close_enough, *prepared)
        else:
            with pytest.raises(InputError, match="needs the whole image at once"):
                run(Tiled(method, 16), content, target)


def test_a_chain_is_one_after_another(build, content, style):
    first, second = build("adain"), build("monge")
    expected = styled(second, styled(first, content, style), style)
    close(styled(Chain([first, second]), content, style), expected)


@Compiled
def recoloured(method, content, style):
    wrapped = [wrapper(method) for wrapper in (Luminance, Matched)]
    return [wrapper.apply(content, wrapper.prepare(style)) for wrapper in wrapped]


@over(["gatys", "adain", "photo-wct", "monge"])
def test_colours_can_be_kept(build, name, content, style):
    content = 0.25 + content / 2  # room for another luminance
    for image in recoloured(build(name), content, style):
        assert image.shape == content.shape
        assert image.dtype == content.dtype
        assert jnp.all((image >= 0) & (image <= 1))
    luminance = np.asarray(recoloured(build(name), content, style)[0])
    inside = np.all((luminance > 0) & (luminance < 1), axis=-1)
    assert np.mean(inside) > 0.3
    chroma = lambda image: np.asarray(to_yiq(jnp.asarray(image)))[inside, 1:]
    np.testing.assert_allclose(chroma(luminance), chroma(content), atol=1e-5)


@pytest.mark.parametrize("wrapper", [Luminance, Matched])
def test_wrappers_pass_regions_on(build, wrapper, content, style):
    method = wrapper(build("monge"))
    both = [method.prepare(style), method.prepare(style, jnp.ones(style.shape[:2]))]
    mixed = Regions(both, jnp.asarray([0.25, 0.75]).reshape(2, 1, 1))
    close(run(method, content, mixed), run(method, content, both[0]))


@pytest.mark.parametrize(
    ("preset", "loss"),
    [
        ("gaussian", losses.MMD),
        ("polynomial", losses.PolynomialMMD),
        ("linear", losses.LinearMMD),
        ("bn", losses.Moments),
    ],
)
def test_presets_of_mmd_are_kernels(bare_vgg, style, preset, loss):
    assert preset in MMD.PRESETS
    method = getattr(MMD, preset)(bare_vgg)
    assert {type(target.loss) for target in jax.eval_shape(method.prepare, style)} == {loss}


def test_the_table_says_what_the_classes_say():
    for name, entry in TABLE.items():
        cls = entry.load()
        assert (entry.name, entry.summary) == (name, (cls.__doc__ or "").splitlines()[0])
        assert bool(entry.weights) == ("network" in cls.__dataclass_fields__ and name != "johnson")  # pyright: ignore
