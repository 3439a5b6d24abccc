"""To refine is to descend from what a method makes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle import stylize
from jaxstyle.core import InputError, styled
from jaxstyle.methods import Gatys, descent
from jaxstyle.methods.colors import Monge
from jaxstyle.optimizers import LBFGS, Adam
from jaxstyle.wrappers import Refined
from jaxstyle.wrappers.refine import refinement


@pytest.fixture(scope="module")
def gatys(small_vgg):
    one = {"relu1_1": 1.0}
    return Gatys(small_vgg, Adam(), steps=3, pyramid=(), content_layers=one, style_layers=one)


@pytest.mark.parametrize("masked", [False, True])
def test_it_descends_from_the_picture(gatys, content, style, masked):
    masks = jnp.stack([content[..., 0], 1 - content[..., 0]]) if masked else None
    styles = [style, 1 - style] if masked else style
    refined, seen = Refined(Monge(), gatys), []
    first = stylize(Monge(), content, styles, masks)
    image = stylize(refined, content, styles, masks, callback=seen.append)
    np.testing.assert_allclose(seen[0].image, first, atol=1e-6)
    np.testing.assert_allclose(image, stylize(gatys, content, styles, masks, initial=first), atol=1e-5)
    np.testing.assert_allclose(jax.jit(styled)(refined, content, styles, masks), image, atol=1e-5)
    with pytest.raises(InputError, match="one pass"):
        stylize(refined, content, styles, masks, initial=content)


def test_it_remembers_all_its_pairs_and_no_more(small_vgg):
    memories = [refinement(small_vgg, steps).optimizer for steps in (20, 300)]
    assert memories == [LBFGS(memory=20), LBFGS(memory=100)]


def test_a_first_image_is_made_smaller_only_if_asked(gatys, content, style, monkeypatch):
    monkeypatch.setattr(descent, "SMALLEST", 16)
    first = jax.random.uniform(jax.random.key(0), content.shape)
    steps = {}
    for pyramid in (None, (1,)):
        method, seen = dataclasses.replace(gatys, steps=1, pyramid=pyramid), []
        stylize(method, content, style, initial=first, callback=seen.append)
        steps[pyramid] = seen[-1].steps
        assert np.allclose(seen[0].image, first, atol=1e-6) == (pyramid is None)
    assert steps == {None: 1, (1,): 2}
