"""Masks from the pictures that people paint: label maps, index maps of other tools, soft masks.

A label map holds few flat values, and each is a label: a palette's indices, whole numbers 0, 1, 2, ... in a
grey file, or any colours. What is not flat, antialiased or blurred borders and the noise of JPEG, goes to one
of the labels beside it, the nearest in colour.

Any other picture is a soft mask, by its brightness. So is one of black and white with levels between. It
blends as many styles as there are: white is the first, black the last, the others are evenly between.

A label or level must cover `SMALLEST` of a picture to count. What only the content has keeps its pixels.
"""

import itertools
import warnings
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int, UInt8
from PIL import Image as Pillow
from PIL import ImageOps

from jaxstyle.core import InputError
from jaxstyle.image import io
from jaxstyle.image.masks import Masks

SMALLEST = 1e-3  # share of a picture
LABELS = {  # names for messages, and the order of regions: Luan et al. 2017 paint with these nine
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "grey": (128, 128, 128),
}
ALIKE = 4  # levels between colours of one label in a file without noise
NOISE = 24  # the same in a file with noise, and of two files
GREY = 24  # levels by which red, green and blue of grey may differ
EXTREME = 8  # levels from black and from white that are black and white
SPREAD = 96  # levels between the colours of one label, beyond which it is a gradient
MOST = 128  # labels of a map
FEW = 2048  # colours of which every pair is compared
LARGEST_INDEX = 63  # of an index map in a grey file; 255 stands for "no class"
NEIGHBOURS = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]

Colours = UInt8[np.ndarray, "h w 3"]


class Painting(NamedTuple):
    """A mask's picture as its file has it; `lossless` is how the file keeps it."""

    name: str
    colours: Colours
    indices: UInt8[np.ndarray, "h w"] | None = None
    palette: bytes | None = None
    lossless: bool = True

    @property
    def grey(self) -> bool:
        """Whether there are grey levels and no colours."""
        spread = np.ptp(self.colours.astype(np.int16), axis=-1)
        return bool(np.mean(spread > GREY) < SMALLEST)

    @property
    def brightness(self) -> np.ndarray:
        """The brightness in [0, 1]; what is nearly black or white is so."""
        level = self.colours.mean(-1, dtype=np.float32)
        return np.clip((level - EXTREME) / (255 - 2 * EXTREME), 0, 1)


class LabelMap(NamedTuple):
    """The labels of a picture: for every pixel which one of `values`, colours `(n, 3)` or indices `(n,)`."""

    places: Int[np.ndarray, "h w"]
    values: np.ndarray

    @property
    def names(self) -> list[str]:
        """Names for messages, in order."""
        return [_name(value) for value in self.values]

    @property
    def masks(self) -> list[Bool[np.ndarray, "h w"]]:
        """Where each label is."""
        return [self.places == index for index in range(len(self.values))]


class Labels(NamedTuple):
    """The labels of a picture: their names, what two pictures compare, and a mask for each."""

    names: list[str]
    values: np.ndarray
    masks: list[np.ndarray]


class Placement(NamedTuple):
    """Regions of content and style by the same names, and lines that say how the masks were read."""

    content: Masks
    style: Masks
    names: list[str]
    remarks: list[str]


def read_painting(path: str | Path) -> Painting:
    """Read a mask's picture; raises `InputError` as `io.read` does."""
    colours = io.to_bytes(io.read(path))
    try:
        with warnings.catch_warnings(), Pillow.open(path) as file:
            warnings.simplefilter("ignore")
            return _painting(str(path), colours, file)
    except io.DAMAGE as error:
        raise InputError(f"{path}: cannot be read as a mask ({error}); save it anew") from None


def _painting(name: str, colours: Colours, file: Pillow.Image) -> Painting:
    """Return a mask's picture: its indices, if it has a palette or small numbers of 16 bits."""
    lossless = file.format in ("PNG", "GIF", "BMP", "TIFF", "PPM")
    if file.mode.startswith("I") and np.max(numbers := np.asarray(file)) <= 255:
        return Painting(name, np.stack([numbers.astype(np.uint8)] * 3, -1), lossless=lossless)
    if file.mode != "P":
        return Painting(name, colours, lossless=lossless)
    turned = ImageOps.exif_transpose(file)
    return Painting(name, colours, np.asarray(turned), bytes(turned.getpalette("RGB") or ()), lossless)


