"""Descent on the image: the frame of every method that optimises pixels.

    image = argmin_x loss(encoder(x))        from an initial image, by an optimiser

A method adds its losses: of the style, which `prepare` summarises, and of the content. Of several
targets, each where its mask is (`core.Regions`), the style loss is

    sum_k mean(m_k) loss_k(features under m_k)

Coarse to fine (Gatys et al. 2017, section 5), where `pyramid` asks for it:

    x_0 = descend(content / 2^n, style / 2^n)
    x_k = descend(content / 2^(n - k), style / 2^(n - k), from x_{k-1} enlarged)

What a network sees of an image is a fixed number of pixels, so patterns of the style larger than that are
found where the image is small, and kept as it grows. Steps there cost a quarter, a sixteenth, ... of those at
full size. Content and styles are halved together by Lanczos' filter.

`apply` is pure: jit it, vmap it. `run` does the same in chunks and yields what there is. Pixels are not
constrained on the way; the result is clipped.
"""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.stages import Lowered

from jaxstyle.core import (
    Encoder,
    Image,
    InputError,
    Loss,
    Mask,
    Method,
    Regions,
    ResumeState,
    Scalar,
    Snapshot,
    Sum,
    part_of,
    pytree,
    regions,
    static,
)
from jaxstyle.image.masks import resize_mask
from jaxstyle.image.resize import resize
from jaxstyle.losses import Masked
from jaxstyle.methods.starts import AnyStart, from_content, from_noise
from jaxstyle.optimizers import LBFGS, OPTIMIZERS, Losses, Optimizer, advance, as_pytree, minimise
from jaxstyle.options import Count, Seed, Steps, one_of
from jaxstyle.tiling import TiledEncoder

SMALLEST = 64  # pixels of the short side, below which no coarser size is taken unasked


class Target(NamedTuple):
    """A style, summarised: its loss, and its picture to start from."""

    loss: Loss
    style: Image


class DivergedError(InputError):
    """The loss is not finite any more; the image before is in the last snapshot."""


def halved(image: Image, times: int) -> Image:
    """Return an image at half the size, so many times."""
    height, width = (max(round(side / 2**times), 1) for side in image.shape[:2])
    return resize(image, height, width) if times else image


def sized(image: Image, content: Image) -> Image:
    """Return an image at the size of another."""
    return image if image.shape == content.shape else resize(image, *content.shape[:2])


