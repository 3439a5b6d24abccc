"""Laws of the weights: by every way the same network, and one line about a file that is not sound."""

import io
import json
import struct
from pathlib import Path

import jax
import ml_dtypes
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from test_parameters import random_network, random_tensors, same, torchvision_state
from test_torchfile import storage, tensor, zipped

from jaxstyle import weights
from jaxstyle.core import InputError
from jaxstyle.weights import download
from jaxstyle.weights.parameters import ENCODERS

VGG19 = {"network": "vgg19", "flavour": "torchvision"}
TENSORS = random_tensors("vgg19", 2)


def flat(network) -> dict[str, np.ndarray]:
    """Return the parameters of a network by the names that they have in a file."""
    found = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(network):
        words = [str(getattr(key, "name", getattr(key, "key", ""))) for key in path]
        found[".".join(word for word in words if word not in ("", "value"))] = np.asarray(leaf)
    for ours, theirs in (("squeeze", "squeeze1x1"), ("point", "expand1x1"), ("square", "expand3x3")):
        found = {key.replace(f".{ours}.", f".{theirs}."): value for key, value in found.items()}
    return found


def write_torch(path: Path, state: dict[str, np.ndarray]) -> Path:
    """Write a PyTorch file without PyTorch."""
    root, data = {}, {}
    for key, (name, array) in enumerate(state.items()):
        data[str(key)] = array = np.ascontiguousarray(array)
        stride = tuple(step // array.itemsize for step in array.strides)
        root[name] = tensor(storage("Float", str(key), array.size), 0, array.shape, stride)
    path.write_bytes(zipped(root, data))
    return path


def refused(match: str, function, *arguments) -> None:
    with pytest.raises(InputError, match=match) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)


# The manifest and where files lie


def test_manifest():
    listed = weights.entries()
    assert len({entry.file for entry in listed}) == len(listed)
    for entry in listed:
        assert entry.licence and entry.source and entry.file.endswith(".safetensors")
        if entry.network in weights.TRAINED:
            assert isinstance(weights.load(entry.name), weights.TRAINED[entry.network])
        else:
            assert entry.flavour in ENCODERS[entry.network].FLAVOURS
        if entry.url:
            assert entry.url.startswith("https://") and int(entry.original[-12:-4], 16) and entry.megabytes


def test_the_bundled_encoder_reaches_relu5_1():
    assert weights.load("vgg19-lite").layers[-1] == "relu5_1"


def test_looks_into_bundle_folder_and_cache_in_this_order(shelf):
    entry = next(entry for entry in weights.entries() if entry.name == "vgg19-torchvision")
    assert (entry.where, entry.size, weights.find("vgg19-torchvision")) == ("to download", 575, None)
    shelf.cache.mkdir(parents=True)
    places = {"cache": shelf.cache, "folder": shelf.folder, "bundled": shelf.bundle}
    for number, (where, folder) in enumerate(places.items()):
        tensors = random_tensors("vgg19", 1) | {"conv1_1.bias": np.full(64, number, np.float32)}
        save_file(tensors, folder / entry.file, VGG19)
        assert entry.where == where and weights.find("vgg19-torchvision") == folder / entry.file
        assert flat(weights.load("vgg19-torchvision"))["conv1_1.bias"][0] == number
    assert 0 < entry.size < 1 and "bundled" in str(entry)


def test_missing_everywhere_says_where_and_what_to_do(shelf):
    name, looked = "vgg19-normalised", f"is not in {shelf.bundle}, {shelf.folder}, {shelf.cache} and"
    refused(f"{looked} .*weights port FILE --name {name}`, or use vgg19-lite", weights.load, name)
    assert {entry.where for entry in weights.entries()} == {"missing", "to download"}


def test_the_folder_must_exist(shelf, monkeypatch):
    monkeypatch.setenv("JAXSTYLE_WEIGHTS", "/nowhere")
    refused("JAXSTYLE_WEIGHTS is /nowhere: there is no such folder", weights.load, "vgg19-torchvision")


@pytest.mark.parametrize("function", [weights.load, weights.fetch, weights.find])
def test_unknown_name_gets_the_nearest(function):
    refused("unknown weights 'vgg19-light': did you mean 'vgg19-lite'", function, "vgg19-light")


# Safetensors


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ml_dtypes.bfloat16])
def test_loads_a_path_whatever_the_precision(tmp_path, dtype):
    tensors = TENSORS | {"conv1_2.kernel": np.ones((3, 3, 64, 5)), "conv1_2.lift": np.ones((5, 64))}
    tensors = {key: array.astype(dtype) for key, array in tensors.items()}
    save_file(tensors, tmp_path / "x.safetensors", VGG19 | {"flavour": "caffe"})
    loaded = weights.load(str(tmp_path / "x.safetensors"))
    assert loaded.flavour == "caffe" and loaded.layers[-1] == "relu1_2"
    same(flat(loaded), tensors)


