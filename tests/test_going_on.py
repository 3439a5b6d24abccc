"""Going on and verifying: a run that was killed ends as if nothing had been, and verify touches nothing."""

import json
import shutil
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from jaxstyle import cli
from jaxstyle.cli import checkpoint
from jaxstyle.image import io
from jaxstyle.methods.descent import Descent

STEPS = 30
QUICK = f"--size 48 --steps {STEPS} --content-layers relu1_1 --style-layers relu1_1"


class KilledError(BaseException):
    """What ends a run without a word, as `kill -9` does."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Stand in a folder with a photograph and a style; let checkpoints take any time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)
    generator = np.random.default_rng(0)
    for name in ("photo.png", "style.png"):
        small = Image.fromarray(generator.integers(0, 255, (6, 8, 3), np.uint8))
        small.resize((80, 60), Image.Resampling.BICUBIC).save(name)
    return tmp_path


def gatys(options: str, output: str = "out.png", pictures: str = "photo.png style.png") -> int:
    return cli.main(["gatys", *f"{pictures} --output {output} {QUICK} {options}".split()])


def stopping(monkeypatch, steps: int, stop) -> None:
    """Let descents call `stop` after some steps."""
    original = Descent.run

    def run(*arguments, **given):
        for snapshot in original(*arguments, **given):
            yield snapshot
            if snapshot.step == steps:
                stop()

    monkeypatch.setattr(Descent, "run", run)


def kill():
    raise KilledError


def held(where: str = ".") -> dict[Path, tuple[bytes, int]]:
    """Return all files of a folder: what they hold, and when they were written."""
    files = [path for path in Path(where).rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def contents(where: str) -> dict[str, bytes]:
    return {path.name: content for path, (content, _) in held(where).items()}


@pytest.mark.parametrize("frames", ["frames", "frames.gif", "frames.webp", "frames.png"])
def test_what_a_killed_run_leaves_is_gone_on_with_to_the_same_files(frames, monkeypatch):
    Path("whole").mkdir()
    Path("parts").mkdir()
    assert gatys(f"--frames whole/{frames} --history whole/h.png", "whole/out.png") == 0
    given = f"--frames parts/{frames} --history parts/h.png --checkpoint kept"
    for step in (0, 10, 20):
        with monkeypatch.context() as patch:
            stopping(patch, step, kill)
            with pytest.raises(KilledError):
                gatys(given, "parts/out.png")
    assert not contents("parts")
    assert gatys(given, "parts/out.png") == 0
    whole, parts = contents("whole"), contents("parts")
    assert whole.keys() == parts.keys()
    different = {name for name in whole if whole[name] != parts[name]}
    assert different <= {"out.png", "out.png.provenance.json"}  # which hold the arguments
    facts = [json.loads(found["out.png.provenance.json"]) for found in (whole, parts)]
    assert facts[0]["pixels"] == facts[1]["pixels"]
    with Image.open(f"parts/{frames}") if "." in frames else Image.open("parts/frames/0003.png") as image:
        assert getattr(image, "n_frames", 1) == (4 if "." in frames else 1)


@pytest.fixture
def kept():
    """A finished run with a checkpoint, in `kept`."""
    assert gatys("--checkpoint kept --frames frames --history h.png") == 0
    return Path("kept/checkpoint.safetensors")


def refused(capsys, message: str, options: str, **given) -> None:
    before = held()
    capsys.readouterr()
    assert gatys(options, **given) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert held() == before


PLACES = {
    "--history out.png": "out.png: --output and --history would be in one place",
    "--frames ./out.png": "out.png: --output and --frames would be in one place",
    "--frames kept --checkpoint kept": "kept/checkpoint.safetensors: --frames and --checkpoint",
    "--checkpoint out.png": "--output and --checkpoint would be in one place",
    "--checkpoint out.png.provenance.json": "its provenance and --checkpoint would be in one place",
    "--history photo.png": "photo.png: is what is read; take another name",
}


@pytest.mark.parametrize("options", PLACES)
def test_no_two_files_of_a_command_are_one(options, capsys):
    refused(capsys, PLACES[options], options)


def test_frames_do_not_take_the_place_of_a_picture_that_is_read(capsys):
    Path("frames").mkdir()
    shutil.copy("photo.png", "frames/mine.png")
    given = {"pictures": "frames/mine.png style.png", "options": "--frames frames"}
    refused(capsys, "frames: holds mine.png, which is no frame of an older run", **given)
    Path("frames/mine.png").unlink()
    io.write("frames/0000.png", np.zeros((8, 8, 3)), io.FRAME)
    refused(capsys, "frames: frames/0000.png is read", **given | {"pictures": "frames/0000.png style.png"})


def test_a_checkpoint_is_of_one_method_and_its_pictures(kept, capsys):
    given = "--checkpoint kept"
    for loss in ("moments", "mmd-polynomial", "mrf"):
        refused(capsys, "another run: its method differs;", f"{given} --style-loss {loss}")
    refused(capsys, "another run: its method differs;", f"{given} --tv-weight 3")
    turned = "style.png photo.png"
    refused(capsys, "another run: its pictures differ;", given, pictures=turned)
    refused(capsys, "another run: its pictures differ;", f"{given} --init style.png")
    refused(capsys, "its method and pictures differ;", f"{given} --tv-weight 3", pictures=turned)
    assert gatys(given) == 0


def test_frames_of_the_steps_so_far_must_be_there(kept, capsys):
    Path("kept/checkpoint.frames/0000010.png").unlink()
    refused(capsys, "1 frames of the 30 steps so far are missing", "--checkpoint kept --frames frames")
    assert gatys("--checkpoint kept") == 0


def test_a_damaged_checkpoint_is_refused_in_a_line(kept, capsys):
    content, step = kept.read_bytes(), b'"step":"30"'
    assert content.count(step) == 1
    flipped = content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]
    for damaged in (flipped, content.replace(step, b'"step":"10"')):
        kept.write_bytes(damaged)
        refused(capsys, "damaged, or no checkpoint of this version", "--checkpoint kept")
    for damaged in (b"", b"text" * 20, bytes(100), content[:100], content[: len(content) // 2]):
        kept.write_bytes(damaged)
        refused(capsys, "no checkpoint that can be read", "--checkpoint kept")
    for metadata in (None, {"method": "x"}, {"fingerprint": "0"}):
        save_file({"000": np.zeros(3, np.float32)}, kept, metadata)
        refused(capsys, "damaged, or no checkpoint of this version", "--checkpoint kept")
    for place in ("style.png", "style.png/kept"):
        refused(capsys, "style.png is a file, where a folder is to be; take another", f"--checkpoint {place}")
    kept.unlink()
    kept.mkdir()
    refused(capsys, "no checkpoint that can be read", "--checkpoint kept")


def test_a_refused_run_leaves_no_folder_for_its_checkpoint(capsys):
    refused(capsys, "too small for relu1_1", "--checkpoint new/kept --frames frames --size 1")
    assert not Path("new").exists()
    refused(capsys, "/proc: cannot be written to", "--checkpoint /proc/kept")


def test_a_picture_without_provenance_is_said(capsys):
    assert cli.main(["verify", "photo.png"]) == 2
    assert "photo.png: has no provenance: there is no photo.png.provenance.json" in capsys.readouterr().err


def test_older_frames_give_way_and_nothing_else_does(capsys):
    assert gatys("--frames frames") == 0
    assert gatys("--frames frames --steps 10") == 0
    assert sorted(contents("frames")) == ["0000.png", "0001.png"]
    shutil.copy("photo.png", "frames/0002.png")
    refused(capsys, "frames: holds 0002.png, which is no frame of an older run", "--frames frames")
    Path("frames/0002.png").unlink()
    Path("frames/notes.txt").write_text("mine")
    refused(capsys, "frames: holds notes.txt, which is no frame", "--frames frames")


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_the_picture_so_far(name, monkeypatch, capsys):
    before = signal.getsignal(signal.SIGTERM)
    stopping(monkeypatch, 10, lambda: signal.raise_signal(name))
    assert gatys("--frames frames --history h.png") == 128 + name
    assert signal.getsignal(signal.SIGTERM) == before
    facts = json.loads(Path("out.png.provenance.json").read_text())
    assert (facts["steps"], facts["of_steps"]) == (10, STEPS)
    assert sorted(contents("frames")) == ["0000.png", "0001.png"] and Path("h.png").exists()
    capsys.readouterr()
    assert cli.main(["verify", "out.png.provenance.json"]) == 2
    error = capsys.readouterr().err
    assert "stopped after 10 of 30 steps" in error and error.count("\n") == 1


def test_a_signal_before_there_is_an_image_is_a_line(monkeypatch, capsys):
    monkeypatch.setattr("jaxstyle.cli.render.build", lambda *given: signal.raise_signal(signal.SIGTERM))
    assert gatys("") == 143
    assert capsys.readouterr().err == "jaxstyle: stopped before there was an image\n"
    assert not Path("out.png").exists()


def test_verify_makes_all_steps_again_and_touches_nothing(kept, capsys):
    before = held()
    assert cli.main(["verify", "out.png.provenance.json"]) == 0
    said = capsys.readouterr()
    assert said.out == "the picture: the same bits\n" and "going on" not in said.err
    assert "out.png: 30 steps" in said.err and tempfile.gettempdir() not in said.err
    assert held() == before


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_verify_looks_at_the_picture_that_lies_there(suffix, capsys):
    picture = f"made.{suffix}"
    assert cli.main(f"reinhard photo.png style.png --size 48 --output {picture}".split()) == 0
    assert cli.main(["verify", picture]) == 0
    shutil.copy("photo.png", picture)
    for ending, complaint in (
        ("", "is not the picture of this provenance"),
        (".provenance.json", "is not there"),
    ):
        capsys.readouterr()
        assert cli.main(["verify", picture + ending]) == 1
        assert capsys.readouterr().out == f"{picture}: {complaint}\nthe picture: the same bits\n"
        Path(picture).unlink(missing_ok=True)


SPELLINGS = (
    "reinhard photo.png style.png --size 48 --out made.png",
    "reinhard photo.png style.png --size 48 --outp=made.png",
    "reinhard photo.png style.png --output other.png --size 48 --output made.png",
    "reinhard --size=48 --output ./made.png -- photo.png style.png",
    "sweep reinhard photo.png style.png --over alpha=0,1 --size 48 --out=made.png",
    "compare photo.png style.png --methods reinhard monge reinhard --size 48 --output made.png",
)


@pytest.mark.parametrize("command", SPELLINGS)
def test_verify_understands_every_spelling(command, capsys):
    assert cli.main(command.split()) == 0
    before = held()
    assert cli.main(["verify", "made.png.provenance.json"]) == 0
    assert held() == before
    shutil.copy("style.png", "photo.png")
    capsys.readouterr()
    assert cli.main(["verify", "made.png.provenance.json"]) == 1
    assert "content was" in capsys.readouterr().err
