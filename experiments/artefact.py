"""Artefacts: a figure or a table of a source, made again, its claims held against the numbers.

A file `experiments/<source>/<artefact>.py` opens with what it reproduces and has `make(run)`; its last lines
give it the command `python -m experiments.<source>.<artefact> --out DIR`. `Run` is what `make` works with: it
lends photograph, style and encoder, keeps what is made, and writes to DIR the pictures, `sheet.jpg` of them
all, and `provenance.json`, from which `jaxstyle verify` makes it again.

A tier says how much is done: `full` is the source's size and number of steps, `cpu` at most 128 px and 200
steps (minutes on two cores), `smoke` 64 px and 2 steps, where claims are computed and mean nothing.
"""

import argparse
import inspect
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import skimage.data

from jaxstyle import InputError, core, fit, read, weights, write
from jaxstyle.cli.provenance import circumstances, fingerprint, pixels
from jaxstyle.cli.run import on_a_device
from jaxstyle.core import Encoder, Image, Method
from jaxstyle.image import plot
from jaxstyle.image.io import replace
from jaxstyle.metrics import content_distance, gram_distance

DEMO = Path(__file__).parent / "demo"


class Tier(NamedTuple):
    """The most of pixels at the long edge, and of steps."""

    pixels: int
    steps: int


TIERS = {"smoke": Tier(64, 2), "cpu": Tier(128, 200), "full": Tier(4096, 10_000)}


class MissingError(InputError):
    """The weights of an artefact are not here."""


class Claim(NamedTuple):
    """What a source says, whether it holds here, and the numbers that tell."""

    statement: str
    agrees: bool
    numbers: str


@jax.jit
def _distances(encoder: Encoder, image: Image, content: Image, style: Image) -> dict[str, core.Scalar]:
    return {
        "content": content_distance(encoder, image, content),
        "style": gram_distance(encoder, image, style),
    }


class Run:
    """One making of an artefact; a photograph or a style that is given stands for the artefact's own."""

    def __init__(
        self,
        tier: str,
        seed: int = 0,
        content: Path | None = None,
        style: Path | None = None,
        encoder: str | None = None,
    ):
        self.tier, self.seed, self.given, self.chosen = tier, seed, (content, style), encoder
        self.pictures: dict[str, Image] = {}
        self.claims: list[Claim] = []
        self.rows: list[dict[str, Any]] = []
        self.made: dict[str, dict[str, Any]] = {}
        self.programs: dict[Any, Any] = {}
        self.networks: dict[str, Any] = {}

    def size(self, pixels: int) -> int:
        """Return a size of the source as the tier allows it."""
        return min(pixels, TIERS[self.tier].pixels)

    def steps(self, count: int) -> int:
        """Return a number of steps of the source as the tier allows it."""
        return min(count, TIERS[self.tier].steps)

    def photograph(self, size: int, name: str = "chelsea") -> Image:
        """Return the photograph, by default one of scikit-image's (CC0), and keep it."""
        return self.keep("content", fit(pictured(self.given[0], name), self.size(size)))

    def painting(self, size: int, name: str = "glass") -> Image:
        """Return the style, by default one of the demo's, or a photograph too, and keep it."""
        return self.keep("style", fit(pictured(self.given[1], name), self.size(size)))

    def encoder(self, *names: str) -> Any:
        """Return the encoder of the command line, or the first of `names` that there is."""
        names = (self.chosen,) if self.chosen else names or ("vgg19-lite",)
        return self.load(next((name for name in names if weights.find(name)), names[0]))

    def load(self, name: str) -> Any:
        """Return the network of the weights `name`; nothing is downloaded here."""
        if not weights.find(name):
            raise MissingError(f"needs the weights {name}: `jaxstyle weights fetch {name}` gets them")
        if name not in self.networks:
            self.networks[name] = weights.load(name)
        return self.networks[name]

    def keep(self, label: str, image: Image) -> Image:
        """Add a picture."""
        self.pictures[label] = image
        return image

    def stylize(self, label: str, method: Method, *given: Any) -> Image:
        """Make, add and return a picture; compiled apart, once for methods that differ in numbers alone.

        `given` are content, style and masks, as `core.styled` takes them.
        """
        arguments = (method, *given)
        leaves, structure = jax.tree.flatten(arguments)
        key = structure, tuple((jnp.shape(leaf), jnp.result_type(leaf)) for leaf in leaves)
        start = time.perf_counter()
        if key not in self.programs:
            self.programs[key] = jax.jit(core.styled).lower(*arguments).compile()
        middle = time.perf_counter()
        image = jax.block_until_ready(self.programs[key](*arguments))
        seconds = {"compile": middle - start, "run": time.perf_counter() - middle}
        before = next((name for name in reversed(self.pictures) if self.pictures[name] is given[0]), None)
        self.made[label] = {"method": repr(method), "before": before}
        self.made[label] |= {name: round(value, 4) for name, value in seconds.items()}
        return self.keep(label, image)

    def seconds(self, label: str) -> float:
        """Return how long a picture took, compiling apart."""
        return self.made[label]["run"]

    def curves(self, label: str, history: dict[str, list[float]]) -> None:
        """Add a plot of losses by step."""
        with tempfile.TemporaryDirectory() as folder:
            plot.curves(path := Path(folder) / "curves.png", history)
            self.keep(label, read(path))

    def distances(self, label: str, encoder: Encoder) -> dict[str, float]:
        """Return a picture's relative distances to content and style."""
        given = (self.pictures[name] for name in (label, "content", "style"))
        return {name: float(value) for name, value in _distances(encoder, *given).items()}

    def row(self, **numbers: Any) -> None:
        """Add a row to the artefact's table."""
        self.rows.append(numbers)
        print("  " + "  ".join(f"{name} {shown(value)}" for name, value in numbers.items()), flush=True)

    def column(self, name: str) -> list[Any]:
        """Return a column of the table."""
        return [row[name] for row in self.rows if name in row]

    def claim(self, statement: str, agrees: Any, numbers: Any) -> None:
        """Hold a statement of the source against the numbers, and print it."""
        told = numbers if isinstance(numbers, str) else ", ".join(shown(value) for value in numbers)
        self.claims.append(Claim(statement, bool(agrees), told))
        print(f"  {'agrees ' if agrees else 'differs'}  {statement}: {told}", flush=True)

    def facts(self) -> dict[str, Any]:
        """Return what is to be known of the run."""
        return {
            "tier": self.tier,
            "seed": self.seed,
            "claims": [claim._asdict() for claim in self.claims],
            "table": self.rows,
            "made": self.made,
            "weights": {name: fingerprint(weights.find(name)) for name in self.networks},
            "pictures": {label: pixels(image) for label, image in self.pictures.items()},
            **circumstances(),
        }


