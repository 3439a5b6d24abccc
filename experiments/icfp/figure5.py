"""Unlusoy, Menssen & Cerrada, figure 5: the ratio of content to style weight, 100 to 0.0001.

python -m experiments.icfp.figure5 --out DIR
"""

from dataclasses import replace

from experiments.artefact import Run, command, falling
from jaxstyle import Gatys
from jaxstyle.optimizers import LBFGS

RATIOS = (100.0, 10.0, 1.0, 0.1, 0.01, 0.0001)


def make(run: Run) -> None:
    content, style = run.photograph(512, "astronaut"), run.painting(512)
    encoder = run.encoder("vgg19", "vgg19-lite")
    method = replace(Gatys.icfp(encoder), optimizer=LBFGS(learning_rate=0.2), steps=run.steps(200))
    for ratio in RATIOS:
        label = f"ratio {ratio:g}"
        run.stylize(label, replace(method, style_weight=1 / ratio), content, style)
        run.row(ratio=ratio, **run.distances(label, encoder))
    keeps, styles = run.column("content"), run.column("style")
    little = styles[0] > 0.8 * run.distances("content", encoder)["style"]
    told = (
        f"style distance {styles[0]:.3g}; of the photograph {run.distances('content', encoder)['style']:.3g}"
    )
    run.claim(
        "high emphasis on the content gives little stylisation: at least 0.8 of its distance", little, told
    )
    run.claim("high emphasis on the style gives its texture: its distance falls", falling(styles), styles)
    run.claim("there is a trade-off: the content's distance rises", falling(keeps[::-1]), keeps)


if __name__ == "__main__":
    command(make)
