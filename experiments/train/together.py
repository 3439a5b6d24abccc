"""Train a part of `vgg19-lite` and the decoders behind it together: to give pixels back, and stay what it is.

    python -m experiments.train.together --levels 3,4 --data DIR... --steps N --output DIR

    L = sum_l |S(F_l) - S(T_l)|^2 / |S(T_l)|^2 - p PSNR(D_l(F_l(x)), x)  +  sum_m |F_m - T_m|^2 / |T_m|^2

F_l are the features at relu{l}_1, S second moments, m every relu of what is trained: the convolutions behind
relu{l - 1}_1 of the first level, to the last. VGG-19 forgets pixels that nobody asks it for; an encoder that
learns beside its decoders keeps more of them in features that are as near to VGG-19's as before
(Collaborative Distillation, Wang et al. 2020, shrinks both at once). T is `vgg19-normalised`; behind relu4_1,
where its weights end, another `--teacher`: `vgg19-lite` as it was before.

All before stays, to the bit. What sees the features has to be trained again: deeper levels, with `--encoder`,
and every other decoder. The encoder learns at `CALM` times the rate of the decoders. Reads JAXSTYLE_WEIGHTS.
Writes `vgg19_lite.safetensors` and `wct-decoders.safetensors` (these levels alone) every 500 steps and at
SIGTERM.
"""

import argparse
import json
from collections import deque
from pathlib import Path

import jax
import numpy as np
import optax
from flax import nnx

from jaxstyle import weights
from jaxstyle.losses import Content, Gram
from jaxstyle.metrics import psnr
from jaxstyle.networks import VGG
from jaxstyle.training.data import batches, open_images
from jaxstyle.training.lite_encoder import LiteEncoder, Student
from jaxstyle.training.loop import fit, fresh
from jaxstyle.training.run import signals

DECIBEL, CALM = 0.15, 0.3


def loss(given, params, example, key):
    """Return the terms of one image."""
    fixed, teacher = given
    image, decoders = example["image"], params["decoders"]
    ends = {level: f"relu{level}_1" for level in decoders.levels}
    weight = {name.replace("conv", "relu"): 1.0 for name in params["encoder"]}
    features, target = Student(fixed | params["encoder"], "normalised")(image, weight), teacher(image, weight)
    same = Content.relative(target, weight) + Gram.relative(target, dict.fromkeys(ends.values(), 1.0))
    kept = {f"psnr{level}": psnr(image, decoders[level](features[name])) for level, name in ends.items()}
    return {"teacher": same(features)} | {name: -DECIBEL * value for name, value in kept.items()}


def write(options, own, params, steps):
    """Write encoder and decoders, with how they were trained."""
    how = {name: getattr(options, name) for name in ("levels", "batch_size", "size", "learning_rate", "seed")}
    how = {"training": json.dumps({"train": "together", "steps": steps, "decibel": DECIBEL} | how)}
    encoder = VGG(own | params["encoder"], "normalised")
    weights.save(options.output / "vgg19_lite.safetensors", encoder, how)
    decoders = how | {"encoder": "vgg19-lite"}
    weights.save(options.output / "wct-decoders.safetensors", params["decoders"], decoders)


def main():
    """Train, and write both networks."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--levels", type=lambda text: tuple(map(int, text.split(","))), required=True)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--teacher", default="vgg19-normalised", help="a name or a file")
    parser.add_argument("--encoder", default="vgg19-lite", help="to begin with: a name or a file")
    parser.add_argument("--decoders", default="wct-decoders", help="to begin with: a name or a file")
    parser.add_argument("--batch-size", type=int, default=6)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    own = nnx.to_pure_dict(nnx.state(weights.load(options.encoder)))
    first, last = f"conv{options.levels[0] - 1}_1", f"conv{options.levels[-1]}_1"
    fixed = {name: conv for name, conv in own.items() if name <= first}
    params = {
        "encoder": {name: conv for name, conv in own.items() if first < name <= last},
        "decoders": weights.load(options.decoders).only(options.levels),
    }
    teacher = Student.of(weights.load(options.teacher))
    images = {"image": open_images(*options.data)}
    data = batches(images, options.size, options.batch_size, options.seed)
    calmer = optax.masked(optax.scale(CALM), {"encoder": True, "decoders": False})
    optimizer = optax.chain(LiteEncoder(teacher).optimizer(options.learning_rate, options.steps), calmer)
    options.output.mkdir(parents=True, exist_ok=True)
    loss_fn = jax.tree_util.Partial(loss, (fixed, teacher))
    recent = deque(maxlen=100)
    with signals() as noted:
        for step in fit(fresh(lambda: params, optimizer), loss_fn, data, optimizer, seed=options.seed):
            recent.append(jax.device_get(step.losses))
            last = bool(noted) or step.number == options.steps
            if step.number % 100 == 0 or last:
                means = {name: float(np.mean([row[name] for row in recent])) for name in step.losses}
                print(step.number, {name: round(value, 4) for name, value in means.items()}, flush=True)
            if step.number % 500 == 0 or last:
                write(options, own, step.state.params, step.number)
            if last:
                break


if __name__ == "__main__":
    main()
