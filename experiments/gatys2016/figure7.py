"""Gatys et al. 2016, figure 5 (figure 7 of the presentation): the content by conv2_2 and by conv4_2.

python -m experiments.gatys2016.figure7 --out DIR
"""

from dataclasses import replace

from experiments.artefact import Run, command
from jaxstyle import Gatys
from jaxstyle.metrics import edge_ssim, ssim

LAYERS = ("conv2_2", "conv4_2")


def make(run: Run) -> None:
    content, style = run.photograph(512), run.painting(512)
    method = replace(Gatys.paper(run.encoder("vgg19", "vgg19-lite")), steps=run.steps(500), seed=run.seed)
    for layer in LAYERS:
        image = run.stylize(layer, replace(method, content_layers={layer: 1.0}), content, style)
        kept = {"ssim": float(ssim(image, content)), "edge_ssim": float(edge_ssim(image, content))}
        run.row(layer=layer, **kept, **run.distances(layer, method.encoder))
    for name in ("ssim", "edge_ssim"):
        low, high = run.column(name)
        told = f"{name} {low:.3f}, {high:.3f}"
        run.claim("the lower layer keeps much of the detail, the higher displaces edges", low > high, told)
    low, high = run.column("style")
    run.claim("the higher layer lets the style in further: Gram distance", high < low, (low, high))


if __name__ == "__main__":
    command(make)
