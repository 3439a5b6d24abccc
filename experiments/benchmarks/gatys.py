"""How fast is a step of Gatys' method, compiled by jaxstyle and written by hand in PyTorch?

    python -m experiments.benchmarks.gatys --out DIR [--sizes 256 512] [--weights NAME | synthetic]

The same weights, images and loss (`Gatys()`: relative content + 10 x relative Gram), the same L-BFGS
(rate 1, 100 pairs, no line search) from the content. Both sides must first agree on the loss and its
gradient at full precision. All variants then run in one process and take turns, a chunk of steps each,
so that what slows the machine down slows all of them; each optimises its own image. Medians, with the
fastest and the slowest round. On a GPU both sides compute in TF32 by default, but for jaxstyle's Gram
matrices, which are exact float32.

Expected: the best PyTorch takes at least 1.1 times as long for a step as jaxstyle. Two CPU cores:
about 20 minutes for 256 and 512 px; `--memory` runs every variant once more, in a process of its own.
"""

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path

# Two frameworks share the GPU: neither may claim all of it at the start.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import numpy as np
import torch
from PIL import Image, ImageOps

from experiments.benchmarks.report import OURS, compare, text, write
from experiments.benchmarks.torch_gatys import CHANNELS_LAST, TorchGatys, set_up
from jaxstyle import weights
from jaxstyle.core import InputError
from jaxstyle.methods import Gatys
from jaxstyle.methods.descent import evaluate
from jaxstyle.networks import VGG
from jaxstyle.networks.vgg import random_parameters
from jaxstyle.solvers import LBFGS

TOLERANCE, CHUNK = 1e-4, 10
MODULE = "experiments.benchmarks.gatys"
COMPILED = "PyTorch compiled, channels_last"
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def on_gpu():
    """Whether both frameworks see a GPU."""
    return torch.cuda.is_available() and jax.default_backend() == "gpu"


@jax.jit
def _evaluate(encoder, loss, image):
    return jax.value_and_grad(lambda image: evaluate(encoder, loss, image)[0])(image)


class Jaxstyle:
    """The method as `descend` runs it."""

    def __init__(self, method, images, chunk):
        self.method, self.chunk = method, chunk
        self.content, style, self.probe = (jax.numpy.asarray(image) for image in images)
        self.target = jax.jit(Gatys.prepare)(method, style)
        self.loss = jax.jit(Gatys.loss)(method, self.content, self.target)

    def evaluate(self):
        return jax.block_until_ready(_evaluate(self.method.encoder, self.loss, self.probe))

    def restart(self):
        self.snapshots = self.method.descend(self.content, self.target, self.chunk)
        jax.block_until_ready(next(self.snapshots).image)

    def advance(self):
        return next(self.snapshots).history["loss"].tolist()


def load(name):
    """Return the encoder `name`, or a VGG-19 of random weights."""
    if name == "synthetic":
        return VGG(random_parameters("vgg19", 0), "torchvision")
    encoder = weights.load(name)
    if not isinstance(encoder, VGG):
        raise InputError(f"the PyTorch side knows VGG only, and {name} is {type(encoder).__name__}")
    return encoder


