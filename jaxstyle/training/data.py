"""Pictures for training: folders and tensorflow-datasets, as batches whose order is a function of the seed.

    images = open_images("photographs/")         or "coco/2017", or a prepared dataset's folder
    for batch in batches({"image": images}, size, batch_size, seed):
        ...                                      {"image": (b, size, size, 3) uint8}, endless

A folder is prepared once, by tensorflow-datasets into array_record files in the cache; a prepared
dataset is read as it is. Nothing imports TensorFlow, so a dataset whose preparation does (coco/2017)
has to be prepared elsewhere, with `file_format="array_record"`.

Example number k of epoch e is the same picture, cropped and mirrored the same way, for any number of
workers and hosts: Grain shuffles and augments by seed and index, and hosts take turns. A picture that
cannot be decoded is named, counted, and gives its place to the next.
"""

import hashlib
import io as streams
import os
import sys
import zlib
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import grain
import jax
import numpy as np
import tensorflow_datasets as tfds
from PIL import Image as Pillow

from jaxstyle.core import InputError
from jaxstyle.image import io
from jaxstyle.weights import cache

SMALLEST = 0.5  # a crop's side, at least this part of the short edge
THREADS = 16

tfds.disable_progress_bar()


class ImageFolder(tfds.core.GeneratorBasedBuilder):
    """The images of a folder and of the folders in it, corrupt ones left out."""

    VERSION = tfds.core.Version("1.0.0")
    MODULE_PATH_TO_IGNORE = ""

    def __init__(self, folder: Path, **options):
        self.folder = folder
        super().__init__(file_format="array_record", **options)

    def _info(self) -> tfds.core.DatasetInfo:
        features = {"image": tfds.features.Image(), "name": tfds.features.Text()}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        files, skipped = image_files(self.folder), 0
        for path in files:
            name = path.relative_to(self.folder).as_posix()
            try:
                pixels = io.decode(path, io.printable(name))
            except InputError as error:
                print(f"skipped {error}", file=sys.stderr)
                skipped += 1
                continue
            yield os.fsencode(name), {"image": _encoded(path, pixels), "name": io.printable(name)}
        if skipped:
            print(f"skipped {skipped} of {len(files)} images of {io.printable(self.folder)}", file=sys.stderr)


def _encoded(path: Path, pixels: np.ndarray) -> streams.BytesIO:
    """Return a JPEG as it is, anything else as PNG."""
    if path.suffix.lower() in (".jpg", ".jpeg"):
        return streams.BytesIO(path.read_bytes())
    packed = streams.BytesIO()
    Pillow.fromarray(io.to_bytes(pixels)).save(packed, "png")
    packed.seek(0)
    return packed


