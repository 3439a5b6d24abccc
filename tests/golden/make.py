"""Write the references of `test_parity.py` with plain PyTorch: `python tests/golden/make.py`.

Networks, losses and presets are written here once more, in float64, from the formulas of the papers;
of jaxstyle only the random weights are used. Each file holds the 8-bit images of its cases too:

    features.npz        network/layer     the layer, its channels summed with the weights `mix`
    presets.npz         preset/...        the terms of the loss, and its gradient with respect to the image
    trajectories.npz    solver/...        the loss before each step, and the last image
    lpips.npz           network           the distance of two images by the heads `lin0`, `lin1`, ...
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, mse_loss, normalize, pad

from jaxstyle.networks import alexnet, squeezenet, vgg

STEPS = 50

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
SQUEEZENET = ("pool1", "fire2", "fire3", "pool3", "fire4", "fire5", "pool5")
SQUEEZENET += ("fire6", "fire7", "fire8", "fire9")
VGG16, VGG19 = (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)


def convolve(x: Tensor, layer: dict[str, np.ndarray], **options) -> Tensor:
    kernel, bias = (torch.from_numpy(layer[part]).double() for part in ("kernel", "bias"))
    return conv2d(x[None], kernel.permute(3, 2, 0, 1), bias, **options)[0]


def run_vgg(weights, depths, prepare, image, pool=max_pool2d, border="constant") -> Features:
    x, features = prepare(image), {}
    for block, depth in enumerate(depths, 1):
        for name in (f"{block}_{index}" for index in range(1, depth + 1)):
            padded = pad(x[None], (1, 1, 1, 1), border)[0]
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
    for name in SQUEEZENET:
        pooling = name.startswith("pool")
        x = max_pool2d(x, 3, 2, ceil_mode=True) if pooling else fire(x, weights, name)
        features[name] = x
    return features


def run_alexnet(weights, prepare, image) -> Features:
    x, features = prepare(image), {}
    for number, (stride, padding) in enumerate([(4, 2), (1, 2), (1, 1), (1, 1), (1, 1)], 1):
        features[f"conv{number}"] = convolve(x, weights[f"conv{number}"], stride=stride, padding=padding)
        x = features[f"relu{number}"] = features[f"conv{number}"].relu()
        if number in (1, 2, 5):
            x = features[f"pool{number}"] = max_pool2d(x, 3, 2)
    return features


def networks() -> dict[str, Network]:
    vgg16, vgg19 = (partial(run_vgg, vgg.random_parameters(name, 0)) for name in ("vgg16", "vgg19"))
    squeeze = partial(run_squeezenet, squeezenet.random_parameters(0))
    return {
        "vgg19-torchvision": partial(vgg19, VGG19, torchvision),
        "vgg19-torchvision-average": partial(vgg19, VGG19, torchvision, pool=avg_pool2d),
        "vgg19-caffe": partial(vgg19, VGG19, VGG_CAFFE),
        "vgg19-normalised": partial(vgg19, VGG19, VGG_CAFFE, border="reflect"),
        "vgg16-torchvision": partial(vgg16, VGG16, torchvision),
        "squeezenet-torchvision": partial(squeeze, torchvision),
        "alexnet-torchvision": partial(run_alexnet, alexnet.random_parameters(0), torchvision),
        "squeezenet-caffe": partial(squeeze, SQUEEZENET_CAFFE),
    }


# Losses: the features of the image x, of the content and of the style give two terms.


def square(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().sum()


def gram(feature: Tensor) -> Tensor:
    """Return sum_p f_p f_p^T / (h w): a style may have another size than the content."""
    flat = feature.flatten(1)
    return flat @ flat.T / flat.shape[1]


def grams(x: Features, style: Features, layers: Iterable[str]) -> list[tuple[Tensor, Tensor]]:
    return [(gram(x[layer]), gram(style[layer])) for layer in layers]


def firsts(kind: str) -> list[str]:
    return [f"{kind}{block}_1" for block in range(1, 6)]


def relative(content_layer, style_layers, x, content, style):
    """Divide each square by that of the target; the style layers share the weight 10."""
    keep = square(x[content_layer], content[content_layer]) / content[content_layer].square().sum()
    terms = [square(g, a) / a.square().sum() for g, a in grams(x, style, style_layers)]
    return keep, 10 * sum(terms) / len(terms)


def paper(x, content, style):
    """Gatys et al. 2016, equations 1, 4, 5 and 7 with alpha = 1, beta = 1000 and w = 1/5."""
    keep = square(x["conv4_2"], content["conv4_2"]) / 2
    terms = [square(g, a) / (4 * len(g) ** 2) for g, a in grams(x, style, firsts("conv"))]
    return keep, 1000 * sum(terms) / 5


def author(kind, style_weight, x, content, style):
    """Gatys' PyTorch code: mean squares, 1e3 / c^2 for a style layer."""
    keep = mse_loss(x[f"{kind}4_2"], content[f"{kind}4_2"])
    terms = [1e3 / len(g) ** 2 * mse_loss(g, a) for g, a in grams(x, style, firsts(kind))]
    return keep, style_weight * sum(terms)


def stanford(x, content, style):
    """The mean of squares, and 1e5 sum (G / chw - A / chw)^2."""
    layers = grams(x, style, ("relu1_2", "relu2_2", "relu3_3", "relu4_3"))
    terms = [square(g / len(g), a / len(g)) for g, a in layers]
    return mse_loss(x["relu2_2"], content["relu2_2"]), 1e5 * sum(terms)