def place_pair(content: Painting, style: Painting) -> Placement:
    """Return the regions of a pair of masks: what both have, each named by its label.

    Raises `InputError` where the two have nothing in common, or one is soft, and the other's labels are not
    black and white.
    """
    paintings = content, style
    maps = label_map(content, style), label_map(style, content)
    _check_alike(paintings, maps)
    remarks = [_soft_remark(p) for p, found in zip(paintings, maps, strict=True) if found is None]
    if None in maps or any(map(_is_feathered, maps, paintings)):
        content_labels, style_labels = map(_levels, paintings)
    else:
        content_labels, style_labels = (Labels(found.names, found.values, found.masks) for found in maps)  # pyright: ignore
    pairs = _pairs(content_labels.values, style_labels.values)
    if not pairs:
        shown = " and ".join(
            ", ".join(labels.names) or "nothing" for labels in (content_labels, style_labels)
        )
        raise InputError(f"the masks have no label in common: {shown}; paint both with the same colours")
    fates = (content_labels, content, "keeps the content's pixels"), (style_labels, style, "is not used")
    for side, (labels, painting, fate) in enumerate(fates):
        lonely = set(range(len(labels.names))) - {pair[side] for pair in pairs}
        remarks += [f"region {labels.names[i]} is only in {painting.name}: it {fate}" for i in sorted(lonely)]
    here = jnp.asarray(np.stack([content_labels.masks[i] for i, _ in pairs]), jnp.float32)
    there = jnp.asarray(np.stack([style_labels.masks[j] for _, j in pairs]), jnp.float32)
    return Placement(here, there, [content_labels.names[i] for i, _ in pairs], remarks)


def place_styles(content: Painting, count: int) -> tuple[Masks, list[str]]:
    """Return where each of `count` styles goes, and lines that say so.

    Raises `InputError` for a label map of another number of regions.
    """
    found = label_map(content)
    if found is not None and not (_is_feathered(found, content) and len(found.values) <= count):
        names = found.names
        if len(names) != count:
            shown = f"{len(names)} region{'s' * (len(names) > 1)}, {', '.join(names)}"
            raise InputError(f"{content.name} has {shown}: give as many styles, not {count}")
        order = [f"{name} is style {index}" for index, name in enumerate(names, 1)]
        return jnp.asarray(np.stack(found.masks), jnp.float32), [f"{content.name}: {', '.join(order)}"]
    if count == 1:
        raise InputError(f"{content.name} is a soft mask, which blends styles: give two or more, not 1")
    position = (1 - content.brightness) * (count - 1)  # 0 is white
    masks = np.stack([np.clip(1 - np.abs(position - index), 0, 1) for index in range(count)])
    return jnp.asarray(masks), [_soft_remark(content)]


def _check_alike(paintings: tuple[Painting, ...], maps: tuple[LabelMap | None, ...]) -> None:
    pairs = list(zip(paintings, maps, strict=True))
    soft = [painting.name for painting, found in pairs if found is None or _is_feathered(found, painting)]
    coloured = [
        (p.name, found.names) for p, found in pairs if found and not {*found.names} <= {"white", "black"}
    ]
    if soft and coloured:
        (name, labels), *_ = coloured
        cure = "paint the same labels in both, or make both soft"
        raise InputError(
            f"{name} is a map of labels, {', '.join(labels)}, and {soft[0]} is a soft mask: {cure}"
        )


def _levels(painting: Painting) -> Labels:
    """Return white and black as labels, those of which there is enough."""
    level = painting.brightness
    every = [
        (name, value, mask) for value, (name, mask) in enumerate((("white", level), ("black", 1 - level)))
    ]
    names, values, masks = zip(*(label for label in every if label[2].mean() >= SMALLEST), strict=True)
    return Labels([*names], np.asarray(values), [*masks])


def _soft_remark(painting: Painting) -> str:
    what = "" if painting.grey else ", since it is no map of few flat colours"
    return f"{painting.name}: taken as a soft mask, from white to black{what}"


def _is_feathered(found: LabelMap | None, painting: Painting) -> bool:
    """Tell whether a label map is black and white with levels between."""
    if found is None or found.values.ndim == 1 or not painting.grey:
        return False
    level = painting.brightness
    return set(found.names) <= {"white", "black"} and bool(np.mean((level > 0) & (level < 1)) > 0)


def _name(value: np.ndarray) -> str:
    """Return the name of a label: that of a colour near it, its digits, or its index."""
    if np.ndim(value) == 0:
        return f"{value}"
    near = [name for name, colour in LABELS.items() if np.max(np.abs(value - colour)) <= NOISE]
    return near[0] if near else "#{:02x}{:02x}{:02x}".format(*value)


