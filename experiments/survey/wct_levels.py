"""Xia, WCT (a) to (c): reconstruction, single-level and multi-level stylisation (Li et al. 2017).

python -m experiments.survey.wct_levels --out DIR
"""

from experiments.artefact import Run, command, falling
from jaxstyle import WCT
from jaxstyle.metrics import psnr
from jaxstyle.networks.decoders import LEVELS


def make(run: Run) -> None:
    content, style = run.photograph(512, "coffee"), run.painting(512)
    encoder, decoders = run.encoder(), run.load("wct-decoders")
    for level in LEVELS:
        again = run.stylize(f"reconstruction {level}", WCT(encoder, decoders, 0.0, (level,)), content, style)
        run.stylize(label := f"level {level}", WCT(encoder, decoders, 1.0, (level,)), content, style)
        run.row(levels=str(level), psnr=float(psnr(again, content)), **run.distances(label, encoder))
    run.stylize("levels 5 to 1", WCT(encoder, decoders, 1.0), content, style)
    run.row(levels="5 to 1", **run.distances("levels 5 to 1", encoder))
    kept, styles = run.column("psnr"), run.column("style")
    run.claim("the decoders give the picture back, deeper ones less: PSNR falls", falling(kept), kept)
    run.claim("all levels match the style better than any single one", styles[-1] < min(styles[:-1]), styles)


if __name__ == "__main__":
    command(make)
