"""Xia, "Runtime comparison": optimisation of 100, 300 and 500 steps beside the network, at 256 to 1024 px.

    python -m experiments.survey.runtime --out DIR

Seconds of compiled calls. A step of L-BFGS costs what the last one cost, so the tier `cpu` times 10 and says
what 100, 300 and 500 of them take; `full` takes all 500.
"""

from dataclasses import replace

from experiments.artefact import Run, command, pictured
from jaxstyle import Gatys, Johnson, fit

SIZES = {"smoke": (48, 56, 64), "cpu": (256, 512, 1024), "full": (256, 512, 1024)}
TIMED = {"smoke": 2, "cpu": 10, "full": 500}
COUNTS = (100, 300, 500)


def make(run: Run) -> None:
    encoder, network = run.encoder(), Johnson(run.load("johnson-glass"))
    method = replace(Gatys(encoder), steps=TIMED[run.tier], pyramid=())
    for size in SIZES[run.tier]:
        content = run.keep("content", fit(pictured(run.given[0], "coffee"), size))
        style = run.keep("style", fit(pictured(run.given[1], "glass"), size))
        run.stylize(f"network {size}", network, content, style)
        run.stylize(f"network {size}", network, content, style)  # again: the first call warms the memory
        run.stylize(f"optimised {size}", method, content, style)
        fast, step = run.seconds(f"network {size}"), run.seconds(f"optimised {size}") / method.steps
        run.row(
            size=size, **{f"{n} steps": n * step for n in COUNTS}, network=fast, speedup=500 * step / fast
        )
    speed = run.column("speedup")
    told = "500 steps over one pass: " + ", ".join(f"{value:.0f}" for value in speed)
    run.claim(
        "the network is about 1000 times faster than 500 steps (500 to 2000)",
        all(500 < x < 2000 for x in speed),
        told,
    )
    run.claim("at every size alike: within half", max(speed) < 1.5 * min(speed), told)


if __name__ == "__main__":
    command(make)
