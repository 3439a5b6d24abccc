"""A lite encoder: VGG with thin convolutions, made to imitate a whole one also where it is led astray.

    conv = lift @ (thin convolution)        every convolution but the first
    L    = mean over three images x of  sum_l |s_l - t_l|^2 / |t_l|^2  +  sum_b |S(s_b) - S(t_b)|^2 / |S(t_b)|^2

s are the student's features, t the teacher's, at every relu to relu5_1; S the second moments, at
relu{b}_1. relu5_1 weighs `deepest`. The student speaks the teacher's language at every layer, so
presets and decoders take it as if it were the teacher.

Start: the lift is the principal subspace of the teacher's responses to some of the data, the thin
filters are the teacher's projected on it (Zhang et al. 2015, without the correction for the ReLU).
On-policy: pixels that are optimised through a network leave the natural images and find its blind
spots. So the three images are a photograph, a style, and the photograph after a few steps of Adam
towards the style, as the student sees it: it is taught on what its own gradients make.

`vgg19-lite` was made so, with three differences: the images on their way were kept from step to step,
for about 120 steps of 0.02 each, here every one is new and takes `strokes` steps of `pace`; the first
15 % of the training were without them; and relu5_1 was taught by an encoder of Collaborative
Distillation (Wang et al. 2020), as the teacher ended at relu4_1. Here the student ends where the teacher does.
"""

from functools import partial
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxstyle.core import Feature, Image, InputError, Scalar, pytree
from jaxstyle.losses import Content, Gram
from jaxstyle.networks.convolution import direct
from jaxstyle.networks.decoders import trained_conv
from jaxstyle.networks.vgg import VGG
from jaxstyle.solvers import Adam, minimise
from jaxstyle.statistics.covariance import Covariance
from jaxstyle.training.recipe import Recipe

RANKS = {"conv1_2": 16, "conv2_1": 32, "conv2_2": 48, "conv3_1": 72, "conv3_2": 96, "conv3_3": 72}
RANKS |= {"conv3_4": 72, "conv4_1": 128, "conv4_2": 96, "conv4_3": 96, "conv4_4": 96, "conv5_1": 96}


class Student(VGG):
    """The same network for the gradient of its parameters, which is XLA's own: see `training.loop`."""

    @classmethod
    def of(cls, network: VGG) -> "Student":
        """Share the parameters of a network."""
        return cls(nnx.to_pure_dict(nnx.state(network)), network.flavour, network.pool)

    def stage(self, name: str, x: Feature) -> Feature:
        convolve = trained_conv if self.flavour == "normalised" else partial(direct, padding=((1, 1), (1, 1)))
        return getattr(self, name)(x, convolve) if name.startswith("conv") else super().stage(name, x)


@jax.jit
def thinned(teacher: VGG, images: Float[Array, "n h w 3"]) -> VGG:
    """Return a student that answers to `images` as the teacher does, but for the smallest components."""
    names = [name for name in RANKS if name in teacher.convs]
    first = teacher.conv1_1
    parameters = {"conv1_1": {"kernel": first.kernel[...], "bias": first.bias[...]}}
    responses = jax.vmap(lambda image: teacher(image, names))(images)
    for name in names:
        conv, response = getattr(teacher, name), responses[name]
        seen = Covariance.of(response.reshape(-1, *response.shape[2:]))
        axes = jnp.linalg.eigh(seen.matrix)[1][:, -RANKS[name] :]
        kernel = conv.kernel[...] if conv.lift is None else conv.kernel[...] @ conv.lift[...]
        bias = seen.mean + (conv.bias[...] - seen.mean) @ axes @ axes.T
        parameters[name] = {"kernel": kernel @ axes, "lift": axes.T, "bias": bias}
    return VGG(parameters, teacher.flavour, teacher.pool)


@pytree
class LiteEncoder(Recipe):
    """A small encoder that stands in for a VGG, from photographs and styles.

    `deepest`: weight of relu5_1, the other layers' is 1
    """

    NAME: ClassVar[str] = "lite-encoder"
    ENCODER: ClassVar[str] = "vgg19-normalised"
    SOURCES: ClassVar[tuple[str, ...]] = ("image", "style")
    DEFAULTS: ClassVar[dict[str, Any]] = {"batch_size": 3, "size": 128, "learning_rate": 2e-4}

    deepest: float = 0.05
    strokes: int = 6
    pace: float = 0.05

    def survey(self, images: Float[Array, "n h w 3"]) -> Self:
        """Return the recipe with a start that suits some pictures of the data, unless it has one."""
        if not isinstance(self.encoder, VGG):
            raise InputError(f"{self.NAME} imitates a VGG, not {self.encoder}")
        return self if self.start else self.replace(start=thinned(self.encoder, images))

    def init(self, seed: ArrayLike) -> VGG:
        """Return the student to begin with, a copy of `start`; nothing in it is random."""
        if not isinstance(self.start, VGG):
            raise InputError(f"{self.NAME} begins with pictures of the data or with a VGG, not {self.start}")
        return jax.tree.map(jnp.array, self.start)

    def optimizer(self, learning_rate: float, steps: int) -> optax.GradientTransformation:
        """Return Adam with a cosine decay to zero, after a short warm-up, on clipped gradients."""
        schedule = optax.warmup_cosine_decay_schedule(0.0, learning_rate, steps // 50, steps)
        return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))

    @property
    def weight(self) -> dict[str, Scalar]:
        """The layers that are imitated, and their weights."""
        names = [name.replace("conv", "relu") for name in ("conv1_1", *RANKS) if name in self.encoder.convs]
        return dict.fromkeys(names, 1.0) | ({"relu5_1": self.deepest} if "relu5_1" in names else {})

    def paint(self, student: VGG, content: Image, style: Image) -> Image:
        """Return the content on its way to the style, as the student sees it."""
        layers = {name: 1.0 for name in self.weight if name.endswith("_1")}
        match = Gram.relative(student(style, layers), layers)
        image, _ = minimise(Adam(self.strokes, self.pace), lambda x: (match(student(x, layers)), {}), content)
        return image

    def error(self, student: VGG, image: Image) -> Scalar:
        """Return how far the student's features and second moments are from the teacher's, relatively."""
        weight = self.weight
        target = self.encoder(image, weight)
        style = {name: w for name, w in weight.items() if name.endswith("_1")}
        loss = Content.relative(target, weight) + Gram.relative(target, style)
        return loss(student(image, weight))

    def loss(self, params: VGG, example: dict[str, Image]) -> dict[str, Scalar]:
        painted = self.paint(jax.lax.stop_gradient(params), example["image"], example["style"])
        images = jnp.stack([example["image"], example["style"], painted])
        errors = jax.vmap(partial(self.error, Student.of(params)))(images)
        return dict(zip(("image", "style", "painted"), errors / len(images), strict=True))

    def sample(self, params: VGG, example: dict[str, Image]) -> list[Image]:
        """Return the pair, and the photograph on its way to the style."""
        return [*example.values(), self.paint(params, **{"content": example["image"], "style": example["style"]})]
