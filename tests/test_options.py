"""The law of options: each does something, is refused in one line, or is not offered."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from jaxstyle import cli, weights
from jaxstyle.cli import sweep
from jaxstyle.cli.parser import Parser
from jaxstyle.cli.stylize import STYLELESS, add_method
from jaxstyle.core import Method
from jaxstyle.image import io
from jaxstyle.methods import METHODS
from jaxstyle.methods.descent import Descent

VALUES = {  # what to give an option so that it shows
    "--alpha": "0.3",
    "--checkpoint": "kept",
    "--content-layers": "relu1_1",
    "--content-mask": "halves.png",
    "--content-weight": "7",
    "--depth": "16",
    "--encoder": "other.safetensors",
    "--frames": "frames",
    "--history": "losses.png",
    "--init": "noise",
    "--keep-color": "luminance",
    "--layers": "relu1_1",
    "--learning-rate": "0.3",
    "--levels": "1",
    "--memory": "64GB",
    "--mix": "1 3",
    "--pairs": "1",
    "--paint-steps": "1",
    "--patch": "1",
    "--photo-weight": "0",
    "--places": "decoder",
    "--preset": "author",
    "--pyramid": "1",
    "--quality": "20",
    "--rotations": "1",
    "--seed": "5",
    "--shard": "",
    "--size": "40",
    "--smooth": "guided",
    "--solver": "adam",
    "--steps": "3",
    "--style-layers": "relu1_1",
    "--style-loss": "moments",
    "--style-mask": "halves.png",
    "--style-size": "40",
    "--style-weight": "0",
    "--tile": "16",
    "--tv-weight": "9",
    "--way": "cholesky",
    "--weights": "network.safetensors",
}
GOES_WITH = {  # what makes room for an option, and is there without it too
    "--content-mask": "other.png",
    "--mix": "other.png",
    "--pairs": "--solver lbfgs --steps 3",
    "--preset": "--encoder vgg19-lite",
    "--pyramid": "--size 80",
}
PRESETS = {"mmd": "linear", "wct": "pytorch"}
QUICK = {  # what makes a method quick
    **dict.fromkeys(("wct", "photo-wct", "histogram", "style-swap"), "--levels 2"),
    "johnson": "--weights johnson-ink",
}
ALWAYS = {"-h", "--output", "--overwrite"}  # the last has a test of its own
STARTS = {"reconstruct": "content"}  # of what starts from noise


def options_of(parser) -> set[str]:
    return {action.option_strings[0] for action in parser._actions if action.option_strings} - ALWAYS


def offered(name: str) -> set[str]:
    """Return the options of a method's command."""
    return options_of(add_method(Parser().add_subparsers(), name, METHODS[name]))


def family(name: str) -> type:
    """Return what methods share that do the same with the same options; a class of its own is alone."""
    method = METHODS[name]
    base = next((METHODS[other] for other in METHODS if METHODS[other] in method.__mro__[1:]), method)
    return base if base.__base__ is Method else base.__base__


def tried(name: str) -> list[str]:
    """Return the options to try: those that the first of a family has are tried there."""
    first = next(other for other in METHODS if family(other) == family(name))
    return sorted(offered(name) - (offered(first) if first != name else set()))


@pytest.fixture(autouse=True)
def _room_for_programs():
    """Forget programs after each test, of which each has dozens: see `conftest`."""
    yield
    jax.clear_caches()


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
    weights.save(path / "other.safetensors", darker(weights.load("vgg19-lite")), {})
    return path


def darker(network):
    """Return a network with smaller parameters."""
    return jax.tree.map(lambda leaf: 0.9 * leaf, network)


class Run:
    """What a command left: its exit code, its lines on stderr, the files that it wrote and its picture."""

    def __init__(self, folder, place, capsys, words: list[str], output: str):
        place.mkdir()
        where = lambda word: place if word in ("kept", "frames", "losses.png") else folder
        files = {*(path.name for path in folder.iterdir()), "kept", "frames", "losses.png"}
        words = [str(where(word) / word) if word in files else word for word in words]
        try:
            self.code = cli.main([*words, "--output", str(place / output)])
        except SystemExit as stop:
            self.code = stop.code
        self.error = capsys.readouterr().err
        self.files = sorted(path.name for path in place.iterdir())
        if self.code == 0:
            picture = io.open_picture(place / output)
            facts = json.loads((place / f"{output}.provenance.json").read_text())
            tiled = any(name in facts["method"] for name in ("Tiled", "Windowed"))
            planned = "about " in self.error
            self.result = (picture.image.tobytes(), picture.depth, tiled, planned, self.files)


