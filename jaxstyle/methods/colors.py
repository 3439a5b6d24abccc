"""Colour transfer: the transforms of the table on pixels, between two changes of colour space.

| method | statistic | space | paper |
|---|---|---|---|
| `Reinhard` | moments | l alpha beta | Reinhard, Ashikhmin, Gooch & Shirley 2001 |
| `Monge` | covariance, optimal transport | sRGB | Pitie & Kokaram 2007 |
| `Pitie` | joint distribution, sliced transport | sRGB | Pitie, Kokaram & Dahyot 2005 |
| `ColorHistogram` | quantiles of every channel | sRGB | e.g. Gonzalez & Woods |

No network, no weights: the image is layer zero.

None makes its content's noise visible: blocks and ringing of a JPEG, the steps of a nearly grey picture.
Where the map that matches the statistic is steeper than the noise allows (`image/noise.py`), it is the
nearest that is not, and the colours are matched in part; `remarks` tells. Photographs keep theirs but in
rare steep places.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxstyle.core import Feature, Image, Mask, Regions, pytree, regions, static
from jaxstyle.image.color import OPPONENT, from_lab, to_lab
from jaxstyle.image.masks import pool_mask
from jaxstyle.image.noise import LEVEL, VISIBLE, noise_of, steepest, steepest_of
from jaxstyle.linalg import Matrix
from jaxstyle.methods.transfer import Composed, Pixels, Transfer
from jaxstyle.options import Count, Seed, Share
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.statistics.histograms import Histogram
from jaxstyle.statistics.moments import Moments
from jaxstyle.statistics.patches import Patches
from jaxstyle.transforms import match_covariance, match_histogram, match_moments, match_sliced
from jaxstyle.transforms.covariance import monge_within
from jaxstyle.transforms.moments import exact
from jaxstyle.transforms.sliced import POINTS

SAMPLE = 2**16  # pixels by which `remarks` judges


class Noisy(NamedTuple):
    """A style's statistic, and the noise of the content that is to have it."""

    statistic: Any
    noise: Matrix


def with_noise(content: Image, target: Any) -> Any:
    """Return a target, or those of regions, with the content's noise there."""
    if not isinstance(target, Regions):
        return Noisy(target, noise_of(content))
    noise = lambda weight: noise_of(content, None if weight is None else pool_mask(weight, content.shape))
    parts = [Noisy(part, noise(weight)) for part, _, weight in regions(target)]
    return Regions(parts, target.masks, target.weight)


@pytree
class ColorTransfer(Transfer):
    """A transfer whose `match` gets the target as `Noisy`: with the content's noise, region by region."""

    def complete(self, content: Image, target: Any) -> Any:
        return with_noise(content, target)

    def limited(self, content: Image, target: Any) -> tuple[Array, Array]:
        """Return the smallest slope allowed, and how far that keeps the result from the unlimited one."""
        held = with_noise(content, target)
        free = lambda part: Noisy(part.statistic, 1e-6 * VISIBLE**2 * jnp.eye(3))
        every = max(1, round((content.shape[0] * content.shape[1] / SAMPLE) ** 0.5))
        pixels = content[::every, ::every]
        both = held, held.map(free) if isinstance(held, Regions) else free(held)
        results = [self.transfer(pixels, complete) for complete in both]
        largest = jnp.stack([jnp.linalg.norm(part.noise, 2) for part, *_ in regions(held)])
        return steepest_of(jnp.max(largest)), jnp.mean(jnp.abs(results[0] - results[1]))


class ColorMethod(Composed):
    """A method that is a `ColorTransfer`."""

    KEEPS_SIZE = True

    @property
    def method(self) -> ColorTransfer:
        raise NotImplementedError

    def remarks(self, content: Image, target: Any) -> list[str]:
        limit, loss = map(float, _limited(self, content, target))
        if loss < LEVEL / 2:
            return []
        return [f"the content's noise allows no steeper map than {limit:.1f}: colours are matched in part"]


@jax.jit
def _limited(method: ColorMethod, content: Image, target: Any) -> tuple[Array, Array]:
    return method.method.limited(content, target)


@pytree
class Reinhard(ColorMethod):
    """Match mean and deviation of the colours in l alpha beta (Reinhard et al. 2001).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
    """

    alpha: Share = 1.0

    @property
    def method(self) -> ColorTransfer:
        return ColorTransfer(Pixels(to_lab, from_lab), Moments.of, _match_lab, self.alpha, merges=True)


def _match_lab(feature: Feature, target: Noisy, weight: Mask | None, stats: Moments | None = None) -> Feature:
    axes = jnp.asarray(OPPONENT.T, feature.dtype)  # of l, alpha and beta in sRGB, to first order
    gain = partial(exact, steepest=steepest(target.noise, axes))
    return match_moments(feature, target.statistic, weight, gain, stats)


@pytree
class Monge(ColorMethod):
    """Match mean and covariance of the colours by the least movement (Pitie & Kokaram 2007).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
    """

    alpha: Share = 1.0

    @property
    def method(self) -> ColorTransfer:
        return ColorTransfer(Pixels(), Covariance.of, _match_monge, self.alpha, merges=True)


def _match_monge(
    feature: Feature, target: Noisy, weight: Mask | None, stats: Covariance | None = None
) -> Feature:
    return match_covariance(feature, target.statistic, weight, monge_within(target.noise), stats)


@pytree
class Pitie(ColorMethod):
    """Match the whole distribution of the colours by sliced transport (Pitie et al. 2005).

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
        rotations: how many random axes are matched, one after another
        seed: seed of the axes
    """

    alpha: Share = 1.0
    rotations: Count = static(default=20)
    seed: Seed = 0

    @property
    def method(self) -> ColorTransfer:
        def match(feature: Feature, target: Noisy, weight: Mask | None) -> Feature:
            return match_sliced(feature, target.statistic, weight, self.rotations, self.seed, target.noise)

        return ColorTransfer(Pixels(), _sample, match, self.alpha)


def _sample(feature: Feature, weight: Mask | None = None) -> Patches:
    return Patches.of(feature, 1, weight).thinned(POINTS)


@pytree
class ColorHistogram(ColorMethod):
    """Match the histograms of red, green and blue.

    Attributes:
        alpha: 0 keeps the photograph, 1 is all style
    """

    alpha: Share = 1.0

    @property
    def method(self) -> ColorTransfer:
        return ColorTransfer(Pixels(), Histogram.of, _match_histogram, self.alpha)


def _match_histogram(feature: Feature, target: Noisy, weight: Mask | None) -> Feature:
    return match_histogram(feature, target.statistic, weight, target.noise)
