"""What the pictures are painted with: colours, smooth noise, and light on a relief.

Places run over the unit square, x to the right and y down; colours are sRGB, 0 to 255.
Hairs, lead and relief are in pixels, of a picture 1536 wide.
"""

import numpy as np
from PIL import Image


def palette(codes):
    """Read colours (k, 3) from hexadecimal codes, dark to light."""
    return np.array([tuple(bytes.fromhex(code)) for code in codes.split()], float)


def ramp(colours, t):
    """Interpolate between equally spaced colours, at `t` from 0 to 1."""
    knots = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(t, knots, channel) for channel in colours.T], -1)


def grid(n):
    """Return x and y at the centres of n x n pixels."""
    y, x = (np.mgrid[:n, :n] + 0.5) / n
    return x, y


def blur(x, sigma):
    """Smooth by a Gaussian of `sigma` pixels; the edges wrap."""
    fy, fx = np.fft.fftfreq(x.shape[0])[:, None], np.fft.rfftfreq(x.shape[1])
    return np.fft.irfft2(np.fft.rfft2(x) * np.exp(-2 * (np.pi * sigma) ** 2 * (fx**2 + fy**2)))


def noise(rng, n, sigma):
    """Draw n x n smooth noise of unit variance; `sigma` is a fraction of the picture."""
    x = blur(rng.standard_normal((n, n)), sigma * n)
    return x / x.std()


def shade(image, height):
    """Light a picture (n, n, 3) from above and the left, as a relief of this height."""
    gy, gx = np.gradient(blur(height, 1.3) + 2 * blur(height, 4))
    slope = np.tanh(-(gx + 1.3 * gy) / 26)[..., None]
    lit = image * (1 + 0.4 * slope) + 60 * np.maximum(slope, 0) ** 3
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))
