"""The command: what it writes, and that bad input gets one line, exit code 2, and nothing half-written."""

import json
import signal

import numpy as np
import pytest
from PIL import Image

from jaxstyle import cli
from jaxstyle.cli import stylize
from jaxstyle.methods.descent import Descent


@pytest.fixture
def folder(tmp_path):
    """A folder with a photograph, a style, and an older result."""
    generator = np.random.default_rng(0)
    for name in ("photo.png", "style.png"):
        small = Image.fromarray(generator.integers(0, 255, (6, 8, 3), np.uint8))
        small.resize((80, 60), Image.Resampling.BICUBIC).save(tmp_path / name)
    (tmp_path / "old.png").write_text("before")
    return tmp_path


def opened(path):
    """Return the pixels and the text chunks of a picture."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")), image.info


def gatys(folder, *options, content="photo.png", style="style.png", output="old.png"):
    names = [str(folder / name) for name in (content, style)]
    return cli.main(["gatys", *names, "--output", str(folder / output), "--size", "48", *options])


def test_a_run_writes_the_image_its_settings_and_its_evolution(folder, capsys):
    plot, frames = folder / "losses.png", folder / "frames"
    assert gatys(folder, "--steps", "6", "--history", str(plot), "--frames", str(frames)) == 0
    image, text = opened(folder / "old.png")
    assert image.shape == (36, 48, 3)
    facts = json.loads((folder / "old.png.provenance.json").read_text())
    assert json.loads(text["jaxstyle"]) == facts
    assert facts["steps"] == 6
    assert len(facts["weights"]["vgg19-lite"]["sha256"]) == 64
    assert opened(plot)[0].shape[1] > 100
    assert [path.name for path in sorted(frames.iterdir())] == ["0000.png", "0001.png"]
    np.testing.assert_array_equal(opened(frames / "0001.png")[0], image)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    assert capsys.readouterr().out == ""


def test_options_reach_the_method():
    options = "c s --output o.png --preset icfp --encoder vgg19-lite --style-weight 3 --steps 5 --init noise"
    options += " --seed 7 --style-layers relu1_1,relu3_1=0.5 --learning-rate 0.1"
    namespace = parse(*options.split())
    method, files = stylize.build(namespace)
    assert [*files] == ["vgg19-lite"]
    assert (method.style_weight, method.content_weight, method.seed) == (3.0, 1.0, 7)
    assert method.init.__name__ == "from_noise"
    assert method.style_layers == {"relu1_1": 1.0, "relu3_1": 0.5}
    assert repr(method.solver) == "LBFGS(steps=5, learning_rate=0.1, memory=100)"
    method, _ = stylize.build(parse("c", "s", "--output", "o.png", "--solver", "adam"))
    assert repr(method.solver) == "Adam(steps=1000, learning_rate=0.02, b1=0.9, b2=0.999)"


def parse(*arguments):
    seen = []
    original, stylize.run = stylize.run, lambda options: seen.append(options) or 0
    try:
        cli.main(["gatys", *arguments])
    finally:
        stylize.run = original
    return seen[0]


BAD = {
    "missing content": ({"content": "nowhere.png"}, [], "no such file"),
    "style is text": ({"style": "old.png"}, [], "not an image"),
    "unknown suffix": ({"output": "out.xyz"}, [], "must end in"),
    "no output folder": ({"output": "no/out.png"}, [], "no such folder"),
    "unknown encoder": ({}, ["--encoder", "vgg19-light"], "vgg19-lite"),
    "unknown preset": ({}, ["--preset", "autor"], "author"),
    "unknown layer": ({}, ["--style-layers", "relu1_9"], "relu1_"),
    "deeper than the weights": ({}, ["--style-layers", "relu5_4"], "deeper than these weights"),
    "too small for the network": ({}, ["--size", "8"], "too small"),
    "steps 0": ({}, ["--steps", "0"], ">= 1"),
    "weight nan": ({}, ["--style-weight", "nan"], "finite"),
    "weight negative": ({}, ["--tv-weight", "-1"], "finite"),
    "unknown solver": ({}, ["--solver", "sgd"], "invalid choice"),
    "unknown option": ({}, ["--stile-weight", "1"], "unrecognized"),
    "rate of zoom": ({}, ["--solver", "zoom", "--learning-rate", "1"], "leave out"),
    "frames nowhere": ({}, ["--frames", "/no/such/place"], "no such folder"),
    "history suffix": ({}, ["--history", "x.txt"], "must end in"),
    "diverges": ({}, ["--solver", "adam", "--learning-rate", "1e30", "--steps", "5"], "not finite"),
}


@pytest.mark.parametrize("case", BAD, ids=str)
def test_bad_input_is_one_line(case, folder, capsys):
    names, options, expected = BAD[case]
    try:
        code = gatys(folder, *options, **names)
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("jaxstyle")]
    assert code == 2
    assert len(lines) == 1
    assert expected in lines[0]
    assert "Traceback" not in captured.err
    if case != "diverges":
        assert captured.err.count("\n") == 1
        assert (folder / "old.png").read_text() == "before"
        assert sorted(path.name for path in folder.iterdir()) == ["old.png", "photo.png", "style.png"]


def test_divergence_keeps_the_last_good_image(folder):
    assert gatys(folder, "--solver", "adam", "--learning-rate", "1e30", "--steps", "5") == 2
    assert opened(folder / "old.png")[0].shape == (36, 48, 3)


def test_ctrl_c_keeps_the_image_so_far(folder, monkeypatch):
    def interrupted(method, content, target, first, original=Descent.descend):
        for snapshot in original(method, content, target, every=2, first=first):
            yield snapshot
            if snapshot.step == 4:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Descent, "descend", interrupted)
    assert gatys(folder, "--steps", "100") == 130
    facts = json.loads((folder / "old.png.provenance.json").read_text())
    assert facts["steps"] == 4
    assert opened(folder / "old.png")[0].shape == (36, 48, 3)


def test_one_pixel_images_work(folder):
    Image.new("RGB", (1, 1), "teal").save(folder / "dot.png")
    assert gatys(folder, "--steps", "1", content="dot.png", style="dot.png") == 0
    assert opened(folder / "old.png")[0].shape == (48, 48, 3)


def test_weights_list(capsys):
    assert cli.main(["weights", "list"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("vgg19-lite", "vgg19", "vgg16", "squeezenet"))


def test_help_fits_the_library(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["gatys", "--help"])
    assert stop.value.code == 0
    assert "--style-weight" in capsys.readouterr().out
