"""Write the references of `test_parity.py` with plain PyTorch: `python tests/golden/make.py`.

Networks, losses and presets are written here once more, in float64, from the formulas of the papers;
of jaxstyle only the random weights are used. Each file holds the 8-bit images of its cases too:

    features.npz        network/layer     the layer, its channels summed with the weights `mix`
    presets.npz         preset/...        the terms of the loss, and its gradient with respect to the image
    trajectories.npz    solver/...        the loss before each step, and the image after 20 and 50 steps
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from jaxstyle.networks import squeezenet, vgg

STEPS = 20, 50

Features = dict[str, Tensor]
Network = Callable[[Tensor], Features]


# Networks: an image (3, h, w), RGB in [0, 1], gives features (c, h, w).


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None, None]


def torchvision(image: Tensor) -> Tensor:
    return (image - column(0.485, 0.456, 0.406)) / column(0.229, 0.224, 0.225)


def caffe(blue: float, green: float, red: float, image: Tensor) -> Tensor:
    return 255 * image.flip(0) - column(blue, green, red)


VGG_CAFFE, SQUEEZENET_CAFFE = partial(caffe, 103.939, 116.779, 123.68), partial(caffe, 104, 117, 123)
VGG16, VGG19 = (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)


def convolve(x: Tensor, layer: dict[str, np.ndarray], **options) -> Tensor:
    kernel, bias = (torch.from_numpy(layer[part]).double() for part in ("kernel", "bias"))
    return F.conv2d(x[None], kernel.permute(3, 2, 0, 1), bias, **options)[0]


def run_vgg(weights, depths, prepare, image, pool=F.max_pool2d, border="constant") -> Features:
    x, features = prepare(image), {}
    for block, depth in enumerate(depths, 1):
        for name in (f"{block}_{index}" for index in range(1, depth + 1)):
            padded = F.pad(x[None], (1, 1, 1, 1), border)[0]
            features[f"conv{name}"] = convolve(padded, weights[f"conv{name}"])
            x = features[f"relu{name}"] = features[f"conv{name}"].relu()
        x = features[f"pool{block}"] = pool(x, 2)
    return features


def fire(x: Tensor, weights: dict, name: str) -> Tensor:
    squeezed = convolve(x, weights[f"{name}.squeeze1x1"]).relu()
    point = convolve(squeezed, weights[f"{name}.expand1x1"])
    square = convolve(squeezed, weights[f"{name}.expand3x3"], padding=1)
    return torch.cat([point, square]).relu()


def run_squeezenet(weights, prepare, image) -> Features:
    features = {"conv1": convolve(prepare(image), weights["conv1"], stride=2)}
    x = features["relu1"] = features["conv1"].relu()
    for name in "pool1 fire2 fire3 pool3 fire4 fire5 pool5 fire6 fire7 fire8 fire9".split():
        pooling = name.startswith("pool")
        x = F.max_pool2d(x, 3, 2, ceil_mode=True) if pooling else fire(x, weights, name)
        features[name] = x
    return features


def networks() -> dict[str, Network]:
    vgg16, vgg19 = (partial(run_vgg, vgg.random_parameters(name, 0)) for name in ("vgg16", "vgg19"))
    squeeze = partial(run_squeezenet, squeezenet.random_parameters(0))
    return {
        "vgg19-torchvision": partial(vgg19, VGG19, torchvision),
        "vgg19-torchvision-average": partial(vgg19, VGG19, torchvision, pool=F.avg_pool2d),
        "vgg19-caffe": partial(vgg19, VGG19, VGG_CAFFE),
        "vgg19-normalised": partial(vgg19, VGG19, VGG_CAFFE, border="reflect"),
        "vgg16-torchvision": partial(vgg16, VGG16, torchvision),
        "squeezenet-torchvision": partial(squeeze, torchvision),
        "squeezenet-caffe": partial(squeeze, SQUEEZENET_CAFFE),
    }


# Losses: the features of the image x, of the content and of the style give two terms.


def gram(feature: Tensor) -> Tensor:
    """Return sum_p f_p f_p^T / (h w): a style may have another size than the content."""
    flat = feature.flatten(1)
    return flat @ flat.T / flat.shape[1]


def square(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().sum()


def relative(content_layer, style_layers, x, content, style):
    """Square each over that of the target; the style layers share the weight 10."""
    keep = square(x[content_layer], content[content_layer]) / content[content_layer].square().sum()
    grams = [(gram(x[name]), gram(style[name])) for name in style_layers]
    return keep, 10 * sum(square(g, a) / a.square().sum() for g, a in grams) / len(grams)


def paper(x, content, style):
    """Gatys et al. 2016, equations 1, 4, 5 and 7 with alpha = 1, beta = 1000 and w = 1/5."""
    keep = square(x["conv4_2"], content["conv4_2"]) / 2
    layers = [(x[name], style[name]) for name in firsts("conv")]
    return keep, 1000 * sum(square(gram(f), gram(s)) / (4 * len(f) ** 2) / 5 for f, s in layers)


def author(kind, style_weight, x, content, style):
    """Gatys' PyTorch code: mean squares, 1e3 / c^2 for a style layer."""
    keep = F.mse_loss(x[f"{kind}4_2"], content[f"{kind}4_2"])
    layers = [(x[name], style[name]) for name in firsts(kind)]
    return keep, style_weight * sum(1e3 / len(f) ** 2 * F.mse_loss(gram(f), gram(s)) for f, s in layers)


