"""Gatys et al. 2016, figure 4 (figure 6 of the presentation): the ratio of content to style, 1e-4 to 1e-1.

python -m experiments.gatys2016.figure6 --out DIR
"""

from dataclasses import replace

from experiments.artefact import Run, command, falling
from jaxstyle import Gatys

RATIOS = (1e-4, 1e-3, 1e-2, 1e-1)


def make(run: Run) -> None:
    content, style = run.photograph(512), run.painting(512)
    method = replace(Gatys.paper(run.encoder("vgg19", "vgg19-lite")), steps=run.steps(500), seed=run.seed)
    for ratio in RATIOS:
        label = f"ratio {ratio:g}"
        run.stylize(label, replace(method, style_weight=1 / ratio), content, style)
        run.row(ratio=ratio, **run.distances(label, method.encoder))
    keeps, styles = run.column("content"), run.column("style")
    run.claim("emphasis on the content keeps it: its distance falls with the ratio", falling(keeps), keeps)
    rises = falling(styles[::-1])
    run.claim(
        "emphasis on the style matches its appearance: its distance rises with the ratio", rises, styles
    )


if __name__ == "__main__":
    command(make)
