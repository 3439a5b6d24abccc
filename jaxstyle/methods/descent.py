"""Descent on the image: the frame of every method that optimises pixels.

    image = argmin_x loss(encoder(x))        from a first image, by a solver

A method adds its losses: of the style, which `prepare` summarises, and of the content. Of several
targets, each where its mask is (`core.Regions`), the style loss is

    sum_k mean(m_k) loss_k(features under m_k)

`apply` is pure: jit it, vmap it. `descend` does the same in chunks and hands out what there is, for
progress bars, snapshots and Ctrl-C. Pixels are not constrained on the way; the result is clipped.
"""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxstyle.core import Encoder, Image, InputError, Loss, Method, Scalar, Sum, pytree, regions
from jaxstyle.image.resize import resize
from jaxstyle.losses import Masked
from jaxstyle.solvers import LBFGS, History, Solver, advance, minimise
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.tiling import TiledEncoder
from jaxstyle.transforms import match_covariance
from jaxstyle.transforms.covariance import monge


class Target(NamedTuple):
    """A style, summarised: its loss, and its picture to start from."""

    loss: Loss
    style: Image


class Point(NamedTuple):
    """All that a descent goes on from: the steps done, and the arrays of image and solver."""

    step: int
    leaves: list[Array | np.ndarray]


class Snapshot(NamedTuple):
    """Where a descent is: the steps done, the image (in [0, 1]), the losses of the last steps.

    The arrays of its `point` are gone once the descent goes on.
    """

    step: int
    image: Image
    history: dict[str, np.ndarray]
    point: Point


class DivergedError(InputError):
    """The loss is not finite any more; the image before it was is in the last snapshot."""


def from_content(content: Image, style: Image, seed: ArrayLike) -> Image:
    """Start from the content."""
    return content


def from_style(content: Image, style: Image, seed: ArrayLike) -> Image:
    """Start from the style, resized to the content's size."""
    return jax.image.resize(style, content.shape, "linear", antialias=True).astype(content.dtype)


def from_noise(content: Image, style: Image, seed: ArrayLike) -> Image:
    """Start from white noise: normal, mean 1/2, standard deviation 1/4, clipped to [0, 1]."""
    noise = jax.random.normal(jax.random.key(seed), content.shape, content.dtype)
    return jnp.clip(0.5 + 0.25 * noise, 0, 1)


def from_colors(content: Image, style: Image, seed: ArrayLike) -> Image:
    """Start from the content in the style's colours: their mean and covariance, by the least movement."""
    return jnp.clip(match_covariance(content, Covariance.of(style), way=monge), 0, 1)


Start = Callable[[Image, Image, ArrayLike], Image]
STARTS: dict[str, Start] = {
    "content": from_content,
    "style": from_style,
    "noise": from_noise,
    "colors": from_colors,
}


class Staged(Method):
    """What descends, in one stage or in several, each from where the last one ended, resized if need be."""

    def stages(self, content: Image, target: Any) -> list["Stage"]:
        """Return the descents to make one after another; the last one's content is all of it."""
        raise NotImplementedError

    def apply(self, content: Image, target: Any) -> Image:
        image: Any = None
        for method, own, goal in self.stages(content, target):
            image = method.first(own, goal) if image is None else sized(image, own)
            energy = partial(evaluate, method.encoder, method.loss(own, goal))
            image = minimise(method.solver, energy, image)[0]
            image = jnp.where(jnp.isfinite(image), jnp.clip(image, 0, 1), jnp.nan)  # infinity is not white
        return image

    def descend(
        self,
        content: Image,
        target: Any,
        every: int = 10,
        first: Image | None = None,
        point: Point | None = None,
    ) -> Iterator[Snapshot]:
        """Yield a snapshot at the start and then about each `every` steps.

        Starts at the image `first`, or goes on from a `point` of the same descent, if one is given. Raises
        `DivergedError` when the loss is not finite.
        """
        done, after = 0, -1 if point is None else point.step
        for method, own, goal in self.stages(content, target):
            if done + method.solver.steps >= after:
                here = point and point._replace(step=point.step - done)
                begin = None if first is None else sized(first, own)
                for snapshot in method.snapshots(own, goal, every, begin, here):
                    first, step = snapshot.image, done + snapshot.step
                    if snapshot.step or not done:
                        whole, at = sized(first, content), snapshot.point._replace(step=step)
                        yield snapshot._replace(step=step, image=whole, point=at)
                point = None
            done += method.solver.steps


def sized(image: Image, content: Image) -> Image:
    """Return an image at the size of another."""
    return image if image.shape == content.shape else resize(image, *content.shape[:2])


