"""Unlusoy, Menssen & Cerrada, figures 6 to 10: example runs (200 epochs, rate 0.2, style 100), a video.

    python -m experiments.icfp.figure6 --out DIR

Portraits and paintings of the slides are not ours to ship: other photographs and the demo's styles stand
here. The pictures named `epoch` are the frames of figure 10.
"""

from dataclasses import replace

from experiments.artefact import Run, command, falling
from jaxstyle import Gatys
from jaxstyle.optimizers import LBFGS

RUNS = (("astronaut", "glass"), ("coffee", "strokes"), ("chelsea", "ink"), ("astronaut", "ink"))


def make(run: Run) -> None:
    encoder = run.encoder("vgg19", "vgg19-lite")
    method = replace(Gatys.icfp(encoder), optimizer=LBFGS(learning_rate=0.2), steps=run.steps(200))
    for photograph, painting in RUNS:
        content = run.keep(photograph, run.photograph(512, photograph))
        style = run.painting(512, painting)
        label = f"{photograph} in {painting}"
        run.stylize(label, method, content, style)
        before, after = run.distances("content", encoder), run.distances(label, encoder)
        run.row(run=label, style_before=before["style"], style=after["style"], content=after["content"])
    ratios = [row["style"] / row["style_before"] for row in run.rows]
    told = "style distance over the photograph's: " + ", ".join(f"{ratio:.3f}" for ratio in ratios)
    separable = max(ratios) < 0.5 and max(run.column("content")) < 1
    run.claim("content and style are separable: half the style's distance, content within 1", separable, told)
    content, style = run.photograph(512, "astronaut"), run.painting(512)
    distances = []
    for snapshot in method.run(content, method.prepare(style), every=max(1, method.steps // 8)):
        run.keep(label := f"epoch {snapshot.step}", snapshot.image)
        distances.append(run.distances(label, encoder)["style"])
    run.claim(
        "over the epochs the picture takes the style: its distance falls", falling(distances), distances
    )


if __name__ == "__main__":
    command(make)