def picture(size, seed):
    """Return noise: smooth colour fields for seed 0, the next seeds with ever more texture."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) + 1 / size
    noise = np.random.default_rng(seed).standard_normal((size, size, 3))
    spectrum = np.fft.rfft2(noise, axes=(0, 1)) * frequency[..., None] ** (0.6 * seed - 2)
    field = np.fft.irfft2(spectrum, (size, size), (0, 1))
    return np.clip(0.5 + 0.2 * field / field.std(), 0, 1).astype(np.float32)


def read(path, size):
    image = ImageOps.fit(Image.open(path).convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    return np.asarray(image, np.float32) / 255


def pictures(options, size):
    """Return content, style and the image halfway, where neither loss is zero."""
    content, style = (
        read(path, size) if path else picture(size, seed)
        for seed, path in enumerate((options.content, options.style))
    )
    return content, style, (content + style) / 2


def variants(options, size):
    """Return how to build each variant, by name."""
    chunk = max(count for count in range(1, CHUNK + 1) if options.steps % count == 0)
    method = Gatys(load(options.weights), solver=LBFGS(options.steps))
    images, device = pictures(options, size), torch.device("cuda" if on_gpu() else "cpu")
    theirs = partial(TorchGatys, method, images, chunk, device)
    eager = {
        OURS: partial(Jaxstyle, method, images, chunk),
        "PyTorch eager": theirs,
        "PyTorch eager, channels_last": partial(theirs, layout=CHANNELS_LAST),
    }
    compiled = partial(theirs, layout=CHANNELS_LAST, wrap=partial(torch.compile, dynamic=False))
    return eager if options.smoke else eager | {COMPILED: compiled}


def check(options):
    """Compare loss and gradient at full precision and 128 px; return the largest relative error."""
    set_up(THREADS, fast=False)
    with jax.default_matmul_precision("highest"):
        results = [build().evaluate() for name, build in variants(options, 128).items() if name != COMPILED]
    own, *others = [[np.asarray(part.tolist()) for part in result] for result in results]
    # The median of the pixels: where rounding decides a maximum, the gradient around it jumps.
    error = lambda a, b: float(np.median(np.abs(a - b)) / np.sqrt(np.mean(b**2)))
    worst = max(error(a, b) for other in others for a, b in zip(other, own, strict=True))
    assert worst < TOLERANCE, f"the two sides do not compute the same: relative error {worst:.1e}"
    set_up(THREADS)
    return worst


def clock(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def crashes(name):
    """Tell how a small run of the variant ends in a process of its own, where it ends badly.

    torch.compile may take the whole process down: 2.13 does, in the gradient of a reflected border.
    """
    try:
        peak_apart(64, name)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [""]
        return f"a run of its own ended with code {error.returncode}: {lines[-1][:100]}"
    return None


def begin(name, build):
    """Return a variant, compiled and back at its start, and its record; None where compilation fails."""
    if name == COMPILED and (failure := crashes(name)):
        return None, {"failure": failure}
    try:
        variant = build()
        gradient, _ = clock(variant.evaluate)
        variant.restart()
        chunk, _ = clock(variant.advance)
        return variant, {"first": {"gradient": gradient, "chunk": chunk}}
    except Exception as error:  # of which kind, differs between versions and causes
        if name != COMPILED:
            raise
        return None, {"failure": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:100]}"}


def measure(options, size):
    """Time all variants in turns; return their records by name."""
    begun = {name: begin(name, build) for name, build in variants(options, size).items()}
    running = {name: (variant, record) for name, (variant, record) in begun.items() if variant}
    for variant, record in running.values():
        variant.restart()
        record |= {"gradient": [], "step": [], "loss": []}
    for _ in range(options.repeats):
        for variant, record in running.values():
            record["gradient"].append(clock(variant.evaluate)[0])
    while len(running[OURS][1]["loss"]) < options.steps:
        for variant, record in running.values():
            seconds, losses = clock(variant.advance)
            record["step"].append(seconds / len(losses))
            record["loss"] += losses
    return {name: record for name, (_, record) in begun.items()}


def memory(kind):
    """Return "VmRSS" (now) or "VmHWM" (at most) of this process in MB: getrusage has the parent's peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(kind))


def peak(options, size, name):
    """Run one variant to the end; return the memory in MB that it took at most, compilation included."""
    before, variant = memory("VmRSS"), variants(options, size)[name]()
    variant.restart()
    for _ in range(options.steps // variant.chunk):
        variant.advance()
    if on_gpu():
        own = jax.devices()[0].memory_stats()["peak_bytes_in_use"]
        return (own if name == OURS else torch.cuda.max_memory_allocated()) / 2**20
    return memory("VmHWM") - before


def peak_apart(size, name):
    """Return the `peak` of a fresh process with the same options."""
    command = [sys.executable, "-m", MODULE, *sys.argv[1:], "--peak", str(size), name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def device_name(gpu):
    if gpu:
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {THREADS} cores"


def parse(arguments):
    parser = argparse.ArgumentParser(prog="experiments.benchmarks.gatys")
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="sides in pixels")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=7, help="rounds of the loss and gradient alone")
    parser.add_argument("--weights", default="vgg19-normalised", help="a name, or synthetic")
    parser.add_argument("--content", type=Path, help="a picture; default: made of noise")
    parser.add_argument("--style", type=Path, help="a picture; default: made of noise")
    parser.add_argument("--memory", action="store_true", help="measure the peak memory too (Linux)")
    parser.add_argument("--smoke", action="store_true", help="64 px, 5 steps, no torch.compile: does it run?")
    parser.add_argument("--peak", nargs=2, metavar=("SIZE", "NAME"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.smoke:
        options.sizes, options.steps, options.repeats = [64], 5, 2
    return options


def main(arguments=None):
    options = parse(arguments)
    gpu = on_gpu()
    set_up(THREADS)
    if not gpu:  # both on the CPU, also where only one of them sees a GPU
        jax.config.update("jax_default_device", jax.devices("cpu")[0])
    if options.peak:
        print(peak(options, int(options.peak[0]), options.peak[1]))
        return
    versions = {name: version(name) for name in ("jax", "jaxlib", "flax", "torch")}
    about = {"device": device_name(gpu), "date": datetime.date.today().isoformat(), "threads": THREADS}
    about |= {"versions": versions | {"Python": platform.python_version()}, "weights": options.weights}
    about |= {"steps": options.steps, "error": check(options)}
    sizes = {size: measure(options, size) for size in options.sizes}
    for size, records in sizes.items() if options.memory else ():
        for name, record in records.items():
            record |= {} if "failure" in record else {"peak": peak_apart(size, name)}
    report = about | {"sizes": {size: {"variants": sizes[size]} | compare(sizes[size]) for size in sizes}}
    options.out.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", about["device"].lower()).strip("-")
    write(options.out / f"gatys-{slug}.json", json.dumps(report, indent=1) + "\n")
    write(options.out / f"gatys-{slug}.md", text(about, sizes))
    print(text(about, sizes))


if __name__ == "__main__":
    main()
