"""What matching patches of pixels does: their distribution becomes the style's, what is shown stays."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import Compiled, picture

from jaxstyle import GPDM
from jaxstyle.linalg import rotations
from jaxstyle.losses import SlicedWasserstein
from jaxstyle.statistics.patches import patches

METHOD = GPDM(patch=5, sizes=2, passes=3, rotations=3)
stylised = Compiled(lambda method, content, style: method.apply(content, method.prepare(style)))


def distance(image, style) -> float:
    """Return the sliced distance of patches along axes that the method does not know."""
    of = lambda x: {"patches": patches(x, 5) @ rotations(jax.random.key(9), 1, 75)[0]}
    return float(SlicedWasserstein.relative(of(style), {"patches": 1.0})(of(image)))


@pytest.fixture(scope="module")
def rough():
    """A style with other colours and a texture of its own."""
    stripes = jnp.sin(jnp.arange(80) * 1.3)[:, None, None] * jnp.asarray([0.2, 0.1, -0.1])
    return jnp.clip(0.6 * picture(80, 72, 2) + 0.2 + stripes, 0, 1)


def test_patches_come_near_to_the_styles(rough):
    content = picture(70, 90, 1)
    assert distance(stylised(METHOD, content, rough), rough) < 0.2 * distance(content, rough)


def test_the_less_detail_comes_back_the_nearer_to_the_style(rough):
    content = picture(70, 90, 1)
    change = lambda detail: dataclasses.replace(METHOD, detail=detail, passes=1)
    near, far = (stylised(change(detail), content, rough) for detail in (0.0, 1.0))
    apart = lambda image: float(jnp.mean((image - content) ** 2))
    assert distance(near, rough) < distance(far, rough)
    assert apart(far) < apart(near)


def test_a_picture_in_its_own_style_stays_as_it_is():
    image = picture(70, 90, 1)
    whole = dataclasses.replace(METHOD, detail=1.0)
    change = jnp.abs(stylised(whole, image, image) - image)
    assert jnp.mean(change) < 0.025  # of the border, which is reflected, there is more


def test_every_pixel_is_in_as_many_patches_so_the_border_is_as_the_rest(rough):
    flat = jnp.full((64, 64, 3), 0.4)
    np.testing.assert_allclose(np.ptp(stylised(METHOD, flat, rough), (0, 1)), 0, atol=1e-3)
