"""What the PyTorch sides share: an encoder as one writes it in PyTorch, Gram matrices, and ways to run it.

Frozen parameters, images (b, 3, h, w), in-place ReLU, Gram matrices on views, in either memory layout, eager
or by torch.compile.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

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
    """Return an array in PyTorch's default type: float32 but in a check."""
    return torch.from_numpy(np.array(array, np.float64)).to(torch.get_default_dtype())


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

    def __init__(self, encoder: Any, names: set[str], layout: torch.memory_format):
        super().__init__()
        flavour = encoder.FLAVOURS[encoder.flavour]
        self.names, self.layout, self.order = names, layout, list(flavour.order)
        self.mean = nn.Buffer(torch.tensor(flavour.mean).view(3, 1, 1))
        self.scale = nn.Buffer(1 / torch.tensor(flavour.deviation).view(3, 1, 1))
        depth = 1 + max(encoder.layers.index(name) for name in names)
        self.stages = nn.ModuleDict({name: self._stage(encoder, name) for name in encoder.layers[:depth]})
        self.requires_grad_(False).to(memory_format=layout)

    def _stage(self, encoder: Any, name: str) -> nn.Module:
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
