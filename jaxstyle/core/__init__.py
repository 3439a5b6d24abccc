"""The algebra of style transfer: read this page first.

A style is a statistic; a method is a way to match it. One rhythm at every level: summarise the style
once, apply to content many times.

| name | signature | what |
|---|---|---|
| `Image` | `(h, w, 3)` | sRGB in [0, 1]; one image, never a batch: `vmap` at the door |
| `Mask` | `(h, w)` | a weight for every pixel, in [0, 1] |
| `Features` | `{layer: (h, w, c)}` | `features["image"]` is the image itself: the image is layer zero |
| `Encoder` | `(Image, layers) -> Features` | a network; it normalises its own input |
| `Loss` | `Features -> scalar` | its leaves are its targets; `a + 1e3 * b` keeps its terms for logging |
| `Method` | `prepare(style, mask) -> target`, `apply(content, target) -> Image` | one paper |
| `Snapshot` | `method.run(content, target)` yields them | one of a single pass, many of a descent |
| `Regions` | `[target, ...], (k, h, w)` | a target too: several, each where its mask is |
| `Chain` | `[Method, ...] -> Method` | one after another |
| `Smoother` | `(image, content) -> image` | makes a result a photograph again |

Losses, optimisers and methods are frozen dataclasses and pytrees at once (`pytree`). Fields are leaves, so a
new style, weight or learning rate does not retrace; those that choose the program, as layers, counts and
functions, say so: `levels: tuple[int, ...] = static(default=(4, 3, 2, 1))`.

Files: `features`, `loss`, `encoder`, `regions`, `method`, `target`, each on those before it.
"""

from jaxstyle.core.encoder import Encoder, FeatureHook, Smoother, identity_hook
from jaxstyle.core.errors import InputError, TooSmallError, unknown_name
from jaxstyle.core.features import Feature, Features, Image, Mask, Scalar, Weights
from jaxstyle.core.loss import Loss, Sum
from jaxstyle.core.method import Chain, Method, ResumeState, Snapshot, unchanged
from jaxstyle.core.pytree import pytree, static
from jaxstyle.core.regions import Region, Regions, part_of, regions
from jaxstyle.core.target import padded, prepare_compiled, prepared, styled, summarise

__all__ = [
    "Chain",
    "Encoder",
    "Feature",
    "FeatureHook",
    "Features",
    "Image",
    "InputError",
    "Loss",
    "Mask",
    "Method",
    "Region",
    "Regions",
    "ResumeState",
    "Scalar",
    "Smoother",
    "Snapshot",
    "Sum",
    "TooSmallError",
    "Weights",
    "identity_hook",
    "padded",
    "part_of",
    "prepare_compiled",
    "prepared",
    "pytree",
    "regions",
    "static",
    "styled",
    "summarise",
    "unchanged",
    "unknown_name",
]
