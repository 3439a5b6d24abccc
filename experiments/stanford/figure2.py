"""Wang, Guo & Lu, figure 2: style weights 5e4 to 5e6, total variation 1e-5.

python -m experiments.stanford.figure2 --out DIR
"""

from dataclasses import replace

from experiments.artefact import Run, command, falling
from jaxstyle import Gatys
from jaxstyle.metrics import ssim

WEIGHTS = (5e4, 2.5e5, 5e5, 1e6, 2.5e6, 5e6)


def make(run: Run) -> None:
    content, style = run.photograph(512, "coffee"), run.painting(512, "strokes")
    encoder = run.encoder("vgg16", "vgg19-lite")
    method = replace(Gatys.stanford(encoder), steps=run.steps(500), seed=run.seed)
    for weight in WEIGHTS:
        label = f"style weight {weight:g}"
        image = run.stylize(label, replace(method, style_weight=weight), content, style)
        run.row(weight=weight, ssim=float(ssim(image, content)), **run.distances(label, encoder))
    styles, keeps, similar = (run.column(name) for name in ("style", "content", "ssim"))
    run.claim("the weight controls the style: its distance falls", falling(styles), styles)
    run.claim("at the cost of the content: its distance rises", falling(keeps[::-1]), keeps)
    lost = similar[-1] < 0.2
    run.claim("at very large weights the content is almost lost: SSIM below 0.2", lost, similar)


if __name__ == "__main__":
    command(make)
