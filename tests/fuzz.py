"""Damaged files given to every reader: 10,000 of them, by hand, as it takes minutes.

    python -m tests.fuzz [--inputs N] [--only NAME ...]        or `make fuzz`

Each input is a valid file after a few edits: bytes overwritten, inserted, removed, moved, or replaced by what
parsers stumble over. It passes if every outcome is success or `InputError`, each within a minute. A reader is
a row of `READERS`. What a container guards by a checksum or a length is a row of its own, edited before it is
packed.
"""

import argparse
import io
import json
import os
import pickle
import signal
import struct
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from flax import nnx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from jaxstyle import weights
from jaxstyle.cli.checkpoint import Checkpoint
from jaxstyle.cli.sinks import Losses
from jaxstyle.cli.verify import facts_of
from jaxstyle.core import InputError, ResumeState, Snapshot
from jaxstyle.image import io as images
from jaxstyle.image.labels import place_styles, read_painting
from jaxstyle.networks.decoders import Decoders
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.networks.vgg import VGG, random_parameters
from jaxstyle.weights import numpyfile, torchfile
from tests.test_torchfile import dump, legacy, tensor, zipped

SECONDS = 60  # for one input
CONV = {"0.weight": tensor(size=(64, 3, 3, 3), stride=(0,) * 4), "0.bias": tensor(size=(64,), stride=(0,))}
STUMBLES = [
    b"null",
    b"true",
    b"NaN",
    b"1e999",
    b"-1",
    b"0",
    b"9" * 30,
    b"{}",
    b"[]",
    b'""',
    b'"x"',
    b"\\ud800",
]
STUMBLES += [b"\x00" * 8, b"\xff" * 8, b"F8_E4M3", b"BF16", b"[" * 2000, b"\n", b"\\u0000"]


class Reader(NamedTuple):
    """A reader of files: their suffix, what makes valid ones, what reads one, what packs edited content."""

    suffix: str
    examples: Callable[[Path], Iterable[bytes]]
    read: Callable[[Path], Any]
    pack: Callable[[bytes], bytes] = bytes


def networks(folder: Path) -> Iterator[bytes]:
    """Give small files of weights of several families."""
    few = {name: random_parameters("vgg16", 0)[name] for name in ("conv1_1", "conv1_2")}
    made = TransformNet(2, 1, rngs=nnx.Rngs(0)), Decoders((1, 2), (2, 3), rngs=nnx.Rngs(0))
    for network in (*made, VGG(few, "torchvision")):
        weights.save(path := folder / "made.safetensors", network, {"encoder": "vgg19-lite"})
        yield path.read_bytes()


def headers(folder: Path) -> Iterator[bytes]:
    """Give the headers of the same files."""
    for content in networks(folder):
        (length,) = struct.unpack("<Q", content[:8])
        yield content[8 : 8 + length]


def headed(header: bytes) -> bytes:
    """Return a file of weights with a header."""
    ends = [int(end) for end in header.replace(b"]", b",").split(b",") if end.isdigit() and len(end) < 7]
    return struct.pack("<Q", len(header)) + header + bytes(max(ends, default=0))