def image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder by name, those of folders in it too."""
    return sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in io.SUFFIXES and os.path.isfile(path)
    )


class Images:
    """A random-access source of decoded pictures, `(h, w, 3)` uint8, from one or several datasets.

    `skipped` maps the records that could not be decoded, so far, to why; the next good one stands in.
    """

    def __init__(self, datasets: Sequence[tuple[Any, str]]):
        """Take each dataset as records by index, and the name of the feature that is the picture."""
        self.datasets, self.skipped = datasets, {}

    def __len__(self) -> int:
        return sum(len(records) for records, _ in self.datasets)

    def _record(self, index: int) -> tuple[str, bytes]:
        for records, feature in self.datasets:
            if index < len(records):
                record = records[index]
                return record.get("name", b"").decode() or f"record {index}", record[feature]
            index -= len(records)
        raise IndexError(index)

    def __getitem__(self, index: int) -> np.ndarray:
        for step in range(len(self)):
            name, packed = self._record((index + step) % len(self))
            try:
                return io.to_bytes(io.decode(streams.BytesIO(packed), name))
            except InputError as error:
                if name not in self.skipped:
                    print(f"skipped {error}", file=sys.stderr)
                self.skipped[name] = str(error)
        raise InputError("none of the records is a picture that can be decoded")


def open_images(*names: str | Path) -> Images:
    """Open folders of images, prepared datasets' folders, or datasets of tensorflow-datasets by name.

    Raises `InputError` where there is none, or no image in it.
    """
    return Images([_dataset(name) for name in names])


def _dataset(name: str | Path) -> tuple[Any, str]:
    path = Path(name)
    if os.path.isfile(path):
        raise InputError(f"{path}: is a file; a folder of images was expected")
    if path.is_absolute() and not os.path.isdir(path):  # no dataset's name begins like that
        raise InputError(f"{path}: there is no such folder")
    builder: Any
    if not os.path.isdir(path):
        builder = _named(str(name))
    elif found := _prepared(path):
        builder = tfds.builder_from_directory(found)
    else:
        builder = _folder(path)
    features = [key for key, kind in builder.info.features.items() if isinstance(kind, tfds.features.Image)]
    if not features:
        raise InputError(f"{name}: the dataset has no images")
    decoders = {features[0]: tfds.decode.SkipDecoding()}
    try:
        return builder.as_data_source(split="train", decoders=decoders), features[0]
    except (NotImplementedError, ValueError, KeyError) as error:
        again = 'prepare it again with file_format="array_record"'
        raise InputError(f"{name}: cannot be read record by record ({_line(error)}); {again}") from error


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _prepared(folder: Path) -> Path | None:
    """Return the latest prepared dataset in a folder, which may be that of one of its versions."""
    found = [folder, *sorted(folder.glob("*/"), reverse=True)]
    return next((path for path in found if os.path.isfile(path / "dataset_info.json")), None)


def _named(name: str):
    """Return the builder of a dataset of tensorflow-datasets, prepared now if it was not."""
    root = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()
    if found := _prepared(root / name):
        return tfds.builder_from_directory(found)
    try:
        builder = tfds.builder(name, file_format="array_record")
        builder.download_and_prepare()
    except ImportError as error:
        ways = f'prepare it where TensorFlow is, with file_format="array_record", into {root}'
        raise InputError(f"{name}: its preparation needs TensorFlow; {ways}") from error
    except Exception as error:  # whatever a dataset's own code may raise
        raise InputError(
            f"{name}: neither a folder nor a dataset that can be prepared ({_line(error)})"
        ) from error
    return builder


def _folder(folder: Path) -> ImageFolder:
    """Return the builder of a folder of images, prepared in the cache for as long as it does not change."""
    files = image_files(folder)
    if not files:
        raise InputError(f"{folder}: no images in it ({' '.join(io.SUFFIXES)})")
    stamps = [f"{path.relative_to(folder)} {(s := path.stat()).st_size} {s.st_mtime_ns}" for path in files]
    digest = hashlib.sha256(os.fsencode("\n".join([str(folder.resolve()), *stamps]))).hexdigest()[:16]
    builder = ImageFolder(folder, data_dir=cache() / "datasets" / digest)
    if not (Path(builder.data_dir) / "dataset_info.json").exists():
        what = f"{len(files)} images of {io.printable(folder)}"
        print(f"preparing {what} in {builder.data_dir}", file=sys.stderr)
        try:
            with redirect_stdout(streams.StringIO()):
                builder.download_and_prepare()
        except FileExistsError:  # another process was faster: its records are the same
            return ImageFolder(folder, data_dir=Path(builder.data_dir).parents[1])
        except OSError as error:
            raise InputError(f"{builder.data_dir}: cannot be written ({error.strerror or error})") from error
        except AssertionError as error:  # "No examples were yielded."
            raise InputError(f"{folder}: none of its {len(files)} images can be read") from error
    return builder


class Crop(grain.transforms.RandomMap):
    """Take a square at a random place and scale, mirrored or not, as `size` pixels a side."""

    def __init__(self, size: int):
        self.size = size

    def random_map(self, element: np.ndarray, rng: np.random.Generator) -> np.ndarray:  # pyright: ignore
        image = Pillow.fromarray(element)
        short = min(image.size)
        side = int(rng.integers(min(max(self.size, round(SMALLEST * short)), short), short + 1))
        left, top = (int(rng.integers(0, edge - side + 1)) for edge in image.size)
        box = (left, top, left + side, top + side)
        square = np.asarray(image.resize((self.size, self.size), Pillow.Resampling.BICUBIC, box))
        return np.ascontiguousarray(square[:, :: rng.choice([-1, 1])])


def examples(images: Images, size: int, seed: int, name: str = "image") -> grain.MapDataset:
    """Return the endless series of crops of the pictures of a source, in a new order each epoch.

    Of one seed every source has an order and crops of its own.
    """
    stream = np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(1)[0]
    return grain.MapDataset.source(images).seed(int(stream)).shuffle().repeat().random_map(Crop(size))


def pictures(images: Images, size: int, seed: int, name: str = "image") -> grain.MapDataset:
    """Return the same series in [0, 1]: `(size, size, 3)` float32."""
    return examples(images, size, seed, name).map(lambda crop: crop / np.float32(255))


def batches(sources: Mapping[str, Images], size: int, batch_size: int, seed: int) -> grain.DatasetIterator:
    """Return the endless batches of this host: `{name: (b, size, size, 3) uint8}`, b its share.

    Raises `InputError` if there are fewer pictures than a batch takes, or hosts do not divide it, and
    for a seed that is negative or of more than 32 bits.
    """
    if not 0 <= seed < 2**32:
        raise InputError(f"seed {seed} is not from 0 to {2**32 - 1}")
    hosts, host = jax.process_count(), jax.process_index()
    for name, images in sources.items():
        if len(images) < batch_size:
            raise InputError(f"{name}: {len(images)} pictures are fewer than a batch of {batch_size}")
    if batch_size % hosts:
        raise InputError(f"a batch of {batch_size} cannot be shared by {hosts} hosts: take a multiple")
    streams = {name: examples(images, size, seed, name) for name, images in sources.items()}
    first = next(iter(streams.values()))
    together = first.map_with_index(lambda index, _: {name: s[index] for name, s in streams.items()})
    shared = together.slice(slice(host, None, hosts)).batch(batch_size // hosts, drop_remainder=True)
    return iter(shared.to_iter_dataset(grain.ReadOptions(THREADS, THREADS)))