def test_refuses_unsound_tensors(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file(TENSORS | {"conv1_2.bias": np.full(64, np.nan)}, path, VGG19)
    refused(f"^{path}: conv1_2.bias has numbers that are not finite", weights.load, str(path))


def test_the_manifest_stands_for_metadata_and_the_classifier_is_ignored(shelf):
    tensors = random_tensors("squeezenet", 1)
    stored = tensors | {"conv10.bias": np.ones(1000, np.float16)}
    save_file(stored, shelf.folder / "squeezenet1_1.safetensors")
    loaded = weights.load("squeezenet-caffe")
    assert loaded.flavour == "caffe"
    same(flat(loaded), tensors)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"network": "vgg19"},
        VGG19 | {"network": "vgg11"},
        VGG19 | {"flavour": "x"},
        {"flavour": "caffe"},
    ],
)
def test_a_path_must_name_network_and_flavour(tmp_path, metadata):
    path = tmp_path / "x.safetensors"
    save_file(random_tensors("vgg19", 1), path, metadata)
    refused(f"^{path}: no known network and flavour in its metadata", weights.load, str(path))


def test_a_file_cannot_pass_for_another(shelf):
    save_file(random_tensors("vgg19", 1), shelf.folder / "vgg16-397923af.safetensors", VGG19)
    refused("holds vgg19 torchvision, not vgg16 torchvision", weights.load, "vgg16-torchvision")


def test_refuses_damaged_files(tmp_path):
    path = tmp_path / "x.safetensors"
    refused(f"^{path}: there is no such file", weights.load, str(path))
    save_file(random_tensors("vgg19", 2), path, VGG19)
    content = path.read_bytes()
    for damaged in (b"", content[:5], content[:100], content[:-1], content[:-1000], content[1:], bytes(200)):
        path.write_bytes(damaged)
        refused(f"^{path}: damaged, or no safetensors file", weights.load, str(path))
    path.write_bytes(content.replace(b'"F32"', b'"F8_E4M3"'))
    refused(f"^{path}: damaged", weights.load, str(path))
    path.unlink()
    path.mkdir()
    refused(f"^{path}: there is no such file", weights.load, str(path))


NUMBERS = bytes(8)


def headed(header: dict | str, content: bytes = NUMBERS) -> bytes:
    """Return a safetensors file of a header, whatever it says."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text)) + text + content


def described(kind: str, shape: list, end: int = len(NUMBERS)) -> dict:
    return {"__metadata__": VGG19, "conv1_1.bias": {"dtype": kind, "shape": shape, "data_offsets": [0, end]}}


ODD = {
    "float8": (described("F8_E4M3", [8]), "conv1_1.bias is of type F8_E4M3, which NumPy has not: convert it"),
    "other float8": (described("F8_E5M2", [8]), "conv1_1.bias is of type F8_E5M2, which NumPy has not"),
    "float4": (described("F4", [16]), "conv1_1.bias is of type F4, which NumPy has not"),
    "unknown type": (described("F12", [8]), "damaged"),
    "whole numbers": (described("I32", [2]), "lacks conv1_1.kernel of vgg19"),
    "negative shape": (described("F32", [-2]), "damaged"),
    "enormous shape": (described("F32", [2**40, 2**40]), "damaged"),
    "not covered": (described("F32", [1], 4), "damaged"),
    "beyond the end": (described("F32", [4], 16), "damaged"),
    "shape of other length": (described("F32", [3]), "damaged"),
    "metadata of numbers": ({"__metadata__": {"network": 1}}, "damaged"),
    "metadata in a row": ({"__metadata__": ["network"]}, "damaged"),
    "no object": ("[]", "damaged"),
    "no JSON": ("{", "damaged"),
    "metadata twice": ('{"__metadata__": {}, "__metadata__": {}}', "damaged"),
}


@pytest.mark.parametrize("case", ODD)
def test_an_odd_header_is_one_line(tmp_path, case):
    header, message = ODD[case]
    (path := tmp_path / "x.safetensors").write_bytes(headed(header))
    refused(f"^{path}: {message}", weights.load, str(path))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("[1]", "no configuration that can be read"),
        ("5", "no configuration that can be read"),
        ("[" * 100_000, "no configuration that can be read"),
        ('{"width": 1e9}', "no configuration of TransformNet"),
        ('{"width": -3}', "no configuration of TransformNet"),
        ('{"width": 0}', "no configuration of TransformNet"),
        ('{"width": true}', "no configuration of TransformNet"),
        ('{"width": {}}', "no configuration of TransformNet"),
        ('{"seed": 1}', "no configuration of TransformNet"),
        ('{"residuals": 100000000}', "no configuration of TransformNet"),
        ('{"width": 3}', "lacks .* of TransformNet"),
    ],
)
def test_an_odd_configuration_is_one_line(tmp_path, config, message):
    path = tmp_path / "x.safetensors"
    save_file({}, path, {"network": "johnson", "config": config})
    refused(f"^{path}: .*{message}", weights.load, str(path))


def test_a_path_of_another_kind_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("photo.png", "net.pth", "bare"):
        Path(name).write_bytes(b"x")
        refused(f"{name}: is no .safetensors file.* `jaxstyle weights port FILE", weights.load, name)
    refused("is a folder; name a .safetensors file", weights.load, str(tmp_path))
    for name in ("nowhere.pth", "no/where", f"{'long' * 99}.safetensors"):
        refused(f"{name}: there is no such file", weights.load, name)


def test_an_encoder_is_an_encoder(tmp_path):
    assert weights.load_encoder("vgg19-lite").layers
    refused("adain: holds a Decoder, which is no encoder", weights.load_encoder, "adain")


def views(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the same arrays, each laid out backwards in memory."""
    return {name: np.asfortranarray(array)[::-1].copy("K")[::-1] for name, array in tensors.items()}