def _pairs(content: np.ndarray, style: np.ndarray) -> list[tuple[int, int]]:
    """Return which labels are the same: indices exactly, of colours the nearest of each other first."""
    if content.ndim != style.ndim:
        return []
    if content.ndim == 1:
        return [(i, int(np.flatnonzero(style == v)[0])) for i, v in enumerate(content) if v in style]
    apart = np.max(np.abs(content[:, None] - style), axis=-1)
    pairs = []
    while apart.size and apart.min() <= NOISE:
        i, j = (int(index) for index in np.unravel_index(apart.argmin(), apart.shape))
        pairs.append((i, j))
        apart[i], apart[:, j] = 256, 256
    return sorted(pairs)


# ---- from colours to labels


def label_map(painting: Painting, other: Painting | None = None) -> LabelMap | None:
    """Return the labels of a picture, or None if it is no map of few flat values.

    `other` is the mask that it is compared with: indices are labels where both have them, by one palette.
    """
    alike = [painting] if other is None else [painting, other]
    if all(p.indices is not None and p.palette == painting.palette for p in alike):
        return _of_indices(painting.indices, painting.colours)  # pyright: ignore
    if all(map(_may_be_index_map, alike)) and any(map(_is_index_map, alike)):
        return _of_indices(painting.colours[..., 0], painting.colours)
    return _of_colours(painting)


def _of_indices(indices: np.ndarray, colours: Colours) -> LabelMap:
    """Return the labels of indices, less those that are but steps of a border in an antialiased palette."""
    counts = np.bincount(indices.ravel(), minlength=256)
    flat = np.bincount(indices[_local_spread(indices[..., None]) == 0], minlength=256)
    shown = np.zeros((256, 3), int)
    shown[indices.ravel()] = colours.reshape(-1, 3)
    enough = np.flatnonzero(counts >= SMALLEST * counts.sum())
    wide = [shown[value] for value in enough if flat[value]]
    values = np.asarray([v for v in enough if flat[v] or not _is_between(shown[v], wide)])
    table = np.full(256, -1)
    table[values] = np.arange(len(values))
    return LabelMap(_spread(table[indices], colours, shown[values]), values)


def _is_between(colour: np.ndarray, others: list[np.ndarray]) -> bool:
    """Tell whether a colour is a mixture of two others."""
    for a, b in itertools.combinations(others, 2):
        step, way = b - a, colour - a
        share = np.dot(way, step) / max(np.dot(step, step), 1)
        if 0 < share < 1 and np.max(np.abs(way - share * step)) <= NOISE / 2:
            return True
    return False


def _may_be_index_map(painting: Painting) -> bool:
    first = painting.colours[..., :1]
    if not painting.lossless or np.any(painting.colours != first):
        return False
    values = np.unique(first)
    return bool(np.all((values <= LARGEST_INDEX) | (values == 255)))


def _is_index_map(painting: Painting) -> bool:
    """Tell whether a picture holds classes; 0, 1 and 255 alone may be an impure black and white."""
    values = set(np.unique(painting.colours[..., 0]).tolist())
    classes = len(values - {255})
    return (classes >= 2 and 255 not in values) or classes >= 3


def _of_colours(painting: Painting) -> LabelMap | None:
    """Return the labels of flat colours: exact ones, or where there are too few of these, with noise."""
    colours = painting.colours
    spread = _local_spread(colours)
    packed = colours.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    flat, near = spread == 0, ALIKE
    if 2 * np.count_nonzero(flat) < flat.size:
        if _is_patchwork(packed):
            return _clusters(packed, np.ones_like(flat), ALIKE)
        flat, near = spread <= NOISE, NOISE
    if 2 * np.count_nonzero(flat) < flat.size:
        return None
    found = _clusters(packed, flat, near)
    if found is None or np.all(found.places >= 0):
        return found
    cores = np.where(flat, found.places, -1)  # a border may have the colour of a third label by chance
    return found._replace(places=_spread(cores, colours, found.values))


def _is_patchwork(packed: np.ndarray) -> bool:
    """Tell whether a picture is of few colours, all of them frequent and far from each other."""
    counts = np.bincount(packed.ravel())
    used = np.flatnonzero(counts)
    if len(used) > MOST or counts[used].min() < SMALLEST * packed.size:
        return False
    values = _unpacked(used)
    apart = np.max(np.abs(values[:, None] - values), axis=-1)
    return bool(np.all(apart[~np.eye(len(values), dtype=bool)] > NOISE))


