"""A woodcut in two inks: lines that swell and thin with the light, along the levels of a slow relief.

Where the relief bends, the lines close to rings. Indigo on cream paper, vermilion where a second
block was cut.
"""

import numpy as np
from PIL import Image

from experiments.demo.canvas import blur, grid, noise, palette, ramp

PAPER, INDIGO, VERMILION = palette("f4e8cb 1b2350 c9412b")
LINES = 30  # across the height


def ink(seed: int, n: int) -> Image.Image:
    """Print the woodcut on n x n pixels."""
    rng = np.random.default_rng(seed)
    _, y = grid(n)
    relief = y + 0.085 * noise(rng, n, 0.11) + 0.02 * noise(rng, n, 0.035)
    light = np.clip(0.46 + 0.3 * noise(rng, n, 0.09) + 0.09 * noise(rng, n, 0.02), 0.04, 0.94)
    cut = np.abs((LINES * relief + 0.02 * noise(rng, n, 0.004)) % 1 - 0.5) * 2  # 0 on a line, 1 between
    edge = 0.07
    printed = np.clip((1 - light - cut) / edge + 0.5, 0, 1)
    second = np.clip(noise(rng, n, 0.12) * 6 - 5, 0, 1)[..., None]
    colour = (1 - second) * INDIGO + second * VERMILION
    wear = 1 - 0.35 * np.clip(noise(rng, n, 0.0016) - 0.9, 0, 1) - 0.06 * noise(rng, n, 0.01) ** 2
    paper = ramp(np.stack([PAPER * 0.93, PAPER]), 0.5 + 0.35 * noise(rng, n, 0.003))
    covered = (blur(printed, 1.0) * np.clip(wear, 0, 1))[..., None]
    picture = (1 - covered) * paper + covered * colour
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
