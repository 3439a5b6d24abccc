"""Small training runs in processes of their own: with fake devices, on several hosts, to be killed.

python tests/worker.py losses DATA [options]          print the losses of a few steps, as JSON
python tests/worker.py run DATA OUTPUT [options]      train in a folder, and print what it left
"""

import argparse
import json
import time
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from jaxstyle.cli.run import keep_programs
from jaxstyle.cli.train import join
from jaxstyle.core import InputError, pytree
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.training import Recipe
from jaxstyle.training.checkpoints import Checkpoints
from jaxstyle.training.data import Images, batches, open_images
from jaxstyle.training.loop import fit, fresh
from jaxstyle.training.plan import Plan
from jaxstyle.training.run import run

SIZE, STEPS = 16, 12


@pytree
class Negative(Recipe):
    """A small network learns to draw negatives, of noisy pictures."""

    NAME: ClassVar[str] = "johnson"
    DECAYS: ClassVar[bool] = False
    DEFAULTS: ClassVar[dict[str, Any]] = {}

    encoder: Any = None
    weight: float = 1.0

    def network(self, rngs):
        return TransformNet(width=4, residuals=1, rngs=rngs)

    def optimizer(self, learning_rate, steps):
        return optax.sgd(learning_rate)

    def loss(self, params, example, key) -> dict[str, Any]:
        output = params(example["image"])
        noise = 0.1 * jax.random.normal(key, output.shape)
        distance = self.weight * jnp.mean((output - 1 + example["image"] + noise) ** 2)
        return {"negative": distance, "smooth": 0.1 * jnp.mean(jnp.diff(output, axis=0) ** 2)}

    def sample(self, params, example):
        return [example["image"], params(example["image"])]


class Slow(Images):
    """Pictures that take their time, so that a run can be killed in the middle."""

    def __getitem__(self, index):
        time.sleep(0.02)
        return super().__getitem__(index)


def losses(options):
    """Print, for every way, the losses of a few steps of SGD and the sum of all parameters after them."""
    found = {parallel: descent(parallel, options) for parallel in options.parallel}
    if jax.process_index() == 0:
        print(json.dumps({"devices": jax.device_count(), "ways": found}))


def descent(parallel, options):
    """Return the losses of a few steps, and the sum of all parameters after them."""
    recipe, optimizer = Negative(), optax.sgd(10.0)  # at 100 rounding is 7e-4 after eight steps
    data = batches({"image": open_images(options.data)}, SIZE, options.batch_size, 0)
    state = fresh(lambda: recipe.init(nnx.Rngs(1)), optimizer)
    loss_fn = jax.tree_util.Partial(Negative.loss, recipe)
    history: list[dict[str, float]] = []
    with Checkpoints(options.output, {"test": "losses"}) if options.output else nothing() as checkpoints:
        done = 0
        if checkpoints:
            done, state = checkpoints.restore(state, data)
        for step in islice(fit(state, loss_fn, data, optimizer, parallel, done=done), 4):
            history.append({name: float(value) for name, value in step.losses.items()})
            done, state = step.number, step.state
        if checkpoints:
            checkpoints.save(done, state, data)
    total = float(sum(jnp.sum(jnp.abs(leaf)) for leaf in jax.tree.leaves(state.params)))
    return {"losses": history, "parameters": total}


class nothing:  # noqa: N801
    def __enter__(self):
        return None

    def __exit__(self, *_):
        pass


def train(options):
    """Train in a folder."""
    images = open_images(options.data)
    sources = {"image": Slow(images.datasets) if options.slow else images}
    plan = Plan(
        steps=STEPS,
        batch_size=options.batch_size,
        size=SIZE,
        learning_rate=options.learning_rate,
        every=3,
    )
    options.output.mkdir(exist_ok=True)
    outcome = run(Negative(), sources, options.output, plan, {"encoder": "none"})
    print(json.dumps(outcome._asdict()))


def main():
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("losses", "run"))
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path, nargs="?")
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=100.0)
    parser.add_argument("--parallel", nargs="+", default=["jit"])
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--distributed", nargs=3)
    options = parser.parse_args()
    keep_programs()
    jax.config.update("jax_num_cpu_devices", options.devices)
    join(options.distributed)
    try:
        (losses if options.what == "losses" else train)(options)
    except InputError as error:
        print(error)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