def test_arrays_are_written_whatever_their_layout(tmp_path):
    seen = views(TENSORS)
    assert not seen["conv1_2.kernel"].flags.c_contiguous
    (path := tmp_path / "x.safetensors").write_bytes(weights.packed(seen, VGG19 | {"flavour": "caffe"}))
    same(flat(network := weights.load(str(path))), TENSORS)
    weights.save(path, jax.tree.map(lambda leaf: np.asfortranarray(leaf), network), {})
    same(flat(weights.load(str(path))), TENSORS)


# PyTorch files


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    """A PyTorch file of VGG-19 that ends early."""
    return write_torch(tmp_path / "x.pth", torchvision_state("vgg19", TENSORS))


def test_ports_into_the_cache(shelf, tmp_path):
    tensors = random_network("squeezenet")
    path = write_torch(tmp_path / "x.pth", torchvision_state("squeezenet", tensors))
    written = weights.port(path, "squeezenet")
    assert written.parent == shelf.cache and list(shelf.cache.iterdir()) == [written]
    same(flat(weights.load("squeezenet")), tensors)
    with safe_open(written, "numpy") as file:
        assert file.metadata() == {"network": "squeezenet", "flavour": "torchvision"}


def test_ports_to_a_file(shelf, checkpoint, tmp_path):
    written = weights.port(checkpoint, "vgg19-torchvision", tmp_path / "y.safetensors")
    same(flat(weights.load(str(written))), TENSORS)
    assert written == tmp_path / "y.safetensors" and not shelf.cache.exists()


def test_port_must_know_what_it_is_given(shelf, checkpoint, tmp_path):
    refused("say --name, one of vgg19-lite, vgg19, ", weights.port, checkpoint)
    for name in ("johnson-ink", "wct-decoders", "photo-wct"):
        refused(
            f"{name} was trained by this project: there is nothing to port", weights.port, checkpoint, name
        )
    refused("did you mean 'vgg19'", weights.port, checkpoint, "vgg91")
    refused(
        "the name must end in one of .safetensors",
        weights.port,
        checkpoint,
        "vgg19-torchvision",
        tmp_path / "y.pth",
    )
    refused(
        "there is no such folder",
        weights.port,
        checkpoint,
        "vgg19-torchvision",
        tmp_path / "no" / "y.safetensors",
    )
    assert not shelf.cache.exists()


