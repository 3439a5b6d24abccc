"""Shuvo, figures 4 and 5: two styles by guidance channels, beside the uncontrolled transfer of one.

    python -m experiments.course.figure5 --out DIR [--encoder squeezenet-caffe]

The guidance is the upper half for the second style and the lower half for the first.
"""

import jax.numpy as jnp

from experiments.artefact import Run, command
from experiments.course.figure3 import transfer
from jaxstyle.metrics import gram_distance


def make(run: Run) -> None:
    content, first = run.photograph(256, "rocket"), run.painting(256, "strokes")
    second = run.keep("style II", run.painting(256, "ink"))
    first = run.keep("style", first)
    method = transfer(run)
    below = jnp.zeros(content.shape[:2]).at[content.shape[0] // 2 :].set(1)
    both = jnp.stack([below, 1 - below])
    run.stylize("uncontrolled", method, content, first)
    run.stylize("guided", method, content, [first, second], both)
    for label in ("uncontrolled", "guided"):
        image, row = run.pictures[label], {}
        for place, mask, style in (("below, style I", below, first), ("above, style II", 1 - below, second)):
            row[place] = float(gram_distance(method.encoder, image, style, mask[None]))
        run.row(picture=label, **row)
    above, ground = run.column("above, style II"), run.column("below, style I")
    run.claim("guided, the sky takes the second style: nearer to it by half", above[1] < above[0] / 2, above)
    kept = ground[1] < 2 * ground[0] + 0.05
    run.claim("and the ground keeps the first: not twice as far from it", kept, ground)


if __name__ == "__main__":
    command(make)
