"""What a benchmark runs on: one device for both frameworks, its clock and memory, and processes of their own.

Memory on a CPU is that of the whole process, compilation included, as Linux tells it; on a GPU each
framework counts its own.
"""

import datetime
import os
import platform
import re
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

# Two frameworks share the GPU: neither may claim all of it at the start.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import torch

if not torch.cuda.is_available():  # then JAX stays off a GPU too
    jax.config.update("jax_platforms", "cpu")

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def on_gpu() -> bool:
    """Whether both frameworks compute on a GPU: not under `jax.default_device` of a CPU."""
    device = jax.config.jax_default_device or jax.devices()[0]  # pyright: ignore[reportAttributeAccessIssue]
    return torch.cuda.is_available() and device.platform == "gpu"


def torch_device() -> torch.device:
    return torch.device("cuda" if on_gpu() else "cpu")


def device_name() -> str:
    if on_gpu():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = re.sub(r"\((R|TM)\)", "", models[0]) if models else platform.machine()
    return f"{name}, {THREADS} cores"


def about() -> dict:
    """Return what every report says of its run; other load slows PyTorch more than JAX."""
    versions = {name: version(name) for name in ("jax", "jaxlib", "flax", "torch")}
    day = datetime.date.today().isoformat()
    versions |= {"Python": platform.python_version()}
    facts = {"device": device_name(), "date": day, "threads": THREADS, "versions": versions}
    return facts | {"load": os.getloadavg()[0], "flags": os.environ.get("XLA_FLAGS", "")}


def clock(function: Callable):
    """Return the seconds that a call takes, and what it returns."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def memory(kind: str) -> float:
    """Return "VmRSS" (now) or "VmHWM" (at most) of this process in MB: getrusage has the parent's peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(kind))


def peak(before: float, ours: bool) -> float:
    """Return the memory in MB that JAX if `ours`, else PyTorch, took at most; on a CPU more than `before`."""
    if not on_gpu():
        return memory("VmHWM") - before
    own = jax.devices()[0].memory_stats()["peak_bytes_in_use"] if ours else torch.cuda.max_memory_allocated()
    return own / 2**20
