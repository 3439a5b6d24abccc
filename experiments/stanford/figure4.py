"""Wang, Guo & Lu, figure 4: content back from relu2_2 to relu4_3.

python -m experiments.stanford.figure4 --out DIR
"""

from dataclasses import replace

from experiments.artefact import Run, command, falling
from jaxstyle import Reconstruct
from jaxstyle.metrics import psnr

LAYERS = ("relu2_2", "relu3_3", "relu4_1", "relu4_2", "relu4_3")


def make(run: Run) -> None:
    content = run.photograph(512, "coffee")
    method = Reconstruct(run.encoder("vgg16", "vgg19-lite"), steps=run.steps(500), seed=run.seed)
    for layer in LAYERS:
        image = run.stylize(layer, replace(method, content_layers={layer: 1.0}), content, content)
        run.row(layer=layer, psnr=float(psnr(image, content)))
    kept = run.column("psnr")
    run.claim("lower layers reproduce details, higher ones lose them: PSNR falls", falling(kept), kept)


if __name__ == "__main__":
    command(make)
