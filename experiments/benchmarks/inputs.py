"""What both sides of a benchmark are given: an encoder, and pictures, made of noise or read from files."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from jaxstyle import weights
from jaxstyle.core import InputError
from jaxstyle.networks import VGG
from jaxstyle.networks.vgg import random_parameters


def load(name: str) -> VGG:
    """Return the encoder `name`, or for "synthetic" a VGG-19 of random weights."""
    if name == "synthetic":
        return VGG(random_parameters("vgg19", 0), "torchvision")
    encoder = weights.load(name)
    if not isinstance(encoder, VGG):
        raise InputError(f"the PyTorch side knows VGG only, and {name} is {type(encoder).__name__}")
    return encoder


def picture(size: int, seed: int) -> np.ndarray:
    """Return noise: smooth colour fields for seed 0, the next seeds with ever more texture."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) + 1 / size
    noise = np.random.default_rng(seed).standard_normal((size, size, 3))
    spectrum = np.fft.rfft2(noise, axes=(0, 1)) * frequency[..., None] ** (0.6 * seed - 2)
    field = np.fft.irfft2(spectrum, (size, size), (0, 1))
    return np.clip(0.5 + 0.2 * field / field.std(), 0, 1).astype(np.float32)


def read(path: Path, size: int) -> np.ndarray:
    """Return a square picture from a file."""
    image = ImageOps.fit(Image.open(path).convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    return np.asarray(image, np.float32) / 255


def pictures(options, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the content and the style that the options name, or made of noise."""
    content, style = (
        read(path, size) if path else picture(size, seed)
        for seed, path in enumerate((options.content, options.style))
    )
    return content, style
