"""The law of options: each does something, is refused in one line, or is not offered.

Every option that a method itself has is given, and the whole command runs; those that all commands share are
given to one method of each kind. What it leaves is compared with what it leaves without the option, or with
another value of it: an option that does nothing gives the same for both. So that this is quick, commands get
small networks with random parameters, look at one layer where they would look at many, and make few steps.
"""

import json
from functools import cache
from itertools import pairwise

import jax
import numpy as np
import pytest
from flax import nnx
from PIL import Image

from jaxstyle import cli, forecast, weights
from jaxstyle.cli import build
from jaxstyle.core import Method
from jaxstyle.image import io
from jaxstyle.methods import METHODS, TABLE, Gatys
from jaxstyle.methods.colors import ColorTransfer
from jaxstyle.methods.descent import Descent
from jaxstyle.networks import VGG
from jaxstyle.networks.decoders import Decoder, Decoders
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.networks.linear import LinearTransfer
from jaxstyle.networks.unpooling import Unpooling, thin
from jaxstyle.networks.vgg import WIDTHS, conv_names

VALUES = {  # what to give an option so that it shows
    "--alpha": "0.3",
    "--checkpoint": "kept",
    "--content-layers": "relu1_2",
    "--content-mask": "turned.png",
    "--content-weight": "7",
    "--depth": "16",
    "--detail": "0.1",
    "--frames": "frames",
    "--history": "losses.png",
    "--init": "noise",
    "--json": "",
    "--keep-color": "luminance",
    "--layers": "relu1_1",
    "--learning-rate": "0.3",
    "--levels": "2",
    "--memory": "1kB",
    "--mix": "1 3",
    "--overwrite": "",
    "--pairs": "1",
    "--paint-steps": "1",
    "--passes": "1",
    "--patch": "1",
    "--photo-weight": "0",
    "--places": "decoder",
    "--preset": "author",
    "--pyramid": "1",
    "--pull": "0.8",
    "--quality": "20",
    "--quiet": "",
    "--refine": "2",
    "--resume": "",
    "--rotations": "1",
    "--seed": "5",
    "--shard": "",
    "--share": "0.2",
    "--size": "40",
    "--sizes": "1",
    "--smooth": "guided",
    "--optimizer": "adam",
    "--steps": "2",
    "--strength": "0.9",
    "--style-layers": "relu1_2",
    "--style-loss": "moments",
    "--style-mask": "turned.png",
    "--style-size": "40",
    "--style-weight": "0",
    "--temperature": "0.1",
    "--tile": "16",
    "--tv-weight": "9",
    "--wct-levels": "1",
    "--whitening": "cholesky",
}
GOES_WITH = {  # what makes room for an option and, where it is costly without, another value of it
    "--content-mask": "--content-mask halves.png --style-mask halves.png",
    "--mix": "other.png --mix 3 1",
    "--pairs": "--tv-weight 9",  # else a few steps from noise are the same with any number of pairs
    "--style-mask": "--content-mask halves.png --style-mask halves.png",
}
ONE_LAYER = "--encoder encoder.safetensors --steps 4 --content-layers relu1_1 --style-layers relu1_1"
ONE_LEVEL = "--encoder encoder.safetensors --levels 1 --weights"
QUICK = {  # what makes a method quick
    **dict.fromkeys(("gatys", "mrf", "mmd", "deep-photo", "reconstruct"), ONE_LAYER),
    **dict.fromkeys(("nnst", "strotss"), "--encoder encoder.safetensors --steps 4 --style-layers relu1_1"),
    "dream": "--encoder encoder.safetensors --steps 4 --layers relu1_2",
    **dict.fromkeys(("wct", "histogram", "optimal", "style-swap"), f"{ONE_LEVEL} decoders.safetensors"),
    "photo-wct": f"{ONE_LEVEL} unpooling.safetensors --smooth none",
    "adain": "--encoder encoder.safetensors --weights decoder.safetensors",
    "linear": "--encoder encoder.safetensors --weights linear.safetensors",
    "wct2": "--encoder encoder.safetensors --weights wavelets.safetensors",
    "johnson": "--weights johnson.safetensors",
    "pitie": "--rotations 2",
    "gpdm": "--patch 3 --passes 2 --rotations 2",
}
OWN_VALUES = {  # where those of `VALUES` would not do
    ("mmd", "--preset"): "linear",
    ("style-swap", "--preset"): "paper",
    ("wct", "--preset"): "pytorch",
    ("reconstruct", "--init"): "content",  # it starts from noise
    ("dream", "--optimizer"): "lbfgs",  # it has Adam
}
ROOM = {  # what makes room for an option of one method
    ("dream", "--pairs"): "--optimizer lbfgs",
    ("deep-photo", "--preset"): "--paint-steps 1",  # of 1000
    ("nnst", "--alpha"): "--pyramid 4",
}
KINDS = ("gatys", "adain", "johnson", "reinhard")  # by steps, a decoder, one network a style, of colours
OUTPUTS = {"--quality": "out.jpg", "--overwrite": "photo.png"}  # the last is read, too


