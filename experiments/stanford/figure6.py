"""Wang, Guo & Lu, figure 6: the network and the optimisation, for three styles.

    python -m experiments.stanford.figure6 --out DIR

The bundled networks and the loss that they were trained with (see `weights/README.md`), optimised from noise.
"""

from experiments.artefact import Run, command
from jaxstyle import Gatys, Johnson
from jaxstyle.methods.starts import from_noise

STYLES = ("glass", "ink", "strokes")


def make(run: Run) -> None:
    encoder = run.encoder()
    method = Gatys(encoder, steps=run.steps(300), pyramid=(), init=from_noise, seed=run.seed)
    for name in STYLES:
        content, style = run.photograph(512, "coffee"), run.painting(512, name)
        run.keep(name, style)
        for label, way in (("network", Johnson(run.load(f"johnson-{name}"))), ("optimised", method)):
            label = f"{name} {label}"
            run.stylize(label, way, content, style)
            run.row(picture=label, **run.distances(label, encoder), seconds=run.seconds(label))
    ratios = [a["style"] / b["style"] for a, b in zip(run.rows[::2], run.rows[1::2], strict=True)]
    told = "network over optimised: " + ", ".join(f"{ratio:.2f}" for ratio in ratios)
    run.claim(
        "both give similar results: style distance of the network at most twice", max(ratios) <= 2, told
    )
    speed = [b["seconds"] / a["seconds"] for a, b in zip(run.rows[::2], run.rows[1::2], strict=True)]
    run.claim(
        "the network is real-time beside the optimisation: over 100 times faster", min(speed) > 100, speed
    )


if __name__ == "__main__":
    command(make)