@pytree
class Descent(Method):
    """Optimise the pixels: a subclass gives `target` and `loss`, of pictures of one size.

    `PRESETS` names its constructors after sources, and the weights that each source used; `PYRAMID` is what
    `pyramid` is where it is not given, as far as pictures are large enough.

    Attributes:
        encoder: the network that sees content and style; vgg19-lite comes with the library
        optimizer: L-BFGS as in PyTorch, with a filter it learns, or with optax's line search; Adam
        steps: steps of the optimiser, at full size
        pyramid: steps at coarser sizes first: at ..., a quarter, a half of the size; 0 for none
        init: the first image; a file is taken at full size, unless a pyramid is asked for
        seed: seed of the noise
    """

    PRESETS: ClassVar[dict[str, str]] = {}
    PYRAMID: ClassVar[tuple[int, ...]] = ()

    encoder: Encoder
    optimizer: Annotated[Optimizer, one_of(OPTIMIZERS)] = LBFGS()
    steps: Count = static(default=300)
    pyramid: Steps | None = static(default=None)
    init: AnyStart = static(default=from_content)
    seed: Seed = 0

    def __post_init__(self):
        object.__setattr__(self, "optimizer", as_pytree(self.optimizer))

    @property
    def draws(self) -> bool:
        return self.init is from_noise

    def target(self, style: Image, mask: Mask | None) -> Any:
        """Return the target of a style of one size: all of it, or what is under a mask."""
        raise NotImplementedError

    def loss(self, content: Image, target: Any) -> Loss:
        """Return what an image of the content's size has to minimise."""
        raise NotImplementedError

    def loss_from(self, content: Image, target: Any, initial: Image | None) -> Loss:
        """Return the loss of a descent from what a coarser size made or a user gave, None if from `init`.

        By default it is the same wherever it begins.
        """
        return self.loss(content, target)

    def coarser(self, image: Image) -> tuple[int, ...]:
        """Return the steps at coarser sizes of an image, the last number's half its size."""
        if self.pyramid is not None:
            return tuple(filter(None, self.pyramid))
        times = max((min(image.shape[:2]) // SMALLEST).bit_length() - 1, 0)
        return self.PYRAMID[max(len(self.PYRAMID) - times, 0) :]

    def prepare(self, style: Image, mask: Mask | None = None) -> list[Any]:
        """Return the target of a style at every size, the coarsest first."""

        def level(times: int) -> Any:
            small = halved(style, times)
            return self.target(small, None if mask is None else resize_mask(mask, *small.shape[:2]))

        return [level(times) for times in range(len(self.coarser(style)), -1, -1)]

    def initial_image(self, content: Image, target: Any) -> Image:
        """Return the image to start from: of several styles the mean of those that each would give."""
        starts = [self.init(content, part.style, self.seed) for part, *_ in regions(target)]
        return sum(starts[1:], starts[0]) / len(starts)

    def at(self, times: int, steps: int) -> Self:
        """Return the same method where pictures were halved so many times, and the steps to take there."""
        return dataclasses.replace(self, steps=steps)

    def descents(self) -> list["Descent"]:
        """Return what descends one after another at each size."""
        return [self]

    def stages(self, content: Image, target: Any, initial: Image | None = None) -> list["Stage"]:
        """Return the descents to make, each from where the last one ended, enlarged if need be.

        What is there in an initial image would be lost at a coarser size, which is taken only if asked for.
        """
        common = min(len(part) for part, *_ in regions(target)) - 1
        unasked = initial is not None and self.pyramid is None
        steps = self.coarser(content)[-common:] if common and not unasked else ()

        def level(times: int) -> list[Stage]:
            goal, small = part_of(target, -1 - times), halved(content, times)
            if isinstance(goal, Regions):
                goal = goal.of_masks(lambda mask: resize_mask(mask, *small.shape[:2]))
            method = self.at(times, steps[-times]) if times else self
            return [Stage(each, small, goal) for each in method.descents()]

        return [stage for times in range(len(steps), -1, -1) for stage in level(times)]

    def apply(self, content: Image, target: Any, initial: Image | None = None) -> Image:
        image: Any = initial
        for method, small, goal in self.stages(content, target, initial):
            begin = None if image is None else sized(image, small)
            energy = partial(evaluate, method.encoder, method.loss_from(small, goal, begin))
            image = method.initial_image(small, goal) if begin is None else begin
            image = minimise(method.optimizer, method.steps, energy, image)[0]
            image = jnp.where(jnp.isfinite(image), jnp.clip(image, 0, 1), jnp.nan)  # infinity is not white
        return image

    def run(
        self,
        content: Image,
        target: Any,
        initial: Image | None = None,
        extra_loss: Loss | None = None,
        resume: ResumeState | None = None,
        every: int = 10,
    ) -> Iterator[Snapshot]:
        """Yield a snapshot at the start and then about each `every` steps.

        Raises `DivergedError` when the loss is not finite.
        """
        stages = self.stages(content, target, initial)
        done, after = 0, -1 if resume is None else resume.step
        total = sum(stage.method.steps for stage in stages)
        for method, small, goal in stages:
            if done + method.steps >= after:
                begun = resume and resume._replace(step=resume.step - done)
                begin = None if initial is None else sized(initial, small)
                for snapshot in method.descend(small, goal, begin, extra_loss, begun, every):
                    initial, step = snapshot.raw, done + snapshot.step
                    if snapshot.step or not done:
                        state = snapshot.state and snapshot.state._replace(step=step)
                        here = dataclasses.replace(snapshot, step=step, steps=total, state=state)
                        yield here.then(lambda image: sized(image, content))
                resume = None
            else:
                initial = small  # in whose place `resume` has the image
            done += method.steps

    def programs(self, content: Image, target: Any) -> list[tuple[Lowered, float]]:
        stages = jax.eval_shape(type(self).stages, self, content, target)
        last: Stage = stages[-1]
        begun = jax.eval_shape(_begin, *last, None, None)
        steps = sum(stage.method.steps * stage.content.size / content.size for stage in stages)
        advance = _advance.lower(last.method, *begun, last.method.chunk(10))
        return [(_begin.lower(*last, None, None), 1.0), (advance, steps)]

    @property
    def tileable(self) -> bool:
        return self.encoder.tileable

    def in_tiles(self, tile: int) -> Self:
        return dataclasses.replace(self, encoder=TiledEncoder(self.encoder, tile))

    def chunk(self, every: int) -> int:
        """Return how many steps are compiled as one: about `every`, of which all steps are a multiple."""
        return max(size for size in range(1, every + 1) if self.steps % size == 0)

    def descend(
        self,
        content: Image,
        target: Any,
        initial: Image | None,
        extra_loss: Loss | None,
        resume: ResumeState | None,
        every: int,
    ) -> Iterator[Snapshot]:
        """Yield the snapshots of this descent alone: see `run`.

        Of a descent from an image that is not its own, the state has that one too: the loss may depend on it.
        """
        if resume and initial is not None:
            initial = jnp.asarray(resume.leaves[0])
        loss, image, state = _begin(self, content, target, initial, extra_loss)
        if resume:
            begun, structure = jax.tree.flatten((initial, image, state))
            if [np.shape(leaf) for leaf in begun] != [np.shape(leaf) for leaf in resume.leaves]:
                raise InputError(
                    "the optimiser has another state than in the version that this was begun with"
                )
            initial, image, state = jax.tree.unflatten(structure, map(jnp.asarray, resume.leaves))
        chunk, done = self.chunk(every), resume.step if resume else 0

        def here(step: int, losses: dict[str, np.ndarray]) -> Snapshot:
            leaves = jax.tree.leaves((initial, image, state))
            return Snapshot(step, self.steps, jnp.clip(image, 0, 1), losses, ResumeState(step, leaves))

        yield here(done, {})
        for step in range(done + chunk, self.steps + 1, chunk):
            image, state, history = _advance(self, loss, image, state, chunk)
            losses = jax.device_get(history)
            finite = np.where(jnp.all(jnp.isfinite(image)), 0, np.nan)  # of the image there is no loss yet
            bad = np.flatnonzero(~np.isfinite(np.append(losses["loss"], finite)))
            if bad.size:
                raise DivergedError(
                    f"loss or image is not finite at step {step - chunk + bad[0] + 1}: "
                    "try a smaller learning rate, a smaller weight, or Adam"
                )
            yield here(step, losses)


class Stage(NamedTuple):
    """A descent to make: of what, and towards what."""

    method: Descent
    content: Image
    target: Any


def loss_of_target(target: Any, weight: Mask | None) -> Loss:
    """Return the loss that a target holds."""
    return target.loss


def style_loss(target: Any, loss_of: Callable[[Any, Mask | None], Loss] = loss_of_target) -> Loss:
    """Return the loss of one target, or of `Regions` the sum of theirs, each under its mask."""
    losses = [
        loss if weight is None else jnp.mean(weight) * Masked(loss, weight)  # pyright: ignore
        for loss, weight in ((loss_of(part, weight), weight) for part, _, weight in regions(target))
    ]
    return losses[0] if len(losses) == 1 else Sum(losses)


def evaluate(encoder: Encoder, loss: Loss, image: Image) -> tuple[Scalar, dict[str, Scalar]]:
    """Return the loss of an image and its terms."""
    terms = encoder.terms(loss, image)
    return sum(terms.values()), terms


@jax.jit
def _begin(
    method: Descent, content: Image, target: Any, initial: Image | None, extra: Loss | None
) -> tuple[Loss, Image, Any]:
    image = method.initial_image(content, target) if initial is None else initial
    loss = method.loss_from(content, target, initial)
    return loss if extra is None else loss + extra, image, method.optimizer.init(image)


@partial(jax.jit, static_argnames="count", donate_argnames="state")
def _advance(method: Descent, loss: Loss, image: Image, state, count: int) -> tuple[Image, Any, Losses]:
    return advance(method.optimizer, partial(evaluate, method.encoder, loss), image, state, count)
