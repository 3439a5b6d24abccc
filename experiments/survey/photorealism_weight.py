"""Xia, DPST (a) to (f): the weight lambda of the photorealism, 1 to 1e8 (Luan et al. 2017, figure 2).

    python -m experiments.survey.photorealism_weight --out DIR

The weights are the slide's, of a sum over pixels: `Photoreal.sum`.
"""

from experiments.artefact import Run, command, falling
from jaxstyle import DeepPhoto
from jaxstyle.image.matting import Laplacian
from jaxstyle.losses import Photoreal

WEIGHTS = (1.0, 1e2, 1e4, 1e6, 1e8)


def make(run: Run) -> None:
    content, style = run.photograph(512, "coffee"), run.painting(512, "rocket")
    encoder, laplacian = run.encoder(), Laplacian.of(content)
    for weight in WEIGHTS:
        method = DeepPhoto(encoder, photo_weight=weight, photo_loss=Photoreal.sum, steps=run.steps(300))
        image = run.stylize(label := f"lambda {weight:g}", method, content, style)
        energy = float(laplacian.energy(image)) / content[..., 0].size
        run.row(weight=weight, energy=energy, **run.distances(label, encoder))
    energies, styles = run.column("energy"), run.column("style")
    run.claim(
        "too small a weight does not prevent distortions: energy falls with it", falling(energies), energies
    )
    run.claim("too large a weight suppresses the style: its distance rises", falling(styles[::-1]), styles)


if __name__ == "__main__":
    command(make)
