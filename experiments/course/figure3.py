"""Shuvo, figures 2 and 3: SqueezeNet, from noise, and how the picture evolves.

python -m experiments.course.figure3 --out DIR [--encoder squeezenet-caffe]
"""

from dataclasses import replace

from experiments.artefact import Run, command, falling
from jaxstyle import Gatys
from jaxstyle.solvers import Adam


def make(run: Run) -> None:
    content, style = run.photograph(256), run.painting(256)
    encoder = run.encoder("squeezenet", "squeezenet-caffe")
    method = replace(Gatys.squeezenet(encoder), solver=Adam(run.steps(200), 0.1), seed=run.seed)
    every = max(1, method.solver.steps // 8)
    for snapshot in method.descend(content, method.prepare(style), every):
        run.keep(label := f"step {snapshot.step}", snapshot.image)
        run.row(step=snapshot.step, **run.distances(label, encoder))
    styles, keeps = run.column("style"), run.column("content")
    half = len(styles) // 2
    run.claim("the picture catches the style: its distance falls", falling(styles[: half + 1]), styles)
    seen = keeps[half] < 0.5 * keeps[0]
    run.claim("after 100 steps the content is seen: its distance is under half the noise's", seen, keeps)


if __name__ == "__main__":
    command(make)
