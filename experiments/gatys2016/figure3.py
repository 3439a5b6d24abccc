"""Gatys et al. 2016, figure 1 (figure 3 of the presentation): what the layers of a network know of a picture.

    python -m experiments.gatys2016.figure3 --out DIR

Content from the features of one layer, style from the Gram matrices of all layers up to one, from noise. The
bundled encoder ends before the paper's conv5_2: its conv5_1 stands for it.
"""

from dataclasses import replace

from experiments.artefact import Run, command, falling
from jaxstyle import Reconstruct
from jaxstyle.metrics import gram_distance, psnr

CONTENT = ("conv1_2", "conv2_2", "conv3_2", "conv4_2")
STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


def make(run: Run) -> None:
    content, style = run.photograph(512), run.painting(512)
    method = Reconstruct(run.encoder("vgg19", "vgg19-lite"), steps=run.steps(300), seed=run.seed)
    last = next(layer for layer in ("conv5_2", "conv5_1") if layer in method.encoder.layers)
    for layer in (*CONTENT, last):
        image = run.stylize(
            f"content {layer}", replace(method, content_layers={layer: 1.0}), content, content
        )
        run.row(picture=f"content {layer}", psnr=float(psnr(image, content)))
    kept = run.column("psnr")
    run.claim(
        "low layers give the pixels back, detail is lost in higher ones: PSNR falls", falling(kept), kept
    )
    for depth in range(1, len(STYLE) + 1):
        layers = dict.fromkeys(STYLE[:depth], 1 / depth)
        label = f"style to {STYLE[depth - 1]}"
        image = run.stylize(label, replace(method, style_layers=layers), style, style)
        apart = float(gram_distance(method.encoder, image, style))
        run.row(picture=label, psnr=float(psnr(image, style)), style=apart)
    fits = run.column("style")
    run.claim("more layers match the style better: Gram distance falls", falling(fits), fits)
    places = run.column("psnr")[len(kept) :]
    run.claim("the arrangement is not kept: PSNR to the painting below 15 dB", max(places) < 15, places)


if __name__ == "__main__":
    command(make)