def _unpacked(packed: np.ndarray) -> Int[np.ndarray, "n 3"]:
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], -1)


def _local_spread(colours: UInt8[np.ndarray, "h w _"]) -> np.ndarray:
    """Return the largest difference of a channel among a pixel and its eight neighbours."""
    low, high = colours, colours
    for axis in (0, 1):
        shifted = [np.roll(x, step, axis) for x in (low, high) for step in (-1, 1)]
        for x, edge in zip(shifted, (low, low, high, high), strict=True):
            ends = np.s_[[0, -1]] if axis == 0 else np.s_[:, [0, -1]]
            x[ends] = edge[ends]
        low = np.minimum(low, np.minimum(*shifted[:2]))
        high = np.maximum(high, np.maximum(*shifted[2:]))
    return (high - low).max(-1)


def _clusters(packed: np.ndarray, flat: np.ndarray, near: int) -> LabelMap | None:
    """Return the labels whose colours flat pixels have, those within `near` levels together; -1 elsewhere.

    None where a label's colours go too far, as in a gradient, where there are too many, or none.
    """
    counts, enough = np.bincount(packed[flat], minlength=2**24), SMALLEST * packed.size
    found = np.flatnonzero(counts)
    colours = _unpacked(found)
    groups = _linked(colours, near)
    if groups is None:
        return None
    number = groups.max() + 1
    sizes = np.bincount(groups, counts[found], number)
    means = np.stack([np.bincount(groups, counts[found] * c, number) for c in colours.T], -1) / sizes[:, None]
    if np.any(np.max(np.abs(colours - means[groups]), -1)[sizes[groups] >= enough] > SPREAD / 2):
        return None
    chosen = np.flatnonzero(sizes >= enough)
    if not 0 < len(chosen) <= MOST:
        return None
    values = np.rint(means[chosen]).astype(int)
    order = sorted(range(len(chosen)), key=lambda i: (_rank(values[i]), *values[i]))
    if np.all(np.ptp(values, axis=-1) <= GREY):  # as a soft mask has it
        order = sorted(order, key=lambda i: -values[i].sum())
    renamed = np.full(number, -1)
    renamed[chosen[order]] = np.arange(len(chosen))
    table = np.full(2**24, -1, np.int16)
    table[found] = renamed[groups]
    return LabelMap(table[packed].astype(int), values[order])


def _rank(value: np.ndarray) -> int:
    names = [*LABELS]
    return names.index(name) if (name := _name(value)) in names else len(names)


def _linked(colours: np.ndarray, near: int) -> np.ndarray | None:
    """Return a number for every colour, the same for those that a chain of steps up to `near` joins.

    Of many colours by boxes of `near` levels, of which neighbours touch; None for the many of a photograph.
    """
    grain = 1 if len(colours) <= FEW else near
    boxes, index = np.unique(colours // grain, axis=0, return_inverse=True)
    if len(boxes) > FEW:
        return None
    touching = np.max(np.abs(boxes[:, None] - boxes), axis=-1) <= near // grain
    group = np.arange(len(boxes))
    while np.any(group != (least := np.min(np.where(touching, group, len(boxes)), axis=1))):
        group = least
    return np.unique(group, return_inverse=True)[1][index.ravel()]


def _spread(places: np.ndarray, colours: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return labels for all pixels: those of none, -1, take one from beside them, the nearest in colour.

    What has the colour of a label beside it goes first: so a border ends where its colours meet.
    """
    height, width = places.shape
    framed = np.full((height + 2, width + 2), -1)
    framed[1:-1, 1:-1] = places
    flat, steps = framed.ravel(), [y * (width + 2) + x for y, x in NEIGHBOURS]
    rows, columns = np.nonzero(places < 0)
    open_ = (rows + 1) * (width + 2) + columns + 1
    unplaced = colours[rows, columns].astype(int)
    for most in (2 * NOISE, 255):
        before = -1
        while open_.size and open_.size != before:
            before = open_.size
            around = flat[open_[:, None] + steps]
            apart = np.where(around < 0, 512, np.max(np.abs(unplaced[:, None] - values[around]), axis=-1))
            best = apart.argmin(1)[:, None]
            near = np.take_along_axis(apart, best, 1)[:, 0] <= most
            flat[open_] = np.where(near, np.take_along_axis(around, best, 1)[:, 0], -1)
            unplaced, open_ = unplaced[~near], open_[~near]
    return framed[1:-1, 1:-1]
