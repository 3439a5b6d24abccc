"""Shuvo, figures 2 and 3: SqueezeNet, from noise, and how the picture evolves.

python -m experiments.course.figure3 --out DIR [--encoder squeezenet-caffe]
"""

from dataclasses import replace

from experiments.artefact import Run, command
from jaxstyle import Gatys
from jaxstyle.optimizers import Adam

UNIT = 255 * 0.226  # Caffe's input in deviations of torchvision's, for which the weights were found


def transfer(run: Run) -> Gatys:
    """Return the preset for the SqueezeNet that there is; features of Caffe's are `UNIT` times as large."""
    encoder = run.encoder("squeezenet", "squeezenet-caffe")
    method = replace(Gatys.squeezenet(encoder), optimizer=Adam(0.1), steps=run.steps(200), seed=run.seed)
    if encoder.flavour == "caffe":
        return replace(method, content_weight=method.content_weight / UNIT**2, style_weight=1 / UNIT**4)
    return method


def make(run: Run) -> None:
    content, style, method = run.photograph(256), run.painting(256), transfer(run)
    every = max(1, method.steps // 8)
    for snapshot in method.run(content, method.prepare(style), every=every):
        run.keep(label := f"step {snapshot.step}", snapshot.image)
        run.row(step=snapshot.step, **run.distances(label, method.encoder))
    styles, keeps = run.column("style"), run.column("content")
    half = len(styles) // 2
    caught = styles[-1] < 0.5 * styles[0]
    run.claim("the picture catches the style: its distance ends under half the noise's", caught, styles)
    seen = keeps[half] < 0.5 * keeps[0]
    run.claim("after 100 steps the content is seen: its distance is under half the noise's", seen, keeps)


if __name__ == "__main__":
    command(make)