def pictured(given: Path | None, name: str) -> Image:
    """Return the picture of a file, else the style `name` of the demo, else a photograph of scikit-image."""
    if given or (DEMO / f"{name}.jpg").exists():
        return read(given or DEMO / f"{name}.jpg")
    return jnp.asarray(getattr(skimage.data, name)()[..., :3], jnp.float32) / 255


def shown(value: Any) -> str:
    """Return a number as people read it."""
    return value if isinstance(value, str) else f"{value:.4g}"


def falling(values: Iterable[float]) -> bool:
    """Tell whether every value is below the one before it."""
    return all(after < before for before, after in itertools.pairwise(values))


def file_of(out: Path, label: str) -> Path:
    """Return where a picture of an artefact lies."""
    return out / f"{label.replace('/', '-').replace(' ', '_')}.png"


def finished(run: Run, command: str, arguments: list[str], out: Path) -> dict[str, Any]:
    """Write what a run made; return its provenance."""
    out.mkdir(parents=True, exist_ok=True)
    for label, image in run.pictures.items():
        write(file_of(out, label), image)
    columns = min(4, len(run.pictures))
    write(out / "sheet.jpg", plot.sheet([*run.pictures.values()], [*run.pictures], columns))
    facts = {"command": command, "arguments": arguments} | run.facts()
    replace(out / "provenance.json", lambda path: path.write_text(json.dumps(facts, indent=1) + "\n"))
    return facts


def command(make: Callable[[Run], None]) -> None:
    """Run an artefact from the command line."""
    module = inspect.getmodule(make)
    assert isinstance(module, ModuleType) and module.__spec__
    parser = argparse.ArgumentParser(
        prog=f"python -m {module.__spec__.name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures and provenance.json")
    parser.add_argument("--tier", choices=TIERS, default="cpu", help="how much is done (cpu)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--content", type=Path, metavar="FILE", help="your photograph")
    parser.add_argument("--style", type=Path, metavar="FILE", help="your style")
    parser.add_argument("--encoder", metavar="NAME", help="weights to see by, instead of the artefact's own")
    options = parser.parse_args()
    try:
        with on_a_device():
            run = Run(options.tier, options.seed, options.content, options.style, options.encoder)
            make(run)
            finished(run, module.__spec__.name, sys.argv[1:], options.out)
    except InputError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