def offered(*names: str) -> set[str]:
    """Return the options of a command."""
    command = cli.application()
    for name in names:
        command = command[name]
    every = {each.name for each in command.assemble_argument_collection() if each.show}
    return every - {"--output", "--pictures", "--style"}


@pytest.fixture(autouse=True)
def _room_for_programs():
    """Forget programs after each test, of which each has dozens: see `conftest`."""
    yield
    jax.clear_caches()


@pytest.fixture(autouse=True)
def _no_forecasts(monkeypatch):
    """Let commands not tell how fast the machine is, nor what noise will do: it takes longer than they do."""
    monkeypatch.setattr(forecast, "rates", lambda: (1e9, 1e9))
    monkeypatch.setattr(ColorTransfer, "remarks", Method.remarks)


@pytest.fixture(autouse=True)
def _quick_refinement(monkeypatch):
    """Refine by what one layer sees."""
    one = {"relu1_1": 1.0}
    quick = lambda encoder, steps: Gatys(
        encoder, steps=steps, pyramid=(), content_layers=one, style_layers=one
    )
    monkeypatch.setattr(build, "refinement", quick)


def untrained(make):
    """Return a network with random parameters, those too that training starts at zero."""
    generator = np.random.default_rng(0)

    def drawn(leaf) -> np.ndarray:
        deviation = (2 / np.prod(leaf.shape[:-1])) ** 0.5 if leaf.ndim > 1 else 0.1
        return generator.normal(0, deviation, leaf.shape).astype(np.float32)

    return jax.tree.map(drawn, jax.eval_shape(make))


def darker(network):
    """Return a network with smaller parameters."""
    return jax.tree.map(lambda leaf: 0.9 * leaf, network)


