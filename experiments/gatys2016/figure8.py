"""Gatys et al. 2016, figure 6 (figure 8 of the presentation): from the content, the style, and four noises.

python -m experiments.gatys2016.figure8 --out DIR
"""

from dataclasses import replace

import jax

from experiments.artefact import Run, command
from jaxstyle import Gatys
from jaxstyle.core import Image, Scalar, part_of, prepared
from jaxstyle.methods.descent import evaluate
from jaxstyle.methods.starts import STARTS
from jaxstyle.metrics import psnr, ssim


@jax.jit
def loss(method: Gatys, image: Image, content: Image, style: Image) -> Scalar:
    return evaluate(method.encoder, method.loss(content, part_of(prepared(method, style), -1)), image)[0]


def make(run: Run) -> None:
    content, style = run.photograph(512), run.painting(512)
    method = replace(Gatys.paper(run.encoder("vgg19", "vgg19-lite")), steps=run.steps(500))
    starts = {"from content": ("content", 0), "from style": ("style", 0)}
    starts |= {f"from noise {seed}": ("noise", seed) for seed in range(run.seed, run.seed + 4)}
    for label, (start, seed) in starts.items():
        one = replace(method, init=STARTS[start], seed=seed)
        image = run.stylize(label, one, content, style)
        run.row(start=label, loss=float(loss(one, image, content, style)), ssim=float(ssim(image, content)))
    losses, similar = run.column("loss"), run.column("ssim")
    told = f"largest over smallest loss {max(losses) / min(losses):.3f}"
    run.claim(
        "the start has little effect on the outcome: losses within half",
        max(losses) < 1.5 * min(losses),
        told,
    )
    run.claim("a fixed start is biased towards its own layout", similar[0] > max(similar[1:]), similar)
    apart = float(psnr(run.pictures[f"from noise {run.seed}"], run.pictures[f"from noise {run.seed + 1}"]))
    run.claim("noises give different pictures: PSNR between two below 30 dB", apart < 30, [apart])


if __name__ == "__main__":
    command(make)
