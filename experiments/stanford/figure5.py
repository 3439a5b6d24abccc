"""Wang, Guo & Lu, figure 5: style back from relu1_2, and with relu2_2, relu3_3, relu4_3 added.

python -m experiments.stanford.figure5 --out DIR
"""

from dataclasses import replace

from experiments.artefact import Run, command, falling
from jaxstyle import Reconstruct
from jaxstyle.metrics import gram_distance, ssim

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")


def make(run: Run) -> None:
    style = run.painting(512, "strokes")
    method = Reconstruct(run.encoder("vgg16", "vgg19-lite"), steps=run.steps(500), seed=run.seed)
    for depth in range(1, len(LAYERS) + 1):
        layers = dict.fromkeys(LAYERS[:depth], 1 / depth)
        image = run.stylize(f"to {LAYERS[depth - 1]}", replace(method, style_layers=layers), style, style)
        apart = float(gram_distance(method.encoder, image, style))
        run.row(layers=depth, style=apart, ssim=float(ssim(image, style)))
    styles, similar = run.column("style"), run.column("ssim")
    run.claim("with higher layers the overall style is kept: Gram distance falls", falling(styles), styles)
    run.claim("without the details of the painting: SSIM below 0.3", max(similar) < 0.3, similar)


if __name__ == "__main__":
    command(make)
