"""Unlusoy, Menssen & Cerrada, "Hyperparameters": rates 0.1 to 0.3 and 200 to 300 epochs are best for L-BFGS.

python -m experiments.icfp.hyperparameters --out DIR
"""

from dataclasses import replace

import numpy as np

from experiments.artefact import Run, command
from jaxstyle import Gatys
from jaxstyle.optimizers import LBFGS

RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


def make(run: Run) -> None:
    content, style = run.photograph(512, "astronaut"), run.painting(512)
    steps, curves = run.steps(300) if run.tier == "smoke" else 300, {}
    for rate in RATES:
        method = replace(
            Gatys.icfp(run.encoder("vgg19", "vgg19-lite")), optimizer=LBFGS(learning_rate=rate), steps=steps
        )
        snapshots = [*method.run(content, method.prepare(style), every=max(1, steps // 6))]
        losses = [float(value) for snapshot in snapshots for value in snapshot.losses.get("loss", [])]
        run.keep(f"rate {rate:g}", snapshots[-1].image)
        curves[f"rate {rate:g}"] = losses
        thirds = {
            f"after {steps * part // 3 or 1}": losses[max(1, steps * part // 3) - 1] for part in (1, 2, 3)
        }
        run.row(rate=rate, **thirds)
    run.curves("losses", curves)
    *_, two, three = (np.array(run.column(name)) for name in run.rows[0])
    best, told = (
        RATES[int(two.argmin())],
        ", ".join(f"{r:g}: {x:.4g}" for r, x in zip(RATES, two, strict=True)),
    )
    run.claim(f"rates 0.1 to 0.3 are optimal: best at {best:g}", 0.1 <= best <= 0.3, told)
    gain = float(1 - three[RATES.index(0.2)] / two[RATES.index(0.2)])
    run.claim(
        "200 to 300 epochs are enough: the last 100 gain under 10 %", gain < 0.1, f"gain {100 * gain:.1f} %"
    )


if __name__ == "__main__":
    command(make)
