"""Shared by all tests: synthetic encoders, small smooth images, a count of traces, real data where named."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from hashlib import sha256
from itertools import count
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import install_import_hook

ROOMS = ("api", "losses", "metrics", "smoothing", "statistics", "transforms")
install_import_hook([f"jaxstyle.{room}" for room in ROOMS], "shapes.checked")

from jaxstyle import weights  # noqa: E402
from jaxstyle.networks import VGG, squeezenet, vgg  # noqa: E402
from jaxstyle.statistics import kernels  # noqa: E402
from jaxstyle.weights import manifest  # noqa: E402

# Laws hold whatever the speed, and most of a test is compiling. Read when XLA compiles for the first time.
HASTE = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
HASTE += " --xla_cpu_parallel_codegen_split_count=1"  # two workers on two cores
os.environ.setdefault("XLA_FLAGS", HASTE)

TESTS = count(1)


def pytest_configure(config):
    """Let the workers, and the commands they start, share programs: one compiles what several tests run.

    They see no weights of the user's own cache, and Ctrl-C, which a shell lets its background jobs ignore.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory()
        config.add_cleanup(folder.cleanup)
        os.environ["JAXSTYLE_CACHE"] = f"{folder.name}/jaxstyle"
        kept = {"compilation_cache_dir": folder.name, "persistent_cache_min_compile_time_secs": 0.0}
        for name, value in kept.items():
            jax.config.update(f"jax_{name}", value)
            os.environ[f"JAX_{name.upper()}"] = str(value)


@pytest.fixture(autouse=True)
def _room_for_programs():
    """Forget programs now and then: compiling crashes when a process has all of Linux's 65,530 maps."""
    yield
    if next(TESTS) % 200 == 0:
        jax.clear_caches()


def picture(height: int, width: int, seed: int) -> jax.Array:
    """Return a smooth random image with a little noise, in [0, 1]."""
    generator = np.random.default_rng(seed)
    coarse = jnp.asarray(generator.random((5, 6, 3)), jnp.float32)
    noise = jnp.asarray(generator.random((height, width, 3)), jnp.float32)
    return 0.8 * jax.image.resize(coarse, (height, width, 3), "linear") + 0.2 * noise


def features(*shape: int, seed: int = 0) -> jax.Array:
    """Return normal random numbers."""
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def all_pairs(kernel, x, y):
    """Return a kernel of every pair of rows: what its feature map stands for."""
    if isinstance(kernel, kernels.Gaussian):
        return jnp.exp(-kernel.gamma * jnp.sum((x[:, None] - y) ** 2, axis=-1))
    return (x @ y.T) ** (2 if isinstance(kernel, kernels.Polynomial) else 1)


class Compiled:
    """A function, compiled; `traces` counts its programs."""

    def __init__(self, function: Callable):
        def counted(*arguments):
            self.traces += 1
            return function(*arguments)

        self.traces = 0
        self.run = jax.jit(counted)

    def __call__(self, *arguments):
        return self.run(*arguments)


@pytest.fixture(scope="session")
def content() -> jax.Array:
    return picture(40, 48, 1)


@pytest.fixture(scope="session")
def style() -> jax.Array:
    return picture(36, 52, 2)


@pytest.fixture(scope="session")
def small_vgg() -> VGG:
    """A VGG-16 on random weights, an eighth as wide."""
    return VGG(thin(vgg.random_parameters("vgg16", 0), 8), "torchvision")


@pytest.fixture(scope="session")
def bare_vgg() -> VGG:
    """One convolution a block, down to relu4_1, as wide as decoders ask for, on random weights."""
    parameters = vgg.random_parameters("vgg16", 0)
    chain = {f"conv{block}_1": parameters[f"conv{block}_1"] for block in (1, 2, 3, 4)}
    return VGG(chain, "torchvision")


@pytest.fixture(scope="session")
def small_squeezenet() -> squeezenet.SqueezeNet:
    return squeezenet.SqueezeNet(squeezenet.random_parameters(0), "torchvision")


def thin(parameters: dict, factor: int) -> dict:
    """Return the parameters with every `factor`-th channel only, rescaled to keep the variance."""
    thinned = {}
    for name, conv in parameters.items():
        step = 1 if name == "conv1_1" else factor
        kernel = conv["kernel"][:, :, ::step, ::factor] * np.sqrt(step)
        thinned[name] = {"kernel": kernel, "bias": conv["bias"][::factor]}
    return thinned


class Shelf:
    """A bundle, a folder and a cache of their own."""

    def __init__(self, root: Path):
        self.bundle, self.folder, self.cache = root / "bundle", root / "folder", root / "cache" / "weights"
        self.bundle.mkdir()
        self.folder.mkdir()
        shutil.copy(manifest.BUNDLE / "manifest.toml", self.bundle)

    def publish(self, name: str, content: bytes) -> str:
        """Let the manifest's file of `name` have this content; return the publisher's file name."""
        url = next(entry.url for entry in weights.entries() if entry.name == name)
        changed = f"{url.rpartition('-')[0]}-{sha256(content).hexdigest()[:8]}.pth"
        listed = self.bundle / "manifest.toml"
        listed.write_text(listed.read_text().replace(url, changed))
        return changed.rpartition("/")[2]


@pytest.fixture
def shelf(tmp_path, monkeypatch) -> Shelf:
    made = Shelf(tmp_path)
    monkeypatch.setattr(manifest, "BUNDLE", made.bundle)
    monkeypatch.setenv("JAXSTYLE_WEIGHTS", str(made.folder))
    monkeypatch.setenv("JAXSTYLE_CACHE", str(tmp_path / "cache"))
    return made


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """The folder of real weights; tests that need it run wherever JAXSTYLE_WEIGHTS names one."""
    return _folder("JAXSTYLE_WEIGHTS")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real pictures; tests that need it run wherever JAXSTYLE_DATA names one."""
    return _folder("JAXSTYLE_DATA")


def _folder(variable: str) -> Path:
    if variable not in os.environ:
        pytest.skip(f"{variable} is not set")
    return Path(os.environ[variable])