def report(style_weight, x, content, style):
    """Stanford: the mean of squares, and sum (G / chw - A / chw)^2."""
    keep = F.mse_loss(x["relu2_2"], content["relu2_2"])
    layers = [(x[f"relu{name}"], style[f"relu{name}"]) for name in ("1_2", "2_2", "3_3", "4_3")]
    return keep, style_weight * sum(square(gram(f) / len(f), gram(s) / len(f)) for f, s in layers)


def course(x, content, style):
    """CS231n: the sum of squares, and sum (G / chw - A / chw)^2."""
    layers = {"relu1": 20000, "fire3": 500, "fire4": 12, "fire5": 1}
    pairs = {name: (gram(x[name]) / len(x[name]), gram(style[name]) / len(x[name])) for name in layers}
    return 6e-2 * square(x["fire2"], content["fire2"]), sum(layers[name] * square(*pairs[name]) for name in layers)


def firsts(kind: str) -> list[str]:
    return [f"{kind}{block}_1" for block in range(1, 6)]


def variation(image: Tensor) -> Tensor:
    return image.diff(dim=1).square().sum() + image.diff(dim=2).square().sum()


DEFAULT = partial(relative, "relu4_2", firsts("relu"))
SHALLOW = partial(relative, "relu2_1", ("relu1_1", "relu2_1"))
# preset: network, the two terms, weight of the variation
PRESETS = {
    "default": ("vgg19-torchvision", DEFAULT, 0),
    "normalised": ("vgg19-normalised", DEFAULT, 0),
    "paper": ("vgg19-torchvision-average", paper, 0),
    "author": ("vgg19-caffe", partial(author, "relu", 1), 0),
    "stanford": ("vgg16-torchvision", partial(report, 1e5), 1e-5),
    "squeezenet": ("squeezenet-torchvision", course, 2e-2),
    "icfp": ("vgg19-torchvision", partial(author, "conv", 100), 0),
}
LBFGS = partial(torch.optim.LBFGS, max_iter=1, tolerance_grad=0, tolerance_change=0)
SOLVERS = {
    "lbfgs": partial(LBFGS, lr=1, history_size=100),
    "lbfgs-damped": partial(LBFGS, lr=0.2, history_size=5),
    "adam": partial(torch.optim.Adam, lr=0.02),
}


# References


def photograph(seed: int, height: int, width: int) -> np.ndarray:
    """Return 8-bit waves, a direction and length for each channel, under noise."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width][..., None]
    down, right, phase = generator.uniform(-0.4, 0.4, (3, 3)) * [[1], [1], [8]]
    image = 0.5 + 0.35 * np.sin(down * y + right * x + phase) + 0.08 * generator.standard_normal((height, width, 3))
    return np.uint8(255 * image.clip(0, 1))


def tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1).contiguous().double() / 255


def array(image: Tensor) -> np.ndarray:
    return image.detach().permute(1, 2, 0).numpy()


def energy_of(network: Network, preset: Callable, tv_weight: float, content, style) -> Callable[[Tensor], Tensor]:
    """Return the function from an image to the terms of its loss."""
    with torch.no_grad():
        targets = network(tensor(content)), network(tensor(style))
    return lambda x: torch.stack([*preset(network(x), *targets), tv_weight * variation(x)])


def photographs(**sizes: tuple[int, int]) -> dict[str, np.ndarray]:
    return {name: photograph(seed, *size) for seed, (name, size) in enumerate(sizes.items())}


def features(encoders: dict[str, Network]) -> dict[str, np.ndarray]:
    references = photographs(image=(65, 70)) | {"mix": np.random.default_rng(0).standard_normal(512)}
    image, mix = references.values()
    for network, encoder in encoders.items():
        for layer, feature in encoder(tensor(image)).items():
            references[f"{network}/{layer}"] = np.float32(array(feature) @ mix[: len(feature)])
    return references


def presets(encoders: dict[str, Network]) -> dict[str, np.ndarray]:
    references = photographs(content=(40, 48), style=(36, 52), image=(40, 48))
    for name, (network, preset, tv_weight) in PRESETS.items():
        energy = energy_of(encoders[network], preset, tv_weight, references["content"], references["style"])
        x = tensor(references["image"]).requires_grad_()
        terms = energy(x)
        terms.sum().backward()
        references |= {f"{name}/terms": terms.detach().numpy(), f"{name}/gradient": array(x.grad)}
    return references


def descend(solver: Callable, energy: Callable, x: Tensor) -> tuple[list[float], list[np.ndarray]]:
    """Return the loss before each step, and the images after `STEPS`."""
    x = x.requires_grad_()
    optimiser, losses, images = solver([x]), [], []

    def evaluate():
        optimiser.zero_grad()
        loss = energy(x).sum()
        loss.backward()
        return loss

    for step in range(1, max(STEPS) + 1):
        losses.append(optimiser.step(evaluate).item())
        images += [array(x).copy()] if step in STEPS else []
    return losses, images


def trajectories(encoders: dict[str, Network]) -> dict[str, np.ndarray]:
    references = photographs(content=(32, 32), style=(32, 36), image=(32, 32))
    energy = energy_of(encoders["vgg19-torchvision"], SHALLOW, 0, references["content"], references["style"])
    for name, solver in SOLVERS.items():
        losses, images = descend(solver, energy, tensor(references["image"]))
        references |= {f"{name}/losses": np.array(losses), f"{name}/images": np.stack(images)}
    return references


def main() -> None:
    encoders = networks()
    for references in (features, presets, trajectories):
        path = Path(__file__).with_name(f"{references.__name__}.npz")
        np.savez_compressed(path, **references(encoders))


if __name__ == "__main__":
    main()
