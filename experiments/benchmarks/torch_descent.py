"""The PyTorch side of the descents: the losses of `Gatys()` and `DeepPhoto()`, L-BFGS and Adam.

One image (1, 3, h, w), features by `torch_gatys.Network`, Gram matrices on views, one evaluation a step
(`max_iter` of them to a `.step`, tolerances 0). The matting Laplacian is a sparse matrix that SciPy built,
whose product is also the gradient of its energy.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from experiments.benchmarks import scipy_matting
from experiments.benchmarks.torch_gatys import CONTIGUOUS, Network, relative, second_moment, tensor
from jaxstyle.methods import DeepPhoto, Gatys
from jaxstyle.optimizers import Adam


class Energy(torch.autograd.Function):
    """p^T L p, summed over the channels of (1, c, h, w)."""

    @staticmethod
    def forward(ctx, image: Tensor, laplacian: Tensor) -> Tensor:
        flat = image.flatten(2)[0].mT.contiguous()
        product = laplacian @ flat
        ctx.save_for_backward(product.mT.reshape(image.shape))
        return (flat * product).sum()

    @staticmethod
    def backward(ctx, cotangent: Tensor):
        return 2 * cotangent * ctx.saved_tensors[0], None


energy = torch.compiler.disable(Energy.apply)  # it knows no sparse matrices


def sparse(image: np.ndarray, like: Tensor) -> Tensor:
    """Return the matting Laplacian, of the type and on the device of `like`."""
    matrix = scipy_matting.laplacian(image)
    parts = (torch.from_numpy(part) for part in (matrix.indptr, matrix.indices, matrix.data))
    with warnings.catch_warnings(action="ignore"):  # that this kind of tensor is new
        return torch.sparse_csr_tensor(*parts, size=matrix.shape, dtype=like.dtype, device=like.device)


class DescentLoss(nn.Module):
    """Relative content and Gram loss of an image, under masks if there are any, and the photorealism's."""

    def __init__(self, method: Gatys, images: tuple, masks: tuple, like: Tensor, layout):
        super().__init__()
        content, style = (place(image, like) for image in images)
        keep, match = method.encoder.content_layers, method.encoder.style_layers
        self.network = Network(method.encoder, {*keep, *match}, layout).to(like)
        with torch.inference_mode():
            features, of_style = self.network(content), self.network(style)
        # Cloned outside: autograd and torch.compile refuse the tensors of inference mode.
        self.content = relative(features, keep, method.content_weight)
        self.regions = []
        for own, other in zip(*masks, strict=True) if masks else [(None, None)]:
            under = {name: averaged(other, of_style[name]) for name in match}
            moments = {name: moment(of_style[name], under[name]) for name in match}
            share = 1.0 if own is None else float(np.mean(own))
            targets = relative(moments, match, share * method.style_weight)
            self.regions.append(({name: averaged(own, features[name]) for name in match}, targets))
        self.laplacian = None
        if isinstance(method, DeepPhoto):
            self.laplacian = sparse(images[0], like)
            self.photo_weight = method.photo_weight / images[0][..., 0].size

    def forward(self, image: Tensor) -> Tensor:
        features = self.network(image)
        terms = [w * (features[name] - target).square().mean() for name, (target, w) in self.content.items()]
        for masks, targets in self.regions:
            for name, (target, weight) in targets.items():
                error = moment(features[name], masks[name]) - target
                terms.append(weight * error.square().mean())
        if self.laplacian is not None:
            terms.append(self.photo_weight * energy(image, self.laplacian))
        return torch.stack(terms).sum()


def place(image: np.ndarray, like: Tensor) -> Tensor:
    return tensor(image).permute(2, 0, 1)[None].contiguous().to(like)


def averaged(mask: np.ndarray | None, feature: Tensor) -> Tensor | None:
    """Return a mask at the resolution of a feature, its sum 1 over pixels."""
    if mask is None:
        return None
    small = functional.interpolate(
        tensor(mask)[None, None].to(feature), feature.shape[-2:], mode="bilinear", antialias=True
    )[0]
    return small / small.sum()


def moment(feature: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean of the outer product of the channels, weighted by a mask whose sum is 1."""
    if mask is None:
        return second_moment(feature[0])
    flat = feature[0].flatten(1)
    return (flat * mask.flatten(1)) @ flat.mT


class TorchDescent:
    """One way to descend in PyTorch, from the content; images are numpy (h, w, 3) at the door."""

    def __init__(
        self,
        method: Callable[[], Gatys],
        images: tuple,
        masks: tuple,
        steps: int,
        device: torch.device,
        layout=CONTIGUOUS,
        precision: str = "float32",
        wrap=lambda loss: loss,
    ):
        like = torch.empty(0, dtype=getattr(torch, precision), device=device)
        ready, self.steps, self.device = method(), steps, device
        self.loss = wrap(DescentLoss(ready, images, masks, like, layout))
        self.image = place(images[0], like).requires_grad_()
        optimizer: Any = ready.optimizer
        self.searching = not isinstance(optimizer, Adam)
        if self.searching:
            # An iteration evaluates once but for the last, whose evaluation opens the next `.step`.
            self.optimizer = torch.optim.LBFGS(
                [self.image], 1, steps, history_size=optimizer.memory, tolerance_grad=0, tolerance_change=0
            )
        else:
            self.optimizer = torch.optim.Adam([self.image], float(optimizer.learning_rate), fused=True)

    def advance(self) -> list[float]:
        losses = []

        def closure() -> Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(self.image)
            loss.backward()
            losses.append(loss.detach())
            return loss

        for _ in range(1 if self.searching else self.steps):
            self.optimizer.step(closure)
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return torch.stack(losses).tolist()

    def result(self) -> dict[str, np.ndarray]:
        return {"image": self.image.detach()[0].permute(1, 2, 0).clamp(0, 1).cpu().numpy()}
