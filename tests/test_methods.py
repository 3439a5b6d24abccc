"""Laws of every method: those of the algebra, and those of regions, mixes and wrappers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import Compiled, picture

from jaxstyle import Chain, Luminance, Matched, Regions, stylize
from jaxstyle.methods import METHODS
from jaxstyle.methods.descent import Descent
from jaxstyle.networks.decoders import Decoder, Decoders
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.networks.linear import LinearTransfer
from jaxstyle.solvers import Adam

THIN = (4, 6, 8, 8)
NETWORKS = {
    "adain": lambda: Decoder(4, THIN, 1),
    "linear": lambda: LinearTransfer(2, 4, THIN[:2], 1),
    "johnson": lambda: TransformNet(width=4, residuals=1, seed=1),
}
MORE = {"wct": {"levels": (2, 1)}, "histogram": {"levels": (2, 1)}, "style-swap": {"levels": (2,)}}
PIXELS = ("reinhard", "monge", "pitie", "color-histogram")
STYLED = [name for name in METHODS if name not in ("johnson", "reconstruct", "dream")]


def lively(network):
    """Return the network with noise for zeros: fresh decoders give plain grey."""
    noise = np.random.default_rng(0).standard_normal
    fill = lambda leaf: jnp.where(leaf == 0, 0.02 * noise(leaf.shape), leaf).astype(leaf.dtype)
    return jax.tree.map(fill, network)


@pytest.fixture(scope="module")
def build(bare_vgg):
    """Return the method of a name, on networks that nobody trained."""

    def build(name):
        method = METHODS[name]
        if issubclass(method, Descent):
            return method(bare_vgg, solver=Adam(2, 0.05))
        if name in PIXELS:
            return method()
        network = NETWORKS.get(name, lambda: Decoders((1, 2), THIN, 1))()
        given = {"network": lively(network)} | MORE.get(name, {})
        return method(**given) if name == "johnson" else method(encoder=bare_vgg, **given)

    return build


def close(image, other):
    """Assert that pictures are equal but for rounding, which may put a few pixels in another order."""
    apart = jnp.sort(jnp.abs(image - other), axis=None)
    assert jnp.mean(apart) < 2e-3
    assert apart[apart.size // 2] < 2e-4


run = Compiled(lambda method, content, target: method.apply(content, target))
summarise = Compiled(lambda method, style, mask: method.prepare(style, mask))


@pytest.mark.parametrize("name", METHODS)
def test_any_size_is_kept_and_new_pictures_do_not_retrace(build, name, style):
    method, content = build(name), picture(37, 42, 3)
    compiled = Compiled(lambda method, content, style: method.apply(content, method.prepare(style)))
    image = compiled(method, content, style)
    assert image.shape == content.shape
    assert image.dtype == content.dtype
    assert jnp.all((image >= 0) & (image <= 1))
    changes = {"alpha": 0.3} if hasattr(method, "alpha") else {"tv_weight": 0.5}
    other = compiled(dataclasses.replace(method, **changes), content[::-1], 1 - style)
    assert jnp.any(other != image)
    assert compiled.traces == 1
    leaves, structure = jax.tree.flatten(method)
    assert repr(jax.tree.unflatten(structure, leaves)) == repr(method)
    assert " at 0x" not in repr(method)


@pytest.mark.parametrize("name", STYLED)
def test_a_mask_of_ones_is_no_mask(build, name, content, style):
    method = build(name)
    target = summarise(method, style, None)
    masked = Regions([summarise(method, style, jnp.ones(style.shape[:2]))], jnp.ones((1, *content.shape[:2])))
    close(run(method, content, masked), run(method, content, target))


@pytest.mark.parametrize("name", PIXELS)
def test_a_mask_is_the_style_that_is_under_it(build, name, style):
    half = jnp.zeros(style.shape[:2]).at[:, :20].set(1)
    method, content = build(name), picture(24, 28, 5)
    close(
        run(method, content, summarise(method, style, half)),
        run(method, content, summarise(method, style[:, :20], None)),
    )


@pytest.mark.parametrize("name", PIXELS)
def test_two_half_masks_are_each_half_alone(build, name, content, style):
    method = build(name)
    left = jnp.zeros(content.shape[:2]).at[:, :24].set(1)
    targets = [summarise(method, picture, None) for picture in (style, 1 - style)]
    both = run(method, content, Regions(targets, jnp.stack([left, 1 - left])))
    close(both[:, :24], run(method, content[:, :24], targets[0]))
    close(both[:, 24:], run(method, content[:, 24:], targets[1]))


@pytest.mark.parametrize("name", METHODS)
def test_a_mix_of_a_style_with_itself_is_that_style(build, name, content, style):
    method = build(name)
    target = summarise(method, style, None)
    mixed = Regions([target, target], jnp.asarray([0.25, 0.75]).reshape(2, 1, 1))
    close(run(method, content, mixed), run(method, content, target))


@pytest.mark.parametrize(
    "name", [name for name in METHODS if name not in ("gatys", "mrf", "mmd", "reconstruct", "dream")]
)
def test_closed_forms_have_an_alpha_a_gradient_and_a_vmap(build, name, content, style):
    method = build(name)
    target = summarise(method, style, None)
    kept = run(dataclasses.replace(method, alpha=0.0), content, target)
    assert (
        jnp.mean(jnp.abs(kept - content)) <= jnp.mean(jnp.abs(run(method, content, target) - content)) + 0.3
    )
    if name in (*PIXELS, "johnson"):
        close(kept, content)
    gradient = Compiled(jax.grad(lambda content: jnp.sum(method.apply(content, target) ** 2)))(content)
    assert jnp.all(jnp.isfinite(gradient))
    both = Compiled(jax.vmap(method.apply, (0, None)))(jnp.stack([content, content[::-1]]), target)
    close(both[1], run(method, content[::-1], target))


@pytest.mark.parametrize("name", ["reinhard", "adain", "gatys"])
def test_a_chain_of_one_is_the_method(build, name, content, style):
    method = build(name)
    chain = Chain([method])
    target = summarise(chain, style, None)
    close(run(chain, content, target), run(method, content, target[0]))
    regions = Regions([target], jnp.ones((1, 1, 1)))
    close(run(chain, content, regions), run(method, content, target[0]))


@pytest.mark.parametrize("name", STYLED)
def test_colours_can_be_kept(build, name, content, style):
    method = build(name)
    for wrapper in (Luminance(method), Matched(method)):
        image = run(wrapper, content, wrapper.prepare(style))
        assert image.shape == content.shape
        assert jnp.all((image >= 0) & (image <= 1))
    chroma = lambda image: image - jnp.mean(image, -1, keepdims=True)
    luminance = run(Luminance(method), 0.25 + content / 2, (style, None))
    inside = jnp.all((luminance > 0) & (luminance < 1), -1)
    difference = jnp.abs(chroma(luminance) - chroma(content / 2))
    assert jnp.max(jnp.where(inside[..., None], difference, 0)) < 1e-4


def test_stylize_takes_several_styles_and_masks(build, content, style):
    method = build("monge")
    masks = jnp.stack([content[..., 0], 1 - content[..., 0]])
    several = stylize(method, content, [style, 1 - style], masks)
    targets = [method.prepare(picture) for picture in (style, 1 - style)]
    close(several, method.apply(content, Regions(targets, masks)))
    mean = stylize(method, content, [style, 1 - style])
    close(mean, method.apply(content, Regions(targets, jnp.full((2, 1, 1), 0.5))))