def quick(name: str) -> list[str]:
    pictures = ["photo.png", *([] if METHODS[name] in STYLELESS else ["style.png"])]
    return [name, *pictures, *QUICK.get(name, "").split()]


@pytest.mark.parametrize("name", METHODS)
def test_every_option_does_something_or_is_refused(name, folder, tmp_path, capsys):
    runs = {}

    def run(words: list[str], output: str) -> Run:
        key = (*words, output)
        if key not in runs:
            runs[key] = Run(folder, tmp_path / str(len(runs)), capsys, words, output)
        return runs[key]

    for option in tried(name):
        special = {"--preset": PRESETS, "--init": STARTS}.get(option, {})
        value = special.get(name, VALUES[option])
        output = "out.jpg" if option == "--quality" else "out.png"
        without = [*quick(name)]
        more = GOES_WITH.get(option, "").split()
        if option == "--seed" and issubclass(METHODS[name], Descent):
            more = ["--init", "noise"]
        without[2:2] = [word for word in more if word.endswith(".png")]
        without += [word for word in more if not word.endswith(".png")]
        if issubclass(METHODS[name], Descent) and "--steps" not in without:
            without += ["--steps", "2"]
        base = run(without, output)
        assert base.code == 0, (option, base.error)
        changed = [*without]
        if option in changed:
            del changed[changed.index(option) : changed.index(option) + 2]
        other = run([*changed, option, *value.split()], output)
        if other.code == 0:
            assert other.result != base.result, f"{name} {option} does nothing"
        else:
            assert other.code == 2, (option, other.error)
            assert other.error.count("\n") == 1, (option, other.error)


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
        assert "is the picture that is read" in capsys.readouterr().err
    assert photo.read_bytes() == (folder / "photo.png").read_bytes()
    if name == "reinhard":
        assert cli.main([*words, "--output", str(photo), "--overwrite"]) == 0
        assert photo.read_bytes() != (folder / "photo.png").read_bytes()


SWEEPS = {
    "--draws": ("2", "--search alpha=0.1:1"),
    "--over": ("alpha=0.2,0.7", "--over alpha=0.1,0.8"),
    "--search": ("alpha=0.2:1", "--search alpha=0.1:1 --draws 2"),
    "--seed": ("4", "--search alpha=0.1:1 --draws 2"),
    "--quality": ("20", "--over alpha=0.1,0.8"),
    "--size": ("40", "--over alpha=0.1,0.8"),
    "--style-size": ("40", "--over alpha=0.1,0.8"),
    "--smooth": ("guided", "--over alpha=0.1,0.8"),
    "--alpha": ("0.5", "--over alpha=0.1,0.8"),
    "--rotations": ("2", "--over alpha=0.1,0.8"),
}


def test_every_option_of_a_sweep_does_something_or_is_refused(folder, tmp_path, capsys):
    names = Parser().add_subparsers()
    sweep.add(names)
    (every,) = [
        action.choices for action in names.choices["sweep"]._actions if isinstance(action.choices, dict)
    ]
    assert options_of(every["pitie"]) == SWEEPS.keys()
    for number, (option, (value, base)) in enumerate(SWEEPS.items()):
        output = "out.jpg" if option == "--quality" else "out.png"
        common = ["sweep", "pitie", "photo.png", "style.png"]
        without = Run(folder, tmp_path / f"base{number}", capsys, [*common, *base.split()], output)
        again = [] if option in ("--over", "--search") else base.split()
        other = Run(folder, tmp_path / f"other{number}", capsys, [*common, *again, option, value], output)
        assert without.code == 0
        assert other.code == 2 or other.result != without.result, option