def pickled(content: bytes) -> bytes:
    """Return a PyTorch file around a pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/data/0", bytes(48))
    return file.getvalue()


def arrays(folder: Path) -> Iterator[bytes]:
    """Give pickles of arrays in nested dictionaries."""
    for protocol in (3, 4):
        yield pickle.dumps({"net": {"kernel": np.ones((3, 2), np.float32)}, "head": np.zeros(2)}, protocol)


def checkpoint(folder: Path) -> Checkpoint:
    """Return the checkpoint of a method and pictures, of which nothing but the fingerprints count."""
    return Checkpoint(folder, "a method", ("pictures",), Losses())  # pyright: ignore


def checkpoints(folder: Path) -> Iterator[bytes]:
    """Give the checkpoint of a descent."""
    made, image = checkpoint(folder), np.ones((4, 5, 3), np.float32)
    made.losses.by_name = {"loss": [1.0, 0.5], "gram": [1.0, 0.5]}
    made.save(Snapshot(2, 2, image, {}, ResumeState(2, [image, np.zeros((), np.int32)])))  # pyright: ignore
    yield made.file.read_bytes()


def provenances(folder: Path) -> Iterator[bytes]:
    """Give what is known of a picture, and of an artefact."""
    command = {"command": "reinhard", "arguments": ["reinhard", "a.png", "b.png", "--output", "c.png"]}
    for more in ({"pixels": "0" * 64, "steps": 3, "of_steps": 3}, {"pictures": {"a": "0" * 64}}):
        yield json.dumps(command | more).encode()


def pictures(*formats: str) -> Callable[[Path], Iterator[bytes]]:
    """Return what gives a small picture of two colours in all modes of some formats."""
    dots = np.random.default_rng(0).integers(0, 2, (12, 16, 1), np.uint8)
    picture = Image.fromarray(
        np.where(dots, np.asarray([255, 0, 0], np.uint8), np.asarray([0, 0, 255], np.uint8))
    )

    def make(folder: Path) -> Iterator[bytes]:
        for name in formats:
            for mode in ("RGB", "L") if name in ("jpeg", "bmp") else ("RGB", "L", "P", "RGBA", "1"):
                picture.convert(mode).save(file := io.BytesIO(), name)
                yield file.getvalue()

    return make


READERS = {
    "weights": Reader(".safetensors", networks, lambda path: weights.load(str(path))),
    "headers of weights": Reader(".safetensors", headers, lambda path: weights.load(str(path)), headed),
    "PyTorch": Reader(".pth", lambda _: [zipped(CONV), legacy(CONV)], torchfile.read),
    "pickles of PyTorch": Reader(".pth", lambda _: [dump(CONV)], torchfile.read, pickled),
    "pickles of arrays": Reader(".ckpt", arrays, numpyfile.read),
    "ports": Reader(
        ".pth",
        lambda _: [dump(CONV)],
        lambda path: weights.port(path, "vgg19", f"{path}.safetensors"),
        pickled,
    ),
    "checkpoints": Reader(".safetensors", checkpoints, lambda path: checkpoint(path.parent).load(True)),
    "provenance": Reader(".json", provenances, facts_of),
    "images": Reader("", pictures("png", "jpeg", "webp", "gif", "tiff", "bmp", "avif"), images.open_picture),
    "masks": Reader(".png", pictures("png", "gif"), lambda path: place_styles(read_painting(path), 2)),
}


class Edit(NamedTuple):
    """Bytes for those at a place: for so many, by default as many as they are."""

    place: int  # modulo the length
    removed: int | None
    inserted: bytes | int  # or the place of those that are copied


PLACES = st.one_of(st.integers(0, 64), st.integers(0, 2**20))
LENGTHS = st.sampled_from([None] * 8 + [0, 0, 1, 2, 8, 2**20])
INSERTED = st.one_of(st.binary(max_size=8), st.sampled_from(STUMBLES), PLACES)
EDITS = st.lists(st.builds(Edit, PLACES, LENGTHS, INSERTED), min_size=1, max_size=4)


def edited(content: bytes, edits: list[Edit]) -> bytes:
    """Return content after edits."""
    for edit in edits:
        place = edit.place % (len(content) + 1)
        inserted = edit.inserted
        if isinstance(inserted, int):
            inserted = content[inserted % (len(content) + 1) :][:16]
        removed = len(inserted) if edit.removed is None else edit.removed
        content = content[:place] + inserted + content[place + removed :]
    return content


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise `TimeoutError` where something takes longer."""

    def stop(number, frame):
        raise TimeoutError(f"more than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def fuzzed(reader: Reader, inputs: int) -> Counter[str]:
    """Give a reader damaged files; return how often which outcome was, and raise any but the two."""
    outcomes: Counter[str] = Counter()
    quiet = {"database": None, "deadline": None, "derandomize": True, "phases": [Phase.generate]}
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

    with tempfile.TemporaryDirectory() as folder:
        examples = [*reader.examples(Path(folder))]
        path = Path(folder) / f"checkpoint{reader.suffix}"

        @settings(max_examples=inputs, suppress_health_check=checks, **quiet)
        @given(st.sampled_from(range(len(examples))), EDITS)
        def law(index: int, edits: list[Edit]) -> None:
            path.write_bytes(reader.pack(edited(examples[index], edits)))
            try:
                with limited(SECONDS), redirect_stderr(io.StringIO()):
                    reader.read(path)
                outcomes["read"] += 1
            except InputError:
                outcomes["refused"] += 1

        cast(Any, law)()  # Hypothesis gives the arguments
    return outcomes


def main() -> int:
    """Run all readers, or some; return 1 if any did anything else than to read or refuse."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="of all readers together (10000)")
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS), metavar="NAME")
    options = parser.parse_args()
    os.environ["JAXSTYLE_MAX_PIXELS"] = "1000000"
    warnings.simplefilter("ignore")
    broken = 0
    for name in options.only:
        try:
            found = fuzzed(READERS[name], -(-options.inputs // len(options.only)))
            print(f"{name:20} {found['read']:6} read  {found['refused']:6} refused", flush=True)
        except Exception as error:
            broken = 1
            print(f"{name:20} {type(error).__name__}: {error}", *getattr(error, "__notes__", ()), flush=True)
    return broken


if __name__ == "__main__":
    sys.exit(main())
