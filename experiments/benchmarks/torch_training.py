"""The PyTorch side of the training benchmark: Johnson's network, WCT's decoders and a step in plain PyTorch.

Images (b, 3, h, w), the encoder frozen and without gradient where only its features are wanted, in-place
ReLU, Gram matrices on views, Adam fused, in either memory layout, eager or by torch.compile. Modules have
the names of our networks' parts, so `state_dict` brings over parameters, and gradients to compare.
"""

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, memory_format, nn
from torch.nn import functional

from experiments.benchmarks.torch_gatys import CONTIGUOUS, Network, relative, second_moment, tensor
from jaxstyle.networks import decoders, johnson
from jaxstyle.networks.trained import Trained
from jaxstyle.training import Johnson, WCTDecoders
from jaxstyle.weights.parameters import tensors_of

PARAMETERS = {"kernel": "weight", "bias": "bias", "scale": "weight", "shift": "bias"}
RATE = 1e-3


def state_dict(network: Trained) -> dict[str, Tensor]:
    """Return the tensors of one of our networks by PyTorch's names, in its order of axes."""
    state = {}
    for name, array in tensors_of(network).items():
        module, _, kind = name.rpartition(".")
        value = tensor(array)
        state[f"{module}.{PARAMETERS[kind]}"] = value.permute(3, 2, 0, 1) if value.ndim == 4 else value
    return state


