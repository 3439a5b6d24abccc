"""`jaxstyle train`: from a folder to a picture, and one clear line for bad input."""

import json

import pytest
from flax import nnx
from PIL import Image
from test_training import cache, folder  # noqa: F401

from jaxstyle import cli
from jaxstyle.networks.decoders import Decoders
from jaxstyle.training import RECIPES
from jaxstyle.weights import metadata, save


@pytest.fixture
def style(folder):  # noqa: F811
    return next(folder.glob("*.jpg"))


def johnson(folder, style, output, *options):  # noqa: F811
    small = ["--size", "32", "--width", "4", "--batch-size", "2", "--steps", "2"]
    names = ["--data", str(folder), "--style", str(style), "--output", str(output)]
    return cli.main(["train", "johnson", *names, *small, *map(str, options)])


def test_train_resume_and_stylise(folder, style, tmp_path, capsys):  # noqa: F811
    output, picture = tmp_path / "run", tmp_path / "out.png"
    assert johnson(folder, style, output) == 0
    assert "2 of 2 steps" in capsys.readouterr().err
    assert johnson(folder, style, output, "--steps", "3") == 0
    rows = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert rows[0].keys() == {"step", "loss", "content", "gram", "variation"}
    weights = ["--weights", str(output / "johnson.safetensors")]
    assert cli.main(["johnson", str(style), *weights, "--output", str(picture), "--size", "40"]) == 0
    with Image.open(picture) as image:
        assert max(image.size) == 40
    facts = json.loads((tmp_path / "out.png.provenance.json").read_text())
    assert facts["method"] == "Johnson(network=TransformNet(residuals=5, width=4), alpha=1.0, tile=0)"
    assert facts["weights"]["johnson.safetensors"]["sha256"]
    assert johnson(folder, style, output, "--style-weight", "3") == 2
    assert "style_weight 10.0, not 3.0" in capsys.readouterr().err
    other = tmp_path / "two.jpg"
    other.write_bytes(sorted(folder.glob("*.jpg"))[-1].read_bytes() + b" ")
    assert johnson(folder, other, output) == 2
    assert f"{output}: was begun with style {style.name}, not two.jpg: go on" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["adain", "linear"])
def test_decoders_start_networks_for_any_style(name, folder, tmp_path):  # noqa: F811
    network = Decoders((1, 2, 3, 4), (4, 4, 4, 4), rngs=nnx.Rngs(0))
    save(start := tmp_path / "wct.safetensors", network, {"encoder": "vgg19-lite"})
    names = ["--data", str(folder), "--style", str(folder), "--output", str(tmp_path), "--start", str(start)]
    small = ["--size", "16", "--batch-size", "2", "--steps", "1"]
    small += ["--matrix", "4"] if name == "linear" else []
    assert cli.main(["train", name, *names, *small]) == 0
    trained = tmp_path / f"{name}.safetensors"
    training = json.loads(metadata(str(trained))["training"])
    assert training["start"] == "wct.safetensors" and len(training["start_sha256"]) == 64
    photo = str(next(folder.glob("*.jpg")))
    out = str(tmp_path / "out.png")
    assert cli.main([name, photo, photo, "--weights", str(trained), "--output", out, "--size", "40"]) == 0


BAD = {
    "empty folder": ({"data": "empty"}, [], "no images in it"),
    "folder without images": ({"data": "texts"}, [], "none of its 1 images can be read"),
    "data is a file": ({"data": "texts/b.png"}, [], "is a file"),
    "unknown dataset": ({"data": "no_such_dataset"}, [], "neither a folder nor a dataset"),
    "style is no image": ({"style": "texts/b.png"}, [], "not an image"),
    "style is missing": ({"style": "nowhere.png"}, [], "no such file"),
    "fewer images than a batch": ({}, ["--batch-size", "500"], "fewer than a batch of 500"),
    "output is the data": ({"data": "texts", "output": "texts"}, [], "is what is read"),
    "output is a file": ({"output": "texts/b.png"}, [], "b.png is a file, where a folder is to be"),
    "no whole number": ({}, ["--steps", "0"], "whole number >= 1"),
    "unknown encoder": ({}, ["--encoder", "vgg91"], "did you mean"),
    "start of another kind": ({}, ["--start", "vgg19-lite"], "cannot start from"),
    "hosts half said": ({}, ["--distributed", "localhost:1"], "takes nothing, or"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_line(case, folder, style, tmp_path, capsys):  # noqa: F811
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "b.png").write_text("text")
    changes, options, message = BAD[case]
    paths = {"data": folder, "style": style, "output": tmp_path / "run"}
    for name, value in changes.items():
        paths[name] = value if value == "no_such_dataset" else tmp_path / value
    try:
        code = johnson(paths["data"], paths["style"], paths["output"], *options)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("jaxstyle")]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


@pytest.mark.parametrize("name", RECIPES)
def test_help_names_every_option(name, capsys):
    assert cli.main(["train", name, "--help"]) == 0
    assert "--data" in capsys.readouterr().out


def test_weights_of_another_method_are_refused(tmp_path, folder, capsys):  # noqa: F811
    save(
        path := tmp_path / "wct.safetensors",
        Decoders((1,), (4,), rngs=nnx.Rngs(0)),
        {"encoder": "vgg19-lite"},
    )
    photo = next(folder.glob("*.jpg"))
    out = tmp_path / "out.png"
    assert cli.main(["johnson", str(photo), "--weights", str(path), "--output", str(out)]) == 2
    assert "holds a Decoders; Johnson needs a TransformNet" in capsys.readouterr().err
    assert not out.exists()
