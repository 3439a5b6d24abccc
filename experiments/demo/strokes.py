"""A swirling sky in thick oils: strokes of many hairs, laid along a flow from broad to fine.

The flow also composes: lightness and warmth are noise averaged along its lines, so colours run
in ribbons. Each hair goes onto the canvas and onto a relief, by which the paint is then lit.
"""

import numpy as np
from PIL import Image, ImageDraw

from experiments.demo.canvas import grid, noise, palette, ramp, shade

COOL = palette("0a0c2e 141d5c 1d3a8c 2b5fae 2a8599 58ab98 a6cfae eee8c4")
WARM = palette("2c0f26 6a1b26 b8391f d8661f dc9330 efbc3e f7d97c fae9b0 fcf0cc")
BRUSHES = (0.05, 0.22, 1200), (0.034, 0.14, 2000), (0.02, 0.09, 2600)  # width, length, strokes
VORTICES = (  # x, y, radius, spin, brightness
    (0.63, 0.36, 0.22, 1.0, 1.0),
    (0.17, 0.20, 0.12, -0.9, 0.45),
    (0.22, 0.76, 0.17, -0.9, 0.5),
    (0.86, 0.84, 0.13, 0.9, 0.4),
)


def flow(rng, n):
    """Return unit vectors (n, n, 2): a drift, eddies, and vortices that draw inwards."""
    x, y = grid(n)
    eddies = np.gradient(0.03 * noise(rng, n, 0.08), 1 / n)
    u, v = 0.5 + eddies[0], 0.3 * np.sin(5 * x + 1) - eddies[1]
    for cx, cy, radius, spin, _ in VORTICES:
        dx, dy = x - cx, y - cy
        pull = 3.2 * np.exp(-(dx**2 + dy**2) / (2 * radius**2)) / radius
        u, v = u - pull * (spin * dy + 0.3 * dx), v + pull * (spin * dx - 0.3 * dy)
    return np.stack([u, v], -1) / (np.hypot(u, v)[..., None] + 1e-6)


def pixel(field, place):
    """Index a field, row and column, at places (..., 2); beyond it, at its edge."""
    x, y = np.moveaxis(np.clip(place * len(field), 0, len(field) - 1).astype(int), -1, 0)
    return y, x


def trace(field, start, length, steps=24):
    """Follow a field from each start (m, 2); return paths (m, steps + 1, 2)."""
    path = [start]
    for _ in range(steps):
        path.append(path[-1] + field[pixel(field, path[-1])] * length / steps)
    return np.stack(path, 1)


def comb(field, x):
    """Average x (n, n) along the lines of a field, then standardise it."""
    start = np.stack(grid(len(field)), -1).reshape(-1, 2)
    both = np.concatenate([trace(side, start, 0.25) for side in (field, -field)], 1)
    mean = x[pixel(field, both)].mean(1).reshape(x.shape)
    return (mean - mean.mean()) / mean.std()


def compose(rng, field):
    """Return lightness, 0 to 1, and warmth, positive where the paint is warm."""
    n = len(field)
    x, y = grid(n)
    light = 0.30 + 0.15 * comb(field, noise(rng, n, 0.025))
    warm = 0.7 * comb(field, noise(rng, n, 0.05)) - 0.8 + 1.2 * np.tanh(3 * y + x - 2.5)
    for cx, cy, radius, _, bright in VORTICES:
        r = np.hypot(x - cx, y - cy) / radius
        core = bright * np.exp(-((r / 0.8) ** 2))
        light += 0.8 * core + 0.2 * bright * np.cos(7 * r) * np.exp(-r)
        warm += 2.6 * core
    return light, warm


def lay(rng, layers, path, width, colours):
    """Draw one stroke: hairs side by side, loaded with two colours, thick at the edges."""
    normal = np.gradient(path, axis=0) @ np.array([[0, 1], [-1, 0]])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    normal *= width / 2 * np.sin(np.linspace(0.63, 2.98, len(path)))[:, None] ** 0.5  # tapers
    level = rng.normal(110, 18)
    for across in rng.permutation(np.linspace(-1, 1, max(int(width / 2.2), 6))):
        first, last = (len(path) * (0.25 * across**2 + 0.1 * rng.random(2))).astype(int)
        hair = (path + across * normal)[first : len(path) - last].ravel().tolist()
        mix = np.clip(rng.normal(0.5 + 0.5 * across, 0.2), 0, 1)
        colour = (colours[0] * (1 - mix) + colours[1] * mix) * rng.normal(1, 0.05)
        height = rng.normal(level + 45 * abs(across) ** 3, 18)
        for layer, ink in zip(layers, (colour, [height]), strict=True):
            layer.line(hair, tuple(np.clip(ink, 0, 255).astype(int).tolist()), 4)


def strokes(seed: int, n: int) -> Image.Image:
    """Paint the sky on n x n pixels."""
    rng = np.random.default_rng(seed)
    field = flow(rng, 256)
    light, warm = compose(rng, field)
    canvas, relief = Image.new("RGB", (n, n)), Image.new("L", (n, n))
    layers = ImageDraw.Draw(canvas), ImageDraw.Draw(relief)
    for width, length, count in BRUSHES:
        for path in trace(field, rng.uniform(-0.12, 1.12, (count, 2)), length):
            middle = pixel(field, path[len(path) // 2])
            paint = WARM if rng.normal(warm[middle], 0.35) > 0 else COOL
            t = rng.normal(rng.normal(light[middle], 0.07), 0.08, 2)
            colours = ramp(paint, np.clip(abs(t), 0, 0.95)) * rng.normal(1, 0.05)
            lay(rng, layers, path * n, width * n * rng.uniform(0.7, 1.2), colours)
    return shade(np.asarray(canvas, float), np.asarray(relief, float))
