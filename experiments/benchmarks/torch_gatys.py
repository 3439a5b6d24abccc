"""The PyTorch side of the benchmark: the loss of `Gatys()` and L-BFGS as one writes them in PyTorch.

Frozen parameters, one image (1, 3, h, w), in-place ReLU, Gram matrices on views, one evaluation a step
(`max_iter` of them to a `.step`, tolerances 0), in either memory layout, eager or by torch.compile.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from jaxstyle.methods import Gatys
from jaxstyle.networks import VGG

Images = tuple[np.ndarray, np.ndarray, np.ndarray]  # content, style, and the probe of the gradient
Targets = dict[str, tuple[Tensor, float]]
CONTIGUOUS, CHANNELS_LAST = torch.contiguous_format, torch.channels_last
COMPILED = "PyTorch compiled, channels_last"


def set_up(threads: int, fast: bool = True) -> None:
    """Use all threads; on a GPU tune convolutions, and if `fast` compute in TF32, as JAX does by default."""
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = fast
    torch.backends.cudnn.benchmark = True


def ways(variant: Callable, smoke: bool) -> dict[str, Callable]:
    """Return how PyTorch runs a variant, by name: eager in both layouts, and compiled but in a smoke test."""
    last = partial(variant, layout=CHANNELS_LAST)
    compiled = {} if smoke else {COMPILED: partial(last, wrap=partial(torch.compile, dynamic=False))}
    return {"PyTorch eager": variant, "PyTorch eager, channels_last": last} | compiled


def tensor(array) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32))


def _conv2d(kernel: np.ndarray, border: str, bias: np.ndarray | None) -> nn.Conv2d:
    side, _, fan_in, fan_out = kernel.shape
    options = {
        "padding": side // 2,
        "padding_mode": border if side > 1 else "zeros",
        "bias": bias is not None,
    }
    module = nn.utils.skip_init(nn.Conv2d, fan_in, fan_out, side, **options)
    module.weight.data = tensor(kernel).permute(3, 2, 0, 1).contiguous()
    if bias is not None:
        module.bias.data = tensor(bias)
    return module


class Network(nn.Module):
    """The layers of a `VGG` up to the deepest of `names`; returns the features at `names`."""

    def __init__(self, encoder: VGG, names: set[str], layout: torch.memory_format):
        super().__init__()
        flavour = encoder.FLAVOURS[encoder.flavour]
        self.names, self.layout, self.order = names, layout, list(flavour.order)
        self.mean = nn.Buffer(torch.tensor(flavour.mean).view(3, 1, 1))
        self.scale = nn.Buffer(1 / torch.tensor(flavour.deviation).view(3, 1, 1))
        depth = 1 + max(encoder.layers.index(name) for name in names)
        self.stages = nn.ModuleDict({name: self._stage(encoder, name) for name in encoder.layers[:depth]})
        self.requires_grad_(False).to(memory_format=layout)

    def _stage(self, encoder: VGG, name: str) -> nn.Module:
        if not name.startswith("conv"):
            return nn.ReLU(inplace=True) if name.startswith("relu") else nn.MaxPool2d(2)
        conv, border = getattr(encoder, name), "reflect" if encoder.flavour == "normalised" else "zeros"
        kernel, bias = np.asarray(conv.kernel[...]), np.asarray(conv.bias[...])
        if conv.lift is None:
            return _conv2d(kernel, border, bias)
        lift = np.asarray(conv.lift[...])[None, None]
        return nn.Sequential(_conv2d(kernel, border, None), _conv2d(lift, border, bias))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = ((image[:, self.order] - self.mean) * self.scale).contiguous(memory_format=self.layout)
        features = {}
        for name, stage in self.stages.items():
            x = stage(x)
            if name in self.names:
                features[name] = x
        return features


def second_moment(feature: Tensor) -> Tensor:
    """Return the mean over pixels of the outer product of the channels of (..., c, h, w), on views."""
    flat = feature.flatten(-2)
    return flat @ flat.mT / flat.shape[-1]


def relative(targets: dict[str, Tensor], weights: dict[str, float], factor: float) -> Targets:
    weight = lambda name: factor * weights[name] / (targets[name].square().mean().item() + 1e-12)
    return {name: (targets[name].clone(), weight(name)) for name in weights}


class GatysLoss(nn.Module):
    """Relative content and Gram loss of an image: what `Gatys()` minimises, less its zero variation."""

    def __init__(self, network: Network, content: Targets, style: Targets):
        super().__init__()
        self.network, self.content, self.style = network, content, style

    def forward(self, image: Tensor) -> Tensor:
        features = self.network(image)
        terms = [w * (features[name] - target).square().mean() for name, (target, w) in self.content.items()]
        for name, (target, weight) in self.style.items():
            terms.append(weight * (second_moment(features[name][0]) - target).square().mean())
        return torch.stack(terms).sum()

    @classmethod
    def of(cls, method: Gatys, content: Tensor, style: Tensor, layout: torch.memory_format) -> "GatysLoss":
        keep, match = method.encoder.content_layers, method.encoder.style_layers
        network = Network(method.encoder, {*keep, *match}, layout).to(content.device)
        with torch.inference_mode():
            features = network(content)
            moments = {name: second_moment(feature[0]) for name, feature in network(style).items()}
        # Cloned outside: autograd and torch.compile refuse the tensors of inference mode.
        return cls(
            network,
            relative(features, keep, method.content_weight),
            relative(moments, match, method.style_weight),
        )


class TorchGatys:
    """One way to run the benchmark in PyTorch; images are numpy (h, w, 3) at the door."""

    def __init__(
        self, method: Gatys, images: Images, chunk: int, device: torch.device, layout=CONTIGUOUS, wrap=None
    ):
        place = lambda image: tensor(image).permute(2, 0, 1)[None].contiguous().to(device)
        self.content, style, self.probe = map(place, images)
        loss = GatysLoss.of(method, self.content, style, layout)
        self.loss, self.chunk, self.device = wrap(loss) if wrap else loss, chunk, device

    def evaluate(self) -> tuple[Tensor, Tensor]:
        """Return the loss at the probe, and its gradient (h, w, 3)."""
        image = self.probe.detach().requires_grad_()
        loss = self.loss(image)
        loss.backward()
        self._wait()
        return loss.detach(), image.grad[0].permute(1, 2, 0)

    def restart(self) -> None:
        """Begin at the content."""
        self.image = self.content.clone().requires_grad_()
        # An iteration evaluates once but for the last, whose evaluation opens the next `.step`.
        self.optimizer = torch.optim.LBFGS(
            [self.image], lr=1, max_iter=self.chunk, history_size=100, tolerance_grad=0, tolerance_change=0
        )

    def advance(self) -> list[float]:
        """Take a chunk of steps; return the loss before each."""
        losses = []

        def closure() -> Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(self.image)
            loss.backward()
            losses.append(loss.detach())
            return loss

        self.optimizer.step(closure)
        self._wait()
        return torch.stack(losses).tolist()

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
