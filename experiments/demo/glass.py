"""A sun over waves in stained glass: rays, rings and waves, each cut into cells of one jewel.

The cells are Voronoi's, relaxed by Lloyd's iterations in coordinates along and across each piece,
log-polar in the sky: so they follow the rays, and grow away from the sun.
"""

import numpy as np
from PIL import Image

from experiments.demo.canvas import blur, grid, noise, palette, ramp, shade

JEWELS = {  # each is tinted a little with the next
    "amber": palette("4a1c04 a04c08 dd8a14 f7bf45 fdeaa6"),
    "ruby": palette("1c0208 5c0514 a3101f d5342b f08a5e"),
    "violet": palette("170828 3a1462 672c94 a068bc e6c4e4"),
    "sapphire": palette("06082c 0c1f6c 1a46ac 4a86d6 b4d8f0"),
    "turquoise": palette("041e28 0a4c5a 17888c 62bdb0 d2f0d8"),
    "emerald": palette("031a14 05432c 157a48 5cb066 cfe6a0"),
    "clear": palette("8c6230 d0a860 f0d69a fcedc8 fffbe6"),
}
SUN = 0.62, 0.34
RAYS = (  # a broad one, then a narrow one
    *("sapphire", "amber", "violet", "amber", "ruby", "clear", "violet", "amber"),
    *("sapphire", "clear", "turquoise", "amber", "sapphire", "amber", "violet", "amber"),
    *("ruby", "clear", "ruby", "amber", "violet", "clear"),
)
RINGS = (0.19, "ruby"), (0.165, "amber"), (0.09, "ruby"), (0.055, "clear")  # outer radius
WAVES = (  # height of the crest
    *((0.64, "emerald"), (0.70, "clear"), (0.72, "turquoise"), (0.78, "sapphire")),
    *((0.85, "amber"), (0.872, "emerald"), (0.91, "turquoise"), (0.955, "violet")),
    *((1.03, "clear"), (1.05, "sapphire")),
)
PIECES = (*RAYS, *(name for _, name in RINGS), *(name for _, name in WAVES))


def design(x, y):
    """Number the piece at each place; return also coordinates along and across the pieces."""
    r, angle = np.hypot(x - SUN[0], y - SUN[1]), np.arctan2(y - SUN[1], x - SUN[0])
    turn = (angle / (2 * np.pi) + 0.12 * np.log(r + 0.05)) % 1
    ends = np.tile([1.4, 0.6], len(RAYS) // 2).cumsum() / len(RAYS)
    piece = np.searchsorted(ends[:-1], turn, side="right")
    for k, (radius, _) in enumerate(RINGS):
        piece[r < radius] = len(RAYS) + k
    sea = len(RAYS) + len(RINGS)
    for k, (crest, _) in enumerate(WAVES):
        swell = 0.05 * np.sin(2 * np.pi * (1.05 * x + 0.09 * k)) + 0.04 * x
        piece[y > crest + swell] = sea + k
    sky = np.stack([0.3 * np.log(r + 0.02), 0.8 * np.pi * turn], -1)
    wave = np.stack([0.6 * x, y - 0.05 * np.sin(2.1 * np.pi * x)], -1)
    return piece, np.where((piece < sea)[..., None], sky, wave)


def nearest(points, seeds):
    """Return, for each point (m, 2), the index of its nearest seed."""
    return ((seeds**2).sum(1) - 2 * points @ seeds.T).argmin(1)


def relax(rng, points, count):
    """Spread seeds (count, 2) evenly over the points, by Lloyd's iterations."""
    seeds = rng.choice(points, count, replace=False)
    for _ in range(12):
        near = nearest(points, seeds)
        seeds = np.stack([points[near == k].mean(0) for k in range(count)])
    return seeds


def cut(rng, piece, place, density):
    """Cut pieces into cells; return cells, offsets in units of their reach, each one's piece."""
    cells, offset, owner = np.zeros_like(piece), np.zeros_like(place), []
    for k in np.unique(piece):
        inside = piece == k
        points, count = place[inside], max(int((inside * density).mean()), 1)
        seeds = relax(rng, points[:: max(len(points) // 3000, 1)], count)
        near = nearest(points, seeds)
        arrow = points - seeds[near]
        reach = np.sqrt(np.bincount(near, (arrow**2).sum(1)) / np.bincount(near))
        cells[inside], offset[inside] = len(owner) + near, arrow / reach[near, None]
        owner += [k] * count
    return cells, offset, owner


def streaks(rng, place, cells, count):
    """Return wisps along the pieces, broken and tilted from cell to cell."""
    n, tilt = len(cells), rng.normal(0, 0.5, count)[cells]
    warped = np.stack([0.2 * place[..., 0], place[..., 1] + tilt * place[..., 0]])
    at = (n * warped + rng.integers(0, n, (2, count))[:, cells]).astype(int) % n
    return noise(rng, n, 0.005)[*at] + noise(rng, n, 0.015)[*at]


def stain(rng, cells, owner, t):
    """Colour each cell, dark to light by t, in the jewel of its piece."""
    image, names = np.zeros((*t.shape, 3)), list(JEWELS)
    for cell, piece in enumerate(owner):
        inside, k = cells == cell, names.index(PIECES[piece])
        mix = min(abs(rng.normal(0, 0.22)), 0.5)
        colours = (1 - mix) * JEWELS[names[k]] + mix * JEWELS[names[(k + 1) % len(names)]]
        image[inside] = ramp(colours, t[inside])
    return image


def seams(x):
    """Mark the pixels where x changes; it wraps, so the frame is a seam."""
    return (x != np.roll(x, 1, 0)) | (x != np.roll(x, 1, 1))


def lead(rng, image, cells, piece):
    """Join the cells by lead, wider between pieces; add halation, bubbles and relief."""
    n, sigma = len(image), 4.8
    line = blur(seams(cells) + 1.2 * seams(piece), sigma) * np.sqrt(2 * np.pi) * sigma
    line *= 1 + 0.14 * noise(rng, n, 0.02)
    came = np.clip((line - 0.75) / 0.12, 0, 1)
    image = image * np.exp(-0.7 * line[..., None] ** 2)
    image += 0.2 * np.stack([blur(channel, 14) for channel in np.moveaxis(image, -1, 0)], -1)
    image += came[..., None] * ((38, 38, 46) - image)
    bubbles = blur(rng.random((n, n)) < 0.0003, 2.4) * (came == 0)
    height = 70 * np.sqrt(np.clip(line - 0.75, 0, 1)) + 9 * noise(rng, n, 0.006) + 1000 * bubbles
    return shade(image, height)


def glass(seed: int, n: int) -> Image.Image:
    """Paint the window on n x n pixels."""
    rng = np.random.default_rng(seed)
    x, y = grid(n)
    r = np.hypot(x - SUN[0], y - SUN[1])
    piece, place = design(x, y)
    disc = r < min(RINGS)[0]  # is left whole
    cells, offset, owner = cut(rng, piece, place, np.where(disc, 0, 200 / (0.25 + r)))
    count = len(owner)
    base = rng.normal(0.27, 0.13, count) + 0.3 * (rng.random(count) < 0.06)  # a few are pale
    t = base[cells] + rng.normal(0, 0.13, count)[cells] * offset[..., 0]
    t += 0.2 * np.exp(-(offset**2).sum(-1)) + 0.085 * streaks(rng, place, cells, count)
    t += 0.27 * np.exp(-r / 0.25) + 0.3 * np.exp(-((r / 0.09) ** 2))
    return lead(rng, stain(rng, cells, owner, np.clip(t, 0, 1)), cells, piece)
