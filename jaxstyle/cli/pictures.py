"""What a command is given: the pictures of its files, at the sizes that it works at, and where each goes.

| `--size` | the content's long edge | the styles' |
|---|---|---|
| a number | that, enlarged if need be | the same |
| `original` | as it is | as they are, at most the content's, or `DEFAULT_SIZE` |
| none, of methods that keep a photograph one | as it is | the same |
| none, of the others | as it is, at most `DEFAULT_SIZE` | as they are, at most `DEFAULT_SIZE` |

Transparency is a weight: what cannot be seen does not count, of content and styles.
"""

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxstyle.cli.request import Inputs, Request
from jaxstyle.core import Image, InputError, Mask, Method
from jaxstyle.image import io, labels
from jaxstyle.image.masks import Masks, resize_mask
from jaxstyle.image.resize import fit, resize, shrink
from jaxstyle.image.sharding import shard

DEFAULT_SIZE = 512


class Pictures(NamedTuple):
    """What a method is given: content, styles if it takes any, and where each goes (see `core.prepared`)."""

    content: Image
    styles: list[Image]
    content_mask: Masks | None = None
    style_mask: Sequence[Mask | None] | None = None
    content_weight: Mask | None = None

    @property
    def arguments(self) -> tuple:
        """The arguments of `core.styled`, less the method."""
        styles = self.styles or [self.content]
        return self.content, styles[0] if len(styles) == 1 else styles, *self[2:]

    def _placed(self, function) -> Masks | None:
        """Return a function of each of the content's masks, but for shares, which have no size."""
        masks = self.content_mask
        return masks if masks is None or masks.shape[1:] == (1, 1) else jnp.stack([*map(function, masks)])

    def sharded(self) -> "Pictures":
        """Return the content's rows, as many for each device, shared by all devices."""
        if (devices := jax.device_count()) == 1:
            raise InputError("--shard shares the work of several devices, and there is one: leave it out")
        rest = len(self.content) % devices
        if rest:
            print(f"{rest} rows less, so that all devices have as many", file=sys.stderr)
        rows = lambda x: x[: len(self.content) - rest]
        weight = None if self.content_weight is None else rows(self.content_weight)
        content, masks = shard(rows(self.content)), self._placed(rows)
        return self._replace(content=content, content_mask=masks, content_weight=weight)


class Files(NamedTuple):
    """The pictures of a command's files as they are, and where the styles go."""

    content: io.Picture
    styles: list[io.Picture]
    content_mask: Masks | None
    style_mask: Masks | None

    def sized(self, method: type[Method], inputs: Inputs, edge: int | None = None) -> Pictures:
        """Return the pictures at the sizes that are asked for, or the content's long edge at `edge`."""
        asked = inputs.size if isinstance(inputs.size, int) else None
        whole = inputs.size == "original" or method.KEEPS_SIZE
        content, weight = _sized(self.content, edge or asked, None if whole else DEFAULT_SIZE)
        most = max(*content.shape[:2], DEFAULT_SIZE) if whole else DEFAULT_SIZE
        pairs = [_sized(style, inputs.style_size or asked, most) for style in self.styles]
        masks = self.content_mask
        if masks is not None:
            masks = jax.vmap(lambda mask: resize_mask(mask, *content.shape[:2]))(masks)
        styles, style_masks = [image for image, _ in pairs], [alpha for _, alpha in pairs] or [weight]
        if self.style_mask is not None:
            seen = 1 if style_masks[0] is None else style_masks[0]
            style_masks = [seen * resize_mask(mask, *styles[0].shape[:2]) for mask in self.style_mask]
        return Pictures(
            content, styles, masks, None if all(m is None for m in style_masks) else style_masks, weight
        )

    def larger(self, size: tuple[int, ...], request: Request) -> str:
        """Return what to do about a picture that, made of that size, is too small for a network."""
        shapes = jax.eval_shape(partial(self.sized, request.entry.load(), request.inputs))
        pairs = [("--size", self.content, shapes.content)]
        pairs += [("--style-size", *pair) for pair in zip(self.styles, shapes.styles, strict=False)]
        for option, file, small in pairs:
            if small.shape[:2] == size:
                height, width = file.image.shape[:2]
                whole = option == "--size" and min(height, width) > min(size)
                has = f"; the file has {width}x{height}" + " (--size original)" * whole
                return f"take a larger {option}{has}"
        return (
            "take fewer numbers for --pyramid, or a larger --size"
            if request.settings.get("pyramid")
            else "take a larger --size"
        )


