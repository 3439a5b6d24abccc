"""Wang, Guo & Lu, figure 7: the losses while the network is trained, from the beginning.

    python -m experiments.stanford.figure7 --out DIR

`jaxstyle train johnson` on five of scikit-image's photographs, for a minute: the beginning of the curve,
which is what the claims are about; the report trained on COCO for two epochs.
"""

import json
import tempfile
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import skimage.data

from experiments.artefact import DEMO, Run, command
from jaxstyle import InputError, write
from jaxstyle.cli import main as jaxstyle

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "retina")


def make(run: Run) -> None:
    run.load("vgg19-lite")
    style = run.given[1] or DEMO / "strokes.jpg"
    steps, size = run.steps(160), min(96, run.size(256))
    with tempfile.TemporaryDirectory() as folder:
        (data := Path(folder) / "data").mkdir()
        for name in PHOTOGRAPHS:
            write(data / f"{name}.png", jnp.asarray(getattr(skimage.data, name)()) / 255)
        options = {"data": data, "style": style, "output": Path(folder) / "run", "width": 8, "batch-size": 2}
        options |= {"steps": steps, "size": size, "style-size": size, "seed": run.seed}
        texts = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        if jaxstyle(["train", "johnson", *texts]):
            raise InputError("training failed: see above")
        lines = (Path(folder) / "run" / "metrics.jsonl").read_text().splitlines()
    curve = [json.loads(line) for line in lines]
    run.curves("losses", {name: [line[name] for line in curve] for name in ("loss", "content", "gram")})
    for step in sorted({0, *(steps * part // 8 - 1 for part in range(1, 9))} - {-1}):
        run.row(**{name: curve[step][name] for name in ("step", "loss", "content", "gram")})
    quarters = np.array_split([line["loss"] for line in curve], 4)
    losses = [float(np.mean(part)) for part in quarters if part.size]
    early, late = losses[0] - losses[1], losses[-2] - losses[-1]
    run.claim("the loss drops quickly, then slowly: means of quarters", early > late, losses)
    first = curve[0]
    told = f"at the first step style {first['gram']:.3g}, content {first['content']:.3g}"
    run.claim("the style loss begins far above the content loss", first["gram"] > first["content"], told)


if __name__ == "__main__":
    command(make)