def conv(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride, side // 2, padding_mode="reflect")


class TransformNet(nn.Module):
    """Johnson's network: c9s1-32, d64, d128, R128 x 5, u64, u32, c9s1-3 around mid-grey in 0..255."""

    def __init__(self, network: johnson.TransformNet):
        super().__init__()
        width, self.residuals = network.width, range(1, network.residuals + 1)
        self._add("first", 3, width, 9)
        self._add("down1", width, 2 * width, stride=2)
        self._add("down2", 2 * width, 4 * width, stride=2)
        for i in self.residuals:
            self._add(f"residual{i}_a", 4 * width, 4 * width)
            self._add(f"residual{i}_b", 4 * width, 4 * width)
        self._add("up1", 4 * width, 2 * width)
        self._add("up2", 2 * width, width)
        self.last = conv(width, 3, 9)

    def _add(self, name: str, inputs: int, outputs: int, side: int = 3, stride: int = 1) -> None:
        setattr(self, name, conv(inputs, outputs, side, stride))
        setattr(self, f"{name}_norm", nn.InstanceNorm2d(outputs, affine=True))

    def _stage(self, name: str, x: Tensor) -> Tensor:
        return getattr(self, f"{name}_norm")(getattr(self, name)(x))

    def forward(self, image: Tensor) -> Tensor:
        x = image
        for name in ("first", "down1", "down2"):
            x = functional.relu(self._stage(name, x), inplace=True)
        for i in self.residuals:
            y = functional.relu(self._stage(f"residual{i}_a", x), inplace=True)
            x = x + self._stage(f"residual{i}_b", y)
        for name in ("up1", "up2"):
            x = functional.relu(self._stage(name, functional.interpolate(x, scale_factor=2)), inplace=True)
        return (127.5 + self.last(x)) / 255


def decoder(network: decoders.Decoder) -> nn.Sequential:
    """Return VGG-19 turned round, from relu{level}_1 to the image."""
    stages = OrderedDict()
    for name in network.layers:
        stages[name] = conv(*getattr(network, name).kernel.shape[2:])
        if name != "conv1_1":
            stages[name.replace("conv", "relu")] = nn.ReLU(inplace=True)
            if name.number == 1:
                stages[f"up{name.block}"] = nn.Upsample(scale_factor=2)
    return nn.Sequential(stages)


def relative_distance(feature: Tensor, target: Tensor) -> Tensor:
    """Return the mean over the batch of |F - P|^2 / |P|^2."""
    squares = [x.square().mean((1, 2, 3)) for x in (feature - target, target)]
    return (squares[0] / (squares[1] + 1e-12)).mean()


def variation(images: Tensor) -> Tensor:
    """Return the mean over the batch of the sum of squared differences between neighbouring pixels."""
    down, right = images[:, :, 1:] - images[:, :, :-1], images[:, :, :, 1:] - images[:, :, :, :-1]
    return (down.square().sum() + right.square().sum()) / len(images)


class JohnsonLoss(nn.Module):
    """Relative content and Gram loss and total variation of what the network makes of a batch."""

    def __init__(
        self, recipe: Johnson, style: np.ndarray, network: johnson.TransformNet, layout: memory_format
    ):
        super().__init__()
        self.content = {name: recipe.content_weight * w for name, w in recipe.content_layers.items()}
        self.tv_weight, self.network = recipe.tv_weight, TransformNet(network)
        self.keep = Network(recipe.encoder, {*self.content}, layout)
        self.match = Network(recipe.encoder, {*self.content, *recipe.style_layers}, layout)
        features = self.match(tensor(style).permute(2, 0, 1)[None])
        moments = {name: second_moment(features[name][0]) for name in recipe.style_layers}
        targets = relative(moments, recipe.style_layers, recipe.style_weight)
        self.style = {name: weight for name, (_, weight) in targets.items()}
        for name, (target, _) in targets.items():
            self.register_buffer(name, target)

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            content = self.keep(images)
        output = self.network(images)
        features = self.match(output)
        terms = [w * relative_distance(features[name], content[name]) for name, w in self.content.items()]
        for name, weight in self.style.items():
            moment = second_moment(features[name])
            terms.append(weight * (moment - getattr(self, name)).square().mean((1, 2)).mean())
        return torch.stack([*terms, self.tv_weight * variation(output)]).sum()


class DecodersLoss(nn.Module):
    """Mean squared distance of the pixels, relative distance of the features, at every level."""

    def __init__(self, recipe: WCTDecoders, network: decoders.Decoders, layout: memory_format):
        super().__init__()
        self.pixel_weight, self.feature_weight = recipe.pixel_weight, recipe.feature_weight
        levels = [(f"level{level}", f"relu{level}_1") for level in recipe.levels]
        self.features, self.network = dict(levels), nn.ModuleDict()
        for level, (name, _) in zip(recipe.levels, levels, strict=True):
            self.network[name] = decoder(network[level])
        self.encoder = Network(recipe.encoder, set(self.features.values()), layout)
        self.encoders = nn.ModuleDict(
            {level: Network(recipe.encoder, {name}, layout) for level, name in levels}
        )

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.encoder(images)
        terms = []
        for level, name in self.features.items():
            output = self.network[level](features[name])
            again = self.encoders[level](output)[name]
            terms.append(self.pixel_weight * functional.mse_loss(output, images))
            terms.append(self.feature_weight * relative_distance(again, features[name]))
        return torch.stack(terms).sum()


class TorchTraining:
    """One way to train in PyTorch; batches are uint8 (b, h, w, 3) at the door."""

    def __init__(
        self,
        build: Callable[[Trained, memory_format], nn.Module],
        network: Trained,
        batch: np.ndarray,
        steps: int,
        device: torch.device,
        layout: memory_format = CONTIGUOUS,
        precision: str = "float32",
        wrap: Callable[[nn.Module], nn.Module] = lambda loss: loss,
    ):
        loss = build(network, layout)
        loss.network.load_state_dict(state_dict(network))
        self.first: dict[str, np.ndarray] = {}
        self.steps, self.precision = steps, getattr(torch, precision)
        loss.to(device, self.precision, memory_format=layout)
        self.images = torch.from_numpy(batch).permute(0, 3, 1, 2)
        self.device, self.layout = device, layout
        self.network, self.loss = loss.network, wrap(loss)
        self.optimizer = torch.optim.Adam(self.network.parameters(), RATE, fused=True)

    def advance(self) -> list[float]:
        losses = []
        for _ in range(self.steps):
            losses.append(self._step())
            self.first = self.first or self._moments()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return torch.stack(losses).tolist()

    def _step(self) -> Tensor:
        images = self.images.to(self.device).to(self.precision, memory_format=self.layout) / 255
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(images)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def result(self) -> dict[str, np.ndarray]:
        """Return Adam's mean of the gradients after the first step."""
        return self.first

    def _moments(self) -> dict[str, np.ndarray]:
        """Return Adam's mean of the gradients: after one step a tenth of the gradient."""
        state = self.optimizer.state
        return {name: state[p]["exp_avg"].cpu().numpy().copy() for name, p in self.network.named_parameters()}
