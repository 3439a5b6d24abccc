"""The PyTorch side of the transfer benchmark: WCT, AdaIN and Johnson as one writes them in PyTorch.

Inference mode, one image (1, 3, h, w), the style encoded once for all levels, in-place ReLU, moments on
views, in either memory layout, eager or by torch.compile. The roots in WCT are by singular values, as in the
published codes, or by eigenvalues; the directions below the floor of `jaxstyle.linalg` are left out.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, memory_format, nn

from experiments.benchmarks.torch_gatys import CONTIGUOUS, Network, second_moment, tensor
from experiments.benchmarks.torch_training import TransformNet, decoder, state_dict
from jaxstyle.core import Chain
from jaxstyle.linalg import FLOOR
from jaxstyle.methods import transfer
from jaxstyle.networks import johnson
from jaxstyle.statistics.moments import EPSILON

Match = Callable[[Tensor, Tensor], Tensor]  # of the features (c, h, w) of content and style
Decompose = Callable[[Tensor], tuple[Tensor, Tensor]]  # of a covariance into values and axes


def svd(matrix: Tensor) -> tuple[Tensor, Tensor]:
    axes, values, _ = torch.linalg.svd(matrix)
    return values, axes


def eigh(matrix: Tensor) -> tuple[Tensor, Tensor]:
    values, axes = torch.linalg.eigh(matrix)
    return values, axes


def power(decompose: Decompose, matrix: Tensor, exponent: float) -> Tensor:
    """Return a symmetric power on the directions above the floor."""
    values, axes = decompose(matrix)
    kept = values > (FLOOR * values.amax()).clamp(min=torch.finfo(values.dtype).tiny)
    powers = torch.where(kept, torch.where(kept, values, 1).pow(exponent), 0)
    return (axes * powers) @ axes.mT


def match_covariance(decompose: Decompose, feature: Tensor, style: Tensor) -> Tensor:
    """Give the feature the mean and the covariance of the style's."""
    own, mean = (x.mean((1, 2)) for x in (feature, style))
    x, y = feature - own[:, None, None], style - mean[:, None, None]
    matrix = power(decompose, second_moment(y), 0.5) @ power(decompose, second_moment(x), -0.5)
    return torch.addmm(mean, x.flatten(1).mT, matrix.mT).mT.unflatten(1, x.shape[1:])


def match_moments(feature: Tensor, style: Tensor) -> Tensor:
    """Give every channel of the feature the mean and the deviation of the style's."""
    pairs = (torch.var_mean(x, (1, 2), correction=0, keepdim=True) for x in (feature, style))
    (own, own_mean), (goal, mean) = pairs
    return (feature - own_mean) * ((goal + EPSILON) / (own + EPSILON)).sqrt() + mean


class Matched(nn.Module):
    """A transform alone, of features (1, c, h, w)."""

    def __init__(self, match: Match, layout: memory_format = CONTIGUOUS):
        super().__init__()
        self.match = match

    def forward(self, feature: Tensor, style: Tensor) -> Tensor:
        return self.match(feature[0], style[0])[None]


class Level(nn.Module):
    """Encode the image, match the style's features, decode."""

    def __init__(self, part: transfer.Transfer, match: Match, layout: memory_format):
        super().__init__()
        level: Any = part.features
        self.name, self.alpha, self.matched = f"relu{level.level}_1", part.alpha, Matched(match)
        self.encoder, self.decoder = Network(level.encoder, {self.name}, layout), decoder(level.network)
        self.decoder.load_state_dict(state_dict(level.network))

    def forward(self, image: Tensor, style: Tensor) -> Tensor:
        feature = self.encoder(image)[self.name]
        return self.decoder(torch.lerp(feature, self.matched(feature, style), self.alpha)).clamp(0, 1)


class Transfer(nn.Module):
    """A method, level by level, its sides multiples of 16 pixels."""

    def __init__(self, method: transfer.Composed, match: Match, layout: memory_format = CONTIGUOUS):
        super().__init__()
        made = method.method
        parts: Any = made.methods if isinstance(made, Chain) else [made]
        self.levels = nn.ModuleList([Level(part, match, layout) for part in parts])
        self.encoder = Network(parts[0].encoder, {level.name for level in self.levels}, layout)

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        features = self.encoder(style)
        for level in self.levels:
            content = level(content, features[level.name])
        return content


class Drawn(nn.Module):
    """Johnson's network: the style is in it."""

    def __init__(self, network: johnson.TransformNet, layout: memory_format = CONTIGUOUS):
        super().__init__()
        self.network = TransformNet(network)
        self.network.load_state_dict(state_dict(network))

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        return self.network(content).clamp(0, 1)


class TorchTransfer:
    """One way to run a transfer in PyTorch; images and features are numpy (h, w, c) at the door."""

    def __init__(
        self,
        build: Callable[..., nn.Module],
        inputs: tuple[np.ndarray, np.ndarray],
        steps: int,
        device: torch.device,
        layout: memory_format = CONTIGUOUS,
        precision: str = "float32",
        wrap: Callable[[nn.Module], nn.Module] = lambda module: module,
    ):
        place = lambda x: tensor(x).permute(2, 0, 1)[None].contiguous(memory_format=layout)
        kind = getattr(torch, precision)
        self.inputs = [place(x).to(device, kind) for x in inputs]
        module = build(layout=layout).requires_grad_(False)
        self.module = wrap(module.to(device, kind, memory_format=layout))
        self.steps, self.device = steps, device

    def advance(self) -> list[float]:
        for _ in range(self.steps):
            with torch.inference_mode():
                self.output = self.module(*self.inputs)
            if self.device.type == "cuda":
                torch.cuda.synchronize()
        return []

    def result(self) -> dict[str, np.ndarray]:
        return {"result": self.output[0].permute(1, 2, 0).cpu().numpy()}