def course(x, content, style):
    """CS231n: the sum of squares, and sum (G / chw - A / chw)^2."""
    layers = {"relu1": 20000, "fire3": 500, "fire4": 12, "fire5": 1}
    terms = [square(g / len(g), a / len(g)) for g, a in grams(x, style, layers)]
    match = sum(weight * term for weight, term in zip(layers.values(), terms, strict=True))
    return 0.06 * square(x["fire2"], content["fire2"]), match


def variation(image: Tensor) -> Tensor:
    return image.diff(dim=1).square().sum() + image.diff(dim=2).square().sum()


SHALLOW = partial(relative, "relu2_1", firsts("relu")[:2])
# preset: network, the two terms, weight of the variation
PRESETS = {
    "default": ("vgg19-torchvision", partial(relative, "relu4_2", firsts("relu")), 0),
    "normalised": ("vgg19-normalised", partial(relative, "relu3_1", firsts("relu")[:3]), 0),
    "paper": ("vgg19-torchvision-average", paper, 0),
    "author": ("vgg19-caffe", partial(author, "relu", 1), 0),
    "stanford": ("vgg16-torchvision", stanford, 1e-5),
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


def photographs(**sizes: tuple[int, int]) -> dict[str, np.ndarray]:
    """Return 8-bit waves, a direction and length for each channel, under noise."""
    generator, images = np.random.default_rng(0), {}
    for name, (height, width) in sizes.items():
        y, x = np.mgrid[:height, :width][..., None]
        down, right, phase = generator.uniform(-0.4, 0.4, (3, 3)) * [[1], [1], [8]]
        waves = 0.5 + 0.35 * np.sin(down * y + right * x + phase)
        image = waves + 0.08 * generator.standard_normal(waves.shape)
        images[name] = np.uint8(255 * image.clip(0, 1))
    return images


def tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1).contiguous().double() / 255


def array(image: Tensor) -> np.ndarray:
    return image.detach().permute(1, 2, 0).numpy()


def energy_of(network: Network, preset: Callable, tv_weight: float, images: dict) -> Callable:
    """Return the function from an image to the terms of its loss."""
    with torch.no_grad():
        targets = [network(tensor(images[name])) for name in ("content", "style")]
    return lambda x: torch.stack([*preset(network(x), *targets), tv_weight * variation(x)])


def features(encoders: dict[str, Network]) -> dict[str, np.ndarray]:
    references = photographs(image=(65, 70)) | {"mix": np.random.default_rng(0).standard_normal(512)}
    image, mix = references.values()
    for network, encoder in encoders.items():
        for layer, feature in encoder(tensor(image)).items():
            references[f"{network}/{layer}"] = (array(feature) @ mix[: len(feature)]).astype(np.float32)
    return references


def presets(encoders: dict[str, Network]) -> dict[str, np.ndarray]:
    references = photographs(content=(33, 38), style=(32, 43), image=(33, 38))
    for name, (network, preset, tv_weight) in PRESETS.items():
        energy = energy_of(encoders[network], preset, tv_weight, references)
        x = tensor(references["image"]).requires_grad_()
        terms = energy(x)
        terms.sum().backward()
        references |= {f"{name}/terms": terms.detach().numpy(), f"{name}/gradient": array(x.grad)}
    return references


def descend(solver: Callable, energy: Callable, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss before each step, and the last image."""
    optimiser = solver([x.requires_grad_()])

    def evaluate():
        optimiser.zero_grad()
        loss = energy(x).sum()
        loss.backward()
        return loss

    losses = [optimiser.step(evaluate).item() for _ in range(STEPS)]
    return np.array(losses), array(x)


def trajectories(encoders: dict[str, Network]) -> dict[str, np.ndarray]:
    references = photographs(content=(32, 32), style=(32, 36), image=(32, 32))
    energy = energy_of(encoders["vgg19-torchvision"], SHALLOW, 0, references)
    for name, solver in SOLVERS.items():
        losses, image = descend(solver, energy, tensor(references["image"]))
        references |= {f"{name}/losses": losses, f"{name}/image": image}
    return references


LPIPS = {
    "vgg16-torchvision": ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
    "squeezenet-torchvision": ("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9"),
    "alexnet-torchvision": ("relu1", "relu2", "relu3", "relu4", "relu5"),
}


def lpips(encoders: dict[str, Network]) -> dict[str, np.ndarray]:
    """Return the distances of Zhang et al. 2018, by heads that count down: 1, (n - 1) / n, ..., 1 / n."""
    references = photographs(one=(65, 70), two=(65, 70))
    one, two = (tensor(references[name]) for name in ("one", "two"))
    for network, layers in LPIPS.items():
        own, others = encoders[network](one), encoders[network](two)
        units = ((normalize(f[layer], dim=0) for f in (own, others)) for layer in layers)
        squares = ((a - b).square().mean((1, 2)) for a, b in units)
        total = sum((s * torch.arange(len(s), 0, -1) / len(s)).sum() for s in squares)
        references[network] = np.asarray(total)
    return references


def main() -> None:
    encoders = networks()
    for references in (features, presets, trajectories, lpips):
        path = Path(__file__).with_name(f"{references.__name__}.npz")
        arrays: dict[str, Any] = references(encoders)
        np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main()
