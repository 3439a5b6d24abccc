"""Xia, PhotoWCT: beside WCT, without and with smoothing, and beside rivals (Li et al. 2018).

python -m experiments.survey.photo_wct --out DIR
"""

from experiments.artefact import Run, command
from jaxstyle import WCT, WCT2, AdaIN, DeepPhoto, Gatys, PhotoWCT, Pitie, Reinhard
from jaxstyle.image.matting import Laplacian
from jaxstyle.metrics import edge_ssim
from jaxstyle.smoothing import Unsmoothed


def make(run: Run) -> None:
    content, style = run.photograph(512, "coffee"), run.painting(512, "rocket")
    encoder, photo, steps = run.encoder(), run.load("photo-wct"), run.steps(300)
    methods = {
        "gatys": Gatys(encoder, steps=steps, pyramid=()),
        "adain": AdaIN(encoder, run.load("adain")),
        "wct": WCT(encoder, run.load("wct-decoders"), 1.0),
        "photo-wct, not smoothed": PhotoWCT(encoder, photo, smooth=Unsmoothed()),
        "photo-wct": PhotoWCT(encoder, photo),
        "wct2": WCT2(encoder, run.load("wct2")),
        "deep-photo": DeepPhoto(encoder, steps=steps),
        "reinhard": Reinhard(),
        "pitie": Pitie(seed=run.seed),
    }
    laplacian = Laplacian.of(content)
    for name, method in methods.items():
        image = run.stylize(name, method, content, style)
        numbers = {
            "edge_ssim": edge_ssim(image, content),
            "energy": laplacian.energy(image) / image[..., 0].size,
        }
        numbers = {key: float(value) for key, value in numbers.items()}
        run.row(method=name, **numbers, **run.distances(name, encoder), seconds=run.seconds(name))
    row = dict(zip(run.column("method"), run.rows, strict=True))
    edges = (
        row["wct"]["edge_ssim"],
        row["photo-wct, not smoothed"]["edge_ssim"],
        row["photo-wct"]["edge_ssim"],
    )
    run.claim("PhotoWCT keeps the structure that WCT loses: edge SSIM", edges[2] > edges[0], edges)
    rough, smooth = row["photo-wct, not smoothed"]["energy"], row["photo-wct"]["energy"]
    run.claim("smoothing removes its artefacts: energy 5 times lower", rough > 5 * smooth, (rough, smooth))
    colours = row["photo-wct"]["style"], row["reinhard"]["style"]
    run.claim("it is nearer to the style than Reinhard's colours", colours[0] < colours[1], colours)
    times = row["deep-photo"]["seconds"], row["photo-wct"]["seconds"]
    run.claim("it is much faster than deep photo: 10 times", times[0] > 10 * times[1], times)


if __name__ == "__main__":
    command(make)
