"""Xia, "HM" beside "WCT": every channel's histogram, or the covariance of all (Li et al. 2017, figure 2).

python -m experiments.survey.histogram_matching --out DIR
"""

from experiments.artefact import Run, command
from jaxstyle import WCT, Histogram
from jaxstyle.metrics import covariance_distance

STYLES = ("glass", "strokes")


def make(run: Run) -> None:
    encoder, decoders = run.encoder(), run.load("wct-decoders")
    for name in STYLES:
        content, style = run.photograph(512), run.painting(512, name)
        run.keep(name, style)
        for label, kind in (("HM", Histogram), ("WCT", WCT)):
            image = run.stylize(f"{name} {label}", kind(encoder, decoders, 1.0), content, style)
            run.row(picture=f"{name} {label}", covariance=float(covariance_distance(encoder, image, style)))
    found = run.column("covariance")
    better = all(wct < hm for hm, wct in zip(found[::2], found[1::2], strict=True))
    run.claim("WCT transfers the style better than HM: covariance distance", better, found)


if __name__ == "__main__":
    command(make)