@pytree
class Descent(Staged):
    """Optimise the pixels: a subclass gives `prepare` and `loss`.

    `PRESETS` names its constructors after sources, and the weights that each source used.
    """

    PRESETS: ClassVar[dict[str, str]] = {}

    encoder: Encoder
    solver: Solver = LBFGS()
    init: Start = from_content
    seed: ArrayLike = 0

    def loss(self, content: Image, target: Any) -> Loss:
        """Return what the image has to minimise."""
        raise NotImplementedError

    def first(self, content: Image, target: Any) -> Image:
        """Return the image to start from: of several styles the mean of those that each would give."""
        starts = [self.init(content, part.style, self.seed) for part, *_ in regions(target)]
        return sum(starts[1:], starts[0]) / len(starts)

    def stages(self, content: Image, target: Any) -> list["Stage"]:
        return [Stage(self, content, target)]

    @property
    def tileable(self) -> bool:
        return self.encoder.tileable

    def in_tiles(self, tile: int) -> Self:
        return dataclasses.replace(self, encoder=TiledEncoder(self.encoder, tile))

    def stepping(self, steps: int) -> Self:
        """Return the same with another number of steps."""
        return dataclasses.replace(self, solver=dataclasses.replace(self.solver, steps=steps))  # pyright: ignore

    def chunk(self, every: int = 10) -> int:
        """Return how many steps are compiled as one: about `every`, of which all steps are a multiple."""
        return max(size for size in range(1, every + 1) if self.solver.steps % size == 0)

    def snapshots(
        self, content: Image, target: Any, every: int, first: Image | None, point: Point | None
    ) -> Iterator[Snapshot]:
        """Yield the snapshots of this descent alone: see `descend`."""
        loss, image, state = _begin(self, content, target, first)
        if point:
            begun, structure = jax.tree.flatten((image, state))
            if [np.shape(leaf) for leaf in begun] != [np.shape(leaf) for leaf in point.leaves]:
                raise InputError("the solver has another state than in the version that this was begun with")
            image, state = jax.tree.unflatten(structure, map(jnp.asarray, point.leaves))
        at = lambda step: Point(step, jax.tree.leaves((image, state)))
        chunk, done = self.chunk(every), point.step if point else 0
        yield Snapshot(done, jnp.clip(image, 0, 1), {}, at(done))
        for step in range(done + chunk, self.solver.steps + 1, chunk):
            image, state, history = _advance(self, loss, image, state, chunk)
            terms = jax.device_get(history)
            values = np.append(
                terms["loss"], np.where(jnp.all(jnp.isfinite(image)), 0, np.nan)
            )  # no loss yet
            bad = np.flatnonzero(~np.isfinite(values))
            if bad.size:
                raise DivergedError(
                    f"loss or image is not finite at step {step - chunk + bad[0] + 1}: "
                    "try a smaller learning rate, a smaller weight, or solver adam"
                )
            yield Snapshot(step, jnp.clip(image, 0, 1), terms, at(step))


class Stage(NamedTuple):
    """A descent to make: of what, and towards what."""

    method: Descent
    content: Image
    target: Any


def style_loss(target: Any) -> Loss:
    """Return the loss of one target, or of `Regions` the sum of theirs, each under its mask."""
    losses = [
        part.loss if weight is None else jnp.mean(weight) * Masked(part.loss, weight)  # pyright: ignore
        for part, _, weight in regions(target)
    ]
    return losses[0] if len(losses) == 1 else Sum(losses)


def evaluate(encoder: Encoder, loss: Loss, image: Image) -> tuple[Scalar, dict[str, Scalar]]:
    """Return the loss of an image and its terms."""
    terms = encoder.terms(loss, image)
    return sum(terms.values()), terms


@jax.jit
def _begin(method: Descent, content: Image, target: Any, first: Image | None) -> tuple[Loss, Image, Any]:
    image = method.first(content, target) if first is None else first
    return method.loss(content, target), image, method.solver.transform().init(image)


@partial(jax.jit, static_argnames="count", donate_argnames="state")
def _advance(method: Descent, loss: Loss, image: Image, state, count: int) -> tuple[Image, Any, History]:
    return advance(method.solver, partial(evaluate, method.encoder, loss), image, state, count)


def programs(method: Staged, content: Image, target: Any) -> list[Any]:
    """Return the programs that the last stage of a descent compiles, lowered: its beginning, some steps."""
    last: Stage = jax.eval_shape(type(method).stages, method, content, target)[-1]
    begun = jax.eval_shape(_begin, *last, None)
    return [_begin.lower(*last, None), _advance.lower(last.method, *begun, last.method.chunk())]
