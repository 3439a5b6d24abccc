"""Xia, WCT with "different masks and styles": three styles, each in a region of one photograph.

python -m experiments.survey.masks --out DIR
"""

import jax.numpy as jnp

from experiments.artefact import Run, command
from jaxstyle import WCT
from jaxstyle.metrics import gram_distance

STYLES = ("glass", "ink", "strokes")


def make(run: Run) -> None:
    encoder = run.encoder()
    method = WCT(encoder, run.load("wct-decoders"), 1.0)
    content = run.photograph(512, "coffee")
    styles = [run.keep(name, run.painting(512, name)) for name in STYLES]
    third = jnp.arange(content.shape[1]) * 3 // content.shape[1]
    masks = jnp.stack([jnp.broadcast_to(third == index, content.shape[:2]) for index in range(3)])
    masks = masks.astype(jnp.float32)
    run.keep("masks", jnp.moveaxis(masks, 0, -1))
    image = run.stylize("three styles", method, content, styles, masks)
    for name, mask in zip(STYLES, masks, strict=True):
        apart = [float(gram_distance(encoder, image, style, mask[None])) for style in styles]
        run.row(region=name, **{f"to {other}": value for other, value in zip(STYLES, apart, strict=True)})
    nearest = [min(STYLES, key=lambda other, row=row: row[f"to {other}"]) for row in run.rows]
    told = ", ".join(f"{place}: {other}" for place, other in zip(STYLES, nearest, strict=True))
    run.claim("every region is nearest to its own style", nearest == list(STYLES), told)


if __name__ == "__main__":
    command(make)