def test_port_refuses_unsound_files(shelf, checkpoint, tmp_path):
    refused(f"{checkpoint}: fire2.squeeze1x1.kernel is", weights.port, checkpoint, "squeezenet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    refused(f"{checkpoint} is damaged or not a PyTorch file", weights.port, checkpoint, "vgg19-torchvision")
    for name, missing in (("vgg19-torchvision", "y.pth"), (None, "vgg19-dcbb9e9d.pth")):
        refused(f"{tmp_path / missing}", weights.port, tmp_path / missing, name)
    assert not list(shelf.cache.iterdir())


def test_a_publishers_file_is_ported_when_read(shelf, checkpoint):
    content = checkpoint.read_bytes()
    original = shelf.folder / shelf.publish("vgg19-torchvision", content)
    original.write_bytes(content)
    assert weights.find("vgg19-torchvision") == original
    same(flat(weights.load("vgg19-torchvision")), TENSORS)
    assert weights.port(original).parent == shelf.cache
    original.write_bytes(content[:-100])
    refused(f"{original.name}: incomplete or altered", weights.load, "vgg19-torchvision")


def test_an_interrupted_port_leaves_the_old_file(shelf, checkpoint, monkeypatch):
    def stop(path, content):
        with path.open("wb") as file:
            file.write(content[:100])
        raise KeyboardInterrupt

    old = weights.port(checkpoint, "vgg19-torchvision").read_bytes()
    write_torch(checkpoint, torchvision_state("vgg19", random_tensors("vgg19", 1)))
    monkeypatch.setattr(Path, "write_bytes", stop)
    with pytest.raises(KeyboardInterrupt):
        weights.port(checkpoint, "vgg19-torchvision")
    assert [file.read_bytes() for file in shelf.cache.iterdir()] == [old]


# Downloads


class Answer(io.BytesIO):
    """What a server answers in small pieces; after the first it raises `stop`, if given."""

    def __init__(self, url: str, content: bytes, stop: BaseException | None = None):
        super().__init__(content)
        self.url, self.headers, self.stop = url, {"Content-Length": str(len(content))}, stop

    def read(self, size: int | None = -1) -> bytes:
        if self.stop and self.tell():
            raise self.stop
        return super().read(100)


@pytest.fixture
def content(checkpoint) -> bytes:
    return checkpoint.read_bytes()


@pytest.mark.parametrize("progress", [True, False])
def test_downloads_checks_ports_and_keeps(shelf, content, monkeypatch, capsys, progress):
    asked, published = [], shelf.publish("vgg19-torchvision", content)
    monkeypatch.setattr(download, "urlopen", lambda url, timeout: asked.append(url) or Answer(url, content))
    written = weights.fetch("vgg19-torchvision", progress)
    assert weights.fetch("vgg19-torchvision") == written == weights.find("vgg19-torchvision")
    same(flat(weights.load("vgg19-torchvision")), TENSORS)
    assert asked == [f"https://download.pytorch.org/models/{published}"]
    assert list(shelf.cache.iterdir()) == [written]
    printed = capsys.readouterr()
    assert not printed.out and ("downloading" in printed.err) == progress


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError("the line is dead"),
            "https://.*vgg19-.*: cannot be downloaded .the line is dead.*weights port",
        ),
        (TimeoutError("timed out"), "cannot be downloaded .timed out"),
        (KeyboardInterrupt("stop"), "stop"),
        (None, "vgg19-dcbb9e9d.pth: incomplete or altered .its sha256 begins with"),
    ],
)
def test_a_failed_download_leaves_nothing(shelf, content, monkeypatch, error, message):
    monkeypatch.setattr(download, "urlopen", lambda url, timeout: Answer(url, content, error))
    with pytest.raises((InputError, KeyboardInterrupt), match=message):
        weights.load("vgg19-torchvision")
    assert list(shelf.cache.iterdir()) == []


def test_downloads_by_https_only(shelf, content, monkeypatch):
    shelf.publish("vgg19-torchvision", content)
    monkeypatch.setattr(download, "urlopen", lambda url, timeout: Answer("http://elsewhere/x.pth", content))
    refused("leads to http://elsewhere/x.pth, which is not https", weights.fetch, "vgg19-torchvision")
    assert list(shelf.cache.iterdir()) == []


def test_without_a_network_there_is_one_line(shelf):
    listed = shelf.bundle / "manifest.toml"
    listed.write_text(listed.read_text().replace("download.pytorch.org", "127.0.0.1:9"))
    refused("https://127.0.0.1:9/.*cannot be downloaded .*weights port", weights.fetch, "vgg16-torchvision")


def test_a_cache_that_cannot_be_made(shelf, monkeypatch):
    (shelf.folder / "file").touch()
    monkeypatch.setenv("JAXSTYLE_CACHE", str(shelf.folder / "file"))
    refused(str(shelf.folder / "file"), weights.fetch, "vgg19-torchvision")


# Real files


@pytest.mark.parametrize(("name", "last"), [("vgg19-normalised", "relu4_1"), ("squeezenet-caffe", "fire9")])
def test_loads_real_weights(real_weights, name, last):
    loaded = weights.load(name)
    assert str(weights.find(name)).startswith(str(real_weights)) and loaded.layers[-1] == last
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(loaded))


def test_ports_a_real_file_to_the_last_bit(real_weights, tmp_path):
    path = real_weights / "vgg_normalised_conv3_1.pth"
    ported = weights.load(str(weights.port(path, "vgg19-normalised", tmp_path / "x.safetensors")))
    assert ported.layers[-1] == "relu3_1"
    expected = flat(weights.load("vgg19-normalised"))
    same(flat(ported), {key: expected[key] for key in flat(ported)})
