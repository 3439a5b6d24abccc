"""Wang, Guo & Lu, figure 3: weights of the total variation 0 to 1e-3, style weight 1e5.

python -m experiments.stanford.figure3 --out DIR
"""

from dataclasses import replace

import jax.numpy as jnp

from experiments.artefact import Run, command, falling
from jaxstyle import Gatys
from jaxstyle.losses import Variation

WEIGHTS = (0.0, 1e-6, 1e-5, 1e-4, 1e-3)


def make(run: Run) -> None:
    content, style = run.photograph(512, "coffee"), run.painting(512, "strokes")
    encoder = run.encoder("vgg16", "vgg19-lite")
    method = replace(Gatys.stanford(encoder), steps=run.steps(500), seed=run.seed)
    for weight in WEIGHTS:
        image = run.stylize(f"variation {weight:g}", replace(method, tv_weight=weight), content, style)
        rough = float(Variation()({"image": image})) / image.size
        run.row(weight=weight, roughness=rough, deviation=float(jnp.std(image)))
    rough, deviations = run.column("roughness"), run.column("deviation")
    run.claim("more weight, less noise: the squared differences fall", falling(rough), rough)
    flat = deviations[-1] < 0.05
    run.claim("at 1e-3 the whole image is almost one value: deviation below 0.05", flat, deviations)


if __name__ == "__main__":
    command(make)