def _sized(picture: io.Picture, edge: int | None, most: int | None) -> tuple[Image, Mask | None]:
    """Return a picture and its transparency, its long edge `edge`, or else at most `most` pixels."""
    change = (lambda x: fit(x, edge)) if edge else (lambda x: shrink(x, most) if most else x)
    if picture.alpha is None:
        return change(picture.image), None
    size = jax.eval_shape(change, picture.image).shape[:2]
    alpha = resize(picture.alpha[..., None], *size)
    seen = resize(picture.image * picture.alpha[..., None], *size) / jnp.maximum(alpha, 1 / 255)
    image = jnp.where(alpha >= 1 / 255, jnp.clip(seen, 0, 1), change(picture.image))
    return image, alpha[..., 0]


def opened(paths: Iterable[Path]) -> list[io.Picture]:
    """Read pictures, and say what there is to say of them."""
    found = [io.open_picture(path) for path in paths]
    for remark in dict.fromkeys(remark for picture in found for remark in picture.remarks):
        print(remark, file=sys.stderr)
    return found


def read(inputs: Inputs, styles: list[io.Picture] | None = None) -> Files:
    """Read the content, the styles unless they are there, and the masks."""
    content, *read_here = opened([inputs.content, *(inputs.style if styles is None else ())])
    styles = read_here if styles is None else styles
    return Files(content, styles, *_placed(inputs, content, styles))


def check_mix(inputs: Inputs) -> None:
    """Refuse shares that are not one each of several styles."""
    mix, count = inputs.mix, len(inputs.style)
    if mix and (len(mix) != count or count == 1 or not sum(mix)):
        cure = "give one each of several styles, not all 0"
        counts = f"{len(mix)} share{'s' * (len(mix) > 1)} of {count} style{'s' * (count > 1)}"
        raise InputError(f"--mix has {counts}: {cure}")


def _placed(
    inputs: Inputs, content: io.Picture, styles: list[io.Picture]
) -> tuple[Masks | None, Masks | None]:
    """Return the masks of content and style that are asked for."""
    count, mask, mix = len(styles), inputs.content_mask, inputs.mix
    if mask and mix:
        raise InputError("--mix and --content-mask both say where styles go: leave one out")
    if inputs.style_mask and (not mask or count != 1):
        raise InputError("--style-mask goes with --content-mask and one style")
    check_mix(inputs)
    if mix:
        return jnp.asarray(mix).reshape(-1, 1, 1) / sum(mix), None
    if not mask:
        if count > 1:
            names = ", ".join(path.name for path in inputs.style)
            how = "in equal shares (--mix gives others, --content-mask places)"
            print(f"content {inputs.content.name}; styles {names}, {how}", file=sys.stderr)
        return None, None
    painting, pictures = labels.read_painting(mask), {mask: content}
    if not inputs.style_mask:
        masks, remarks = labels.place_styles(painting, count)
        found = masks, None
    else:
        pictures[inputs.style_mask] = styles[0]
        pair = labels.place_pair(painting, labels.read_painting(inputs.style_mask))
        found, remarks = (pair.content, pair.style), pair.remarks
    for (path, picture), each in zip(pictures.items(), found, strict=False):
        remarks += [] if each is None else _resized(path, each, picture.image)
    for remark in remarks:
        print(remark, file=sys.stderr)
    return found


def _resized(path: Path, masks: Masks, image: Image) -> list[str]:
    """Return what to say of a mask of another size than its picture's, to which it is resized."""
    (height, width), (rows, columns) = masks.shape[1:], image.shape[:2]
    if (height, width) == (rows, columns):
        return []
    same = abs(width * rows / columns - height) <= 1 + 0.01 * height
    how = "resized" if same else "stretched, for its proportions are others"
    return [f"{path}: a mask of {width}x{height} px for a picture of {columns}x{rows} px: {how}"]
