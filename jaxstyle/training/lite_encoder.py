"""A lite encoder: a VGG of thin convolutions that imitates a whole one, also where it is led astray.

    conv = lift @ (thin convolution),        every convolution but the first
    L    = mean_x sum_l w_l (d(s_l, t_l) + d(S(s_l), S(t_l))),        d(a, b) = |a - b|^2 / |b|^2

s(x) are the student's features, t(x) the teacher's, at every relu to relu5_1 or where the teacher ends; S
are the second moments, at relu{b}_1 only. So presets and decoders take the student as if it were the teacher.

Start: the lift is the principal subspace of the teacher's responses to some of the data, the thin
filters are the teacher's projected on it (Zhang et al. 2015, without the correction for the ReLU).

On-policy: pixels that are optimised through a network leave the natural images and find its blind
spots. So x are a photograph, a style, and the photograph after a few steps of Adam towards the style as
the student sees it: six of 0.05 bring it to an eighth of the distance.

Differs from how the bundled `vgg19-lite` was made. There the painted images were kept from step to step,
for about 120 strokes of 0.02, and began after 15 % of the training; here each is new. There the teacher
ended at relu4_1 and an encoder of Collaborative Distillation (Wang et al. 2020) taught relu5_1.
"""

from collections.abc import Iterable
from functools import partial
from itertools import islice
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from jaxstyle.core import Feature, Image, InputError, Scalar, pytree, static
from jaxstyle.losses import Content, Gram
from jaxstyle.networks.conv import conv2d
from jaxstyle.networks.conv.xla import xla_conv
from jaxstyle.networks.vgg import VGG, Layer
from jaxstyle.optimizers import Adam, minimise
from jaxstyle.options import Number
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.training.recipe import Recipe

RANKS = {"conv1_2": 16, "conv2_1": 32, "conv2_2": 48, "conv3_1": 72, "conv3_2": 96, "conv3_3": 72}
RANKS |= {"conv3_4": 72, "conv4_1": 128, "conv4_2": 96, "conv4_3": 96, "conv4_4": 96, "conv5_1": 96}
LOOKS = 48


class Student(VGG):
    """The same network for the gradient of its parameters, which is XLA's own: see `training.loop`."""

    @classmethod
    def of(cls, network: VGG) -> "Student":
        """Share the parameters of a network."""
        return cls(nnx.to_pure_dict(nnx.state(network)), network.flavour, network.pool)

    def stage(self, name: str, x: Feature) -> Feature:
        convolve = conv2d if self.flavour == "normalised" else partial(xla_conv, padding=((1, 1), (1, 1)))
        return getattr(self, name)(x, convolve) if name.startswith("conv") else super().stage(name, x)


@jax.jit
def thinned(teacher: VGG, images: Float[Array, "n h w 3"]) -> VGG:
    """Return a student that answers to `images` as the teacher does, but for the smallest components."""
    names = [name for name in RANKS if name in teacher.convs]
    responses = jax.vmap(lambda image: teacher(image, names))(images)
    weights = nnx.to_pure_dict(nnx.state(teacher))
    parameters = {"conv1_1": weights["conv1_1"]}
    for name in names:
        conv, response = weights[name], responses[name]
        seen = Covariance.of(response.reshape(-1, *response.shape[2:]))
        axes = jnp.linalg.eigh(seen.matrix)[1][:, -RANKS[name] :]
        kernel = conv["kernel"] @ conv["lift"] if "lift" in conv else conv["kernel"]
        bias = seen.mean + (conv["bias"] - seen.mean) @ axes @ axes.T
        parameters[name] = {"kernel": kernel @ axes, "lift": axes.T, "bias": bias}
    return VGG(parameters, teacher.flavour, teacher.pool)


@pytree
class LiteEncoder(Recipe):
    """A small encoder that stands in for a VGG, from photographs and styles.

    Attributes:
        deepest: weight of relu5_1, the other layers' is 1
    """

    NAME: ClassVar[str] = "lite-encoder"
    ENCODER: ClassVar[str] = "vgg19-normalised"
    SOURCES: ClassVar[tuple[str, ...]] = ("image", "style")
    DEFAULTS: ClassVar[dict[str, Any]] = {"batch_size": 3, "size": 128, "learning_rate": 2e-4}

    encoder: VGG  # pyright: ignore
    deepest: Number = 0.05
    strokes: int = static(default=6)
    pace: float = 0.05

    def survey(self, images: Iterable[Image]) -> Self:
        """Return the recipe with a start from the first `LOOKS` pictures of the data, unless it has one."""
        if not isinstance(self.encoder, VGG):
            raise InputError(f"{self.NAME} imitates a VGG, not {self.encoder}")
        if self.start is not None:
            return self
        return self.replace(start=thinned(self.encoder, jnp.stack(list(islice(images, LOOKS)))))

    def init(self, rngs: nnx.Rngs) -> VGG:
        """Return the student to begin with: a copy of `start`, in which nothing is random."""
        if not isinstance(self.start, VGG):
            raise InputError(f"{self.NAME} starts from a survey of the data or another VGG, not {self.start}")
        return jax.tree.map(jnp.array, self.start)

    def optimizer(self, learning_rate: float, steps: int) -> optax.GradientTransformation:
        """Return Adam with a cosine decay to zero, after a short warm-up, on clipped gradients."""
        schedule = optax.warmup_cosine_decay_schedule(0.0, learning_rate, steps // 50, steps)
        return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))

    @property
    def weight(self) -> dict[str, Scalar]:
        """The layers that are imitated, and their weights."""
        names = [name.replace("conv", "relu") for name in ("conv1_1", *RANKS) if name in self.encoder.convs]
        return {name: self.deepest if name == "relu5_1" else 1.0 for name in names}

    @property
    def style_weight(self) -> dict[str, Scalar]:
        """The same of the layers whose second moments are imitated too."""
        return {name: weight for name, weight in self.weight.items() if Layer(name).number == 1}

    def paint(self, student: VGG, content: Image, style: Image) -> Image:
        """Return the content on its way to the style, as the student sees it."""
        layers = dict.fromkeys(self.style_weight, 1.0)
        match = Gram.relative(student(style, layers), layers)
        energy = lambda x: (match(student(x, layers)), {})
        return minimise(Adam(self.pace), self.strokes, energy, content)[0]

    def error(self, student: VGG, image: Image) -> Scalar:
        """Return how far the student's features and second moments are from the teacher's, relatively."""
        target = self.encoder(image, self.weight)
        loss = Content.relative(target, self.weight) + Gram.relative(target, self.style_weight)
        return loss(student(image, self.weight))

    def loss(self, params: VGG, example: dict[str, Image], key: PRNGKeyArray) -> dict[str, Scalar]:
        image, style = (example[name] for name in self.SOURCES)
        images = jnp.stack([image, style, self.paint(jax.lax.stop_gradient(params), image, style)])
        errors = jnp.asarray(jax.vmap(partial(self.error, Student.of(params)))(images))
        return {name: errors[i] / len(images) for i, name in enumerate((*self.SOURCES, "painted"))}

    def sample(self, params: VGG, example: dict[str, Image]) -> list[Image]:
        """Return the pair, and the photograph on its way to the style."""
        image, style = (example[name] for name in self.SOURCES)
        return [image, style, self.paint(params, image, style)]