def small_encoder() -> VGG:
    """Return VGG-19 down to relu4_1, its convolutions of rank 16."""
    names = conv_names("vgg19")[:9]
    widths = [3, *(WIDTHS[int(name[4]) - 1] for name in names)]
    parameters = {}
    for name, pair in zip(names, pairwise(widths), strict=True):
        conv = thin(nnx.Rngs(0), *pair, 16)
        parameters[name] = {part: getattr(conv, part)[...] for part in ("kernel", "bias", "lift")}
    return VGG(parameters, "torchvision")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with pictures of smooth noise, a mask of two halves, and weights that nobody trained."""
    path, generator = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name in ("photo.png", "style.png", "other.png"):
        small = Image.fromarray(generator.integers(0, 255, (6, 8, 3), np.uint8))
        small.resize((48, 36), Image.Resampling.BICUBIC).save(path / name)
    halves = np.zeros((36, 48, 3), np.uint8)
    halves[:, :20, 0], halves[:, 20:, 2] = 255, 255
    Image.fromarray(halves).save(path / "halves.png")
    Image.fromarray(halves[:, ::-1]).save(path / "turned.png")
    networks = {
        "encoder": untrained(small_encoder),
        "decoder": untrained(lambda: Decoder(4, (16, 16, 16, 16), rngs=nnx.Rngs(0))),
        "decoders": untrained(lambda: Decoders((1, 2), (16, 16), rngs=nnx.Rngs(0))),
        "linear": untrained(lambda: LinearTransfer(1, 16, (16,), rngs=nnx.Rngs(0))),
        "unpooling": untrained(lambda: Unpooling(2, "max", (16, 16), rngs=nnx.Rngs(0))),
        "wavelets": untrained(lambda: Unpooling(2, "cat", (16, 16), rngs=nnx.Rngs(0))),
        "johnson": untrained(lambda: TransformNet(16, 0, rngs=nnx.Rngs(0))),
    }
    for name, network in networks.items():
        weights.save(path / f"{name}.safetensors", network, {})
        weights.save(path / f"darker_{name}.safetensors", darker(network), {})
    return path


class Run:
    """What a command left: its exit code, its lines on stderr, the files that it wrote and its picture."""

    def __init__(self, folder, place, capsys, words: list[str], output: str):
        place.mkdir()
        written = {"kept", "frames", "losses.png", output}
        if (folder / output).exists():
            (place / output).write_bytes((folder / output).read_bytes())
        where = lambda word: place if word in written else folder
        files = {*(path.name for path in folder.iterdir()), *written}
        words = [str(where(word) / word) if word in files else word for word in words]
        try:
            self.code = cli.main([*words, "--output", str(place / output)])
        except SystemExit as stop:
            self.code = stop.code
        said, self.error = capsys.readouterr()
        self.result = None
        if self.code == 0:
            picture = io.open_picture(place / output)
            facts = json.loads((place / f"{output}.provenance.json").read_text())
            tiled = "Tiled" in facts["method"]
            files = sorted(path.name for path in place.iterdir())
            self.result = (picture.image.tobytes(), picture.depth, tiled, files, said, bool(self.error))


def check(option: str, base: Run, other: Run) -> None:
    """Fail unless an option changes what a command leaves, or is refused in one line."""
    assert base.code == (2 if option == "--overwrite" else 0), (option, base.error)
    if other.code == 0:
        assert other.result != base.result, f"{option} does nothing"
    else:
        assert (base.code, other.code) == (0, 2), (option, other.error)
        assert other.error.count("\n") == 1, (option, other.error)


def runner(folder, place, capsys):
    """Return a function that runs a command, each once."""

    @cache
    def remembered(words: tuple[str, ...], output: str) -> Run:
        own = place / str(len(list(place.iterdir())))
        return Run(folder, own, capsys, [*words], output)

    return lambda words, output: remembered(tuple(words), output)


def quick(name: str, option: str = "") -> list[str]:
    """Return a quick command of a method, with room for an option."""
    pictures = ["photo.png", *([] if not TABLE[name].needs_style else ["style.png"])]
    room = ROOM.get((name, option), GOES_WITH.get(option, ""))
    if option == "--seed" and issubclass(METHODS[name], Descent):
        room = "--init noise"
    return [name, *pictures, *room.split(), *QUICK.get(name, "").split()]


def leaving_out(option: str, words: list[str]) -> list[str]:
    """Return words without an option and what it is given."""
    if option not in words:
        return words
    place = words.index(option)
    following = next((i for i, word in enumerate(words) if i > place and word.startswith("--")), len(words))
    return words[:place] + words[following:]


def value_of(name: str, option: str, before: list[str]) -> list[str]:
    """Return what to give an option: of weights others than before."""
    if option in ("--weights", "--encoder"):
        return [f"darker_{before[before.index(option) + 1]}"]
    return OWN_VALUES.get((name, option), VALUES[option]).split()


@pytest.mark.parametrize("name", METHODS)
def test_every_option_does_something_or_is_refused(name, folder, tmp_path, capsys):
    run = runner(folder, tmp_path, capsys)
    shared = {*offered("reinhard"), "--checkpoint", "--frames", "--history"} - {"--alpha"}
    for option in sorted(offered(name) - (set() if name in KINDS else shared)):
        output, without = OUTPUTS.get(option, "out.png"), quick(name, option)
        given = [*leaving_out(option, without), option, *value_of(name, option, without)]
        check(option, run(without, output), run(given, output))


@pytest.mark.parametrize("name", METHODS)
def test_a_picture_that_is_read_is_overwritten_only_if_asked(name, folder, tmp_path, capsys):
    photo = tmp_path / "own.png"
    photo.write_bytes((folder / "photo.png").read_bytes())
    words = [str(tmp_path / "own.png") if word == "photo.png" else word for word in quick(name)]
    words = [str(folder / word) if word == "style.png" else word for word in words]
    link = tmp_path / "link.png"
    link.symlink_to(photo)
    for output in (photo, link, tmp_path / "x" / ".." / "own.png"):
        (tmp_path / "x").mkdir(exist_ok=True)
        assert cli.main([*words, "--output", str(output)]) == 2
        assert "is what is read" in capsys.readouterr().err
    assert photo.read_bytes() == (folder / "photo.png").read_bytes()
    if name == "reinhard":
        assert cli.main([*words, "--output", str(photo), "--overwrite"]) == 0
        assert photo.read_bytes() != (folder / "photo.png").read_bytes()


def test_what_cannot_be_tiled_is_refused_before_steps_that_can(folder, tmp_path, capsys):
    words = [*quick("deep-photo"), "--tile", "16", "--paint-steps", "1"]
    refused = Run(folder, tmp_path / "run", capsys, words, "out.png")
    assert (refused.code, refused.error.count("\n")) == (2, 1), refused.error
    assert "needs the whole image at once" in refused.error


SWEEPS = {
    "--draws": ("2", "--search alpha=0.1:1"),
    "--over": ("alpha=0.2,0.7", "--over alpha=0.1,0.8"),
    "--search": ("alpha=0.2:1", "--search alpha=0.1:1 --draws 2"),
    "--seed": ("4", "--search alpha=0.1:1 --draws 2"),
    "--json": ("", "--over alpha=0.1,0.8"),
    "--overwrite": ("", "--over alpha=0.1,0.8"),
    "--quiet": ("", "--over alpha=0.1,0.8"),
    "--quality": ("20", "--over alpha=0.1,0.8"),
    "--size": ("40", "--over alpha=0.1,0.8"),
    "--style-size": ("40", "--over alpha=0.1,0.8"),
    "--smooth": ("guided", "--over alpha=0.1,0.8"),
    "--alpha": ("0.5", "--over alpha=0.1,0.8"),
    "--rotations": ("2", "--over alpha=0.1,0.8"),
}


def test_every_option_of_a_sweep_does_something_or_is_refused(folder, tmp_path, capsys):
    assert offered("sweep", "pitie") == SWEEPS.keys()
    run = runner(folder, tmp_path, capsys)
    for option, (value, base) in SWEEPS.items():
        output = OUTPUTS.get(option, "out.png")
        common = ["sweep", "pitie", "photo.png", "style.png"]
        again = [] if option in ("--over", "--search") else base.split()
        without = run([*common, *base.split()], output)
        check(option, without, run([*common, *again, option, *value.split()], output))
