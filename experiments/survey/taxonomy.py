"""Xia, "Comparison": task, model and speed of every system, in measured seconds, and the pictures.

    python -m experiments.survey.taxonomy --out DIR

Seconds of one compiled call at 256 px (`cpu` 128), optimisation with 300 steps.
"""

from experiments.artefact import Run, command
from jaxstyle import WCT, WCT2, AdaIN, DeepPhoto, Gatys, Johnson, Linear, PhotoWCT, Reinhard, Smoothed
from jaxstyle.smoothing import ScreenedPoisson


def make(run: Run) -> None:
    content, style = run.photograph(256, "coffee"), run.painting(256)
    encoder, steps = run.encoder(), run.steps(300)
    systems = {
        "NST": ("Artistic", "IOB", "Y", "Slow", Gatys(encoder, steps=steps, pyramid=())),
        "Perceptual Loss": ("Artistic", "MOB", "N", "Fast", Johnson(run.load("johnson-glass"))),
        "AdaIN": ("Artistic", "MOB", "Y", "Fast", AdaIN(encoder, run.load("adain"))),
        "WCT": ("Artistic", "MOB", "Y", "Fast", WCT(encoder, run.load("wct-decoders"))),
        "Linear": ("Artistic", "MOB", "Y", "Fast", Linear(encoder, run.load("linear"))),
        "DPST": ("Photorealistic", "IOB", "Y", "Slow", DeepPhoto(encoder, steps=steps)),
        "Screened Poisson": ("Photorealistic", "IOB", "Y", "", Smoothed(Reinhard(), ScreenedPoisson())),
        "PhotoWCT": ("Photorealistic", "MOB", "Y", "Fast", PhotoWCT(encoder, run.load("photo-wct"))),
        "WCT2": ("Photorealistic", "MOB", "Y", "Fast", WCT2(encoder, run.load("wct2"))),
    }
    speed: dict[str, list[float]] = {"Slow": [], "Fast": [], "": []}
    for name, (task, model, arbitrary, said, method) in systems.items():
        run.stylize(name, method, content, style)
        run.row(
            system=name, task=task, model=model, arbitrary=arbitrary, said=said, seconds=run.seconds(name)
        )
        speed[said].append(run.seconds(name))
    slow, fast = speed["Slow"], speed["Fast"]
    told = f"slow {min(slow):.3g} s and more, fast {max(fast):.3g} s and less"
    run.claim(
        "what the table calls fast is 10 times faster than what it calls slow",
        min(slow) > 10 * max(fast),
        told,
    )


if __name__ == "__main__":
    command(make)
