"""Many photographs by one command, and pipes: the same pictures as one by one; what is left out is said."""

import io
import json
import shutil
import sys
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxstyle import cli
from jaxstyle.cli import folder, render, sinks
from jaxstyle.core import Snapshot

NAMES = ("a.png", "b.jpg", "c.tif", "d.gif")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current folder: four photographs of three sizes among other files, and a style beside them."""
    monkeypatch.chdir(tmp_path)
    photographs = tmp_path / "photos"
    photographs.mkdir()
    generator = np.random.default_rng(0)
    for name, size in zip(NAMES, [(40, 30), (30, 40), (40, 30), (36, 36)], strict=True):
        noise = Image.fromarray(generator.integers(0, 255, (5, 5, 3), np.uint8))
        noise.resize(size, Image.Resampling.BICUBIC).save(photographs / name)
    shutil.copy(photographs / "a.png", photographs / ".hidden.png")
    (photographs / "notes.txt").write_text("no picture")
    shutil.copy(photographs / "b.jpg", "style.jpg")
    return tmp_path


def run(command: str) -> int:
    return cli.main(command.split())


def results(where) -> dict[str, bytes]:
    """Return the pictures of a folder."""
    return {file.name: file.read_bytes() for file in where.iterdir() if file.suffix != ".json"}


def pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    "asked", ["photos --style style.jpg", "photos style.jpg", "photos/*.* --style style.jpg"]
)
def test_a_folder_gives_the_pictures_of_its_photographs_one_by_one(asked, place):
    assert run(f"monge {asked} --output out --alpha 0.9") == 0
    assert results(place / "out").keys() == {"a.png", "b.jpg", "c.tif", "d.png"}
    for name in NAMES:
        alone = name.replace("gif", "png")
        assert run(f"monge photos/{name} style.jpg --output {alone} --alpha 0.9") == 0
        np.testing.assert_array_equal(pixels(place / alone), pixels(place / "out" / alone))


def test_styles_are_summarised_once_for_all_photographs(place, monkeypatch):
    calls = []
    summarise = render.summarise
    monkeypatch.setattr(render, "summarise", lambda *given: calls.append(given) or summarise(*given))
    assert run("monge photos --style style.jpg --output out --style-size 20") == 0
    assert len(calls) == 1


def test_each_result_can_be_verified(place, capsys):
    assert run("monge photos --style style.jpg --output out") == 0
    assert json.loads((place / "out/b.jpg.provenance.json").read_text())["photograph"] == "photos/b.jpg"
    capsys.readouterr()
    assert run("verify out/b.jpg") == 0
    assert run("verify out/d.png") == 0
    assert capsys.readouterr().out.count("the same bits") == 2


def test_a_broken_photograph_is_named_and_left_out(place, capsys):
    (place / "photos/bb.jpg").write_text("broken")
    assert run("monge photos --style style.jpg --output out") == 1
    error = capsys.readouterr().err
    assert "jaxstyle: photos/bb.jpg: not an image" in error
    assert error.endswith("5 photographs: 4 made, 1 left out\n")
    assert results(place / "out").keys() == {"a.png", "b.jpg", "c.tif", "d.png"}


def test_quiet_says_what_is_wrong_and_nothing_else(place, capsys):
    (place / "photos/bb.jpg").write_text("broken")
    assert run("monge photos --style style.jpg --output out --quiet") == 1
    assert capsys.readouterr().err == "jaxstyle: photos/bb.jpg: not an image file that Pillow knows\n"


def test_one_photograph_goes_to_a_new_folder_where_the_style_is_named(place):
    assert run("monge photos/a.png --style style.jpg --output out") == 0
    assert results(place / "out").keys() == {"a.png"}


def test_a_pattern_finds_no_results_and_a_file_counts_once(place):
    for _ in range(2):
        assert run(f"monge **/?.* {place}/photos/a.png --style style.jpg --output out --quiet") == 0
        assert results(place / "out").keys() == {"a.png", "b.jpg", "c.tif", "d.png"}


def test_json_has_a_line_for_each(place, capsys):
    assert run("monge photos --style style.jpg --output out --json --quiet") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["output"] for line in lines] == ["out/a.png", "out/b.jpg", "out/c.tif", "out/d.png"]
    assert lines[1]["size"] == [30, 40]


def made_again(place, command: str) -> set[str]:
    """Return the results that a command makes anew."""
    times = lambda: {file.name: file.stat().st_mtime_ns for file in (place / "out").glob("*.???")}
    before = times()
    assert run(command) == 0
    return {name for name, time in times().items() if before.get(name) != time}


def test_resume_makes_what_is_not_there_as_asked(place, capsys):
    command = "monge photos --style style.jpg --output out --resume"
    assert made_again(place, command) == {"a.png", "b.jpg", "c.tif", "d.png"}
    assert made_again(place, command) == set()
    assert capsys.readouterr().err.endswith("4 photographs: 4 there already\n")
    shutil.copy(place / "photos/d.gif", place / "photos/e.gif")
    (place / "out/a.png").write_text("damaged")
    (place / "out/b.jpg").unlink()
    shutil.copy(place / "photos/a.png", place / "photos/c.tif")
    assert made_again(place, command) == {"a.png", "b.jpg", "c.tif", "e.png"}
    assert made_again(place, f"{command} --alpha 0.5 --quiet") == {
        "a.png",
        "b.jpg",
        "c.tif",
        "d.png",
        "e.png",
    }
    assert made_again(place, "monge photos/a.png --style style.jpg --output out") == {"a.png"}
    (place / "photos/a.png").unlink()
    assert run("monge photos/a.png --style style.jpg --output out --resume") == 1
    assert "photos/a.png: there is no such file" in capsys.readouterr().err


def test_resume_makes_a_stopped_descent_anew(place):
    command = "gatys photos/a.png --style style.jpg --output out --resume --steps 2 --style-layers relu1_1"
    command += " --content-layers relu1_1 --size 32"
    (place / "out").mkdir()
    assert made_again(place, command) == {"a.png"}
    beside = place / "out/a.png.provenance.json"
    beside.write_text(beside.read_text().replace('"steps": ', '"steps": 1'))
    assert made_again(place, command) == {"a.png"}


def test_what_stops_a_folder_says_what_is_left(place, capsys, monkeypatch):
    once = folder.render

    def stopping(request, *rest):
        if request.photograph.name == "c.tif":
            raise KeyboardInterrupt
        return once(request, *rest)

    monkeypatch.setattr(folder, "render", stopping)
    assert run("monge photos --style style.jpg --output out") == 130
    assert capsys.readouterr().err.endswith("4 photographs: 2 made, 2 to make (--resume)\n")


REFUSED = {
    "monge empty --style style.jpg --output out": "holds no picture",
    "monge photos/*.heic --style style.jpg --output out": "holds no picture",
    "monge photos --style style.jpg --output out.png": "many photographs go to a folder; name one",
    "monge photos --style style.jpg --output photos": "is what is read",
    "monge photos --style style.jpg --output photos/notes.txt": "is a file, where a folder is to be",
    "monge photos twins --style style.jpg --output out": "the result of photos/a.png and of twins/a.png",
    "monge photos --style nowhere.png --output out": "no such file",
    "monge photos --style style.jpg --output out --content-mask style.jpg": "--content-mask is of one",
    "gatys photos --style style.jpg --output out --history losses.png": "--history is of one photograph",
    "gatys photos --style style.jpg --output out --frames frames": "--frames is of one photograph",
    "gatys photos --style style.jpg --output out --seed 3": "draws nothing",
    "monge photos --style style.jpg --output photos --overwrite": "take another folder",
    "monge photos --style style.jpg --output others": "others/a.png: is no result of an older run",
    "monge photos --style style.jpg --output -": "- is one photograph, or one picture",
    "monge - photos/a.png --style style.jpg --output out": "- is one photograph, or one picture",
    "monge photos/a.png photos/b.jpg style.jpg --output out": "which of these pictures are styles?",
    "monge photos --style style.jpg --mix 1 --output out": "--mix has 1 share of 1 style",
    "monge photos --style style.jpg --output marred": "is a folder, where the provenance is to be",
    "monge photos --style style.jpg --output out --depth 16": "JPEG files have no 16 bits",
}


@pytest.mark.parametrize("command", REFUSED)
def test_what_makes_no_sense_is_refused_before_any_work(command, place, capsys):
    (place / "empty").mkdir()
    for name in ("twins", "others"):
        (place / name).mkdir()
        shutil.copy(place / "photos/a.png", place / name / "a.png")
    (place / "marred/a.png.provenance.json").mkdir(parents=True)
    before = sorted(place.rglob("*"))
    assert run(command) == 2
    error = capsys.readouterr().err
    assert REFUSED[command] in error
    assert error.count("\n") == 1
    assert sorted(place.rglob("*")) == before


def test_one_bar_counts_photographs_and_their_steps():
    image = jnp.zeros((1, 1, 3))
    with sinks.Bar(2) as bar:
        for step in (0, 5):
            bar(Snapshot(step, 10, image))
        (task,) = bar.progress.tasks
        assert (task.completed, task.total) == (0.5, 2)
        bar.next()
        bar(Snapshot(1, 1, image))
        assert task.completed == 2


@pytest.fixture
def stdin(monkeypatch, place):
    """A photograph, once, on stdin."""
    photograph = io.BytesIO((place / "photos/a.png").read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=photograph))


@pytest.mark.parametrize("output", ["--output -", "-o -", "--output=-"])
def test_a_picture_goes_from_pipe_to_pipe(output, place, stdin, capsysbinary):
    assert run(f"monge - style.jpg {output}") == 0
    found = capsysbinary.readouterr()
    assert found.err.startswith(b"stdout: ")
    assert run("monge photos/a.png style.jpg --output alone.png") == 0
    np.testing.assert_array_equal(pixels(io.BytesIO(found.out)), pixels(place / "alone.png"))


def test_what_came_by_a_pipe_is_not_made_again(place, stdin, capsysbinary):
    assert run("monge - style.jpg --output out.png") == 0
    assert run("verify out.png") == 2
    assert b"its photograph came from stdin" in capsysbinary.readouterr().err
    assert run("monge - style.jpg --output -") == 2  # nothing more to read
    found = capsysbinary.readouterr()
    assert (found.out, found.err) == (b"", b"jaxstyle: stdin: not an image file that Pillow knows\n")


def closed(data: bytes) -> None:
    raise BrokenPipeError


PIPES = {
    "cannot be written to stdout": SimpleNamespace(
        buffer=SimpleNamespace(write=closed), isatty=lambda: False
    ),
    "it is a terminal: name a file": SimpleNamespace(isatty=lambda: True),
}


@pytest.mark.parametrize("said", PIPES)
def test_a_pipe_that_takes_no_picture_is_one_line(said, place, stdin, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", PIPES[said])
    assert run("monge - style.jpg --output -") == 2
    monkeypatch.undo()
    assert said in capsys.readouterr().err
