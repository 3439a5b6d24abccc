"""The command: what it writes, and that bad input gets one line, exit code 2, and nothing half-written."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jaxstyle import cli, fit, read
from jaxstyle.cli import build
from jaxstyle.cli.fields import chosen
from jaxstyle.cli.provenance import circumstances
from jaxstyle.image.io import to_bytes
from jaxstyle.image.plot import GAP
from jaxstyle.methods import METHODS, TABLE
from jaxstyle.methods.descent import Descent, DivergedError


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
    written = hashlib.sha256((folder / "old.png").read_bytes()).hexdigest()
    assert json.loads(text["jaxstyle"]) | {"sha256": written} == facts
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
    method: Any
    method, files = built(*options.split())
    assert [*files] == ["vgg19-lite"]
    assert (method.style_weight, method.content_weight, method.seed) == (3.0, 1.0, 7)
    assert method.init.__name__ == "from_noise"
    assert method.style_layers == {"relu1_1": 1.0, "relu3_1": 0.5}
    assert (repr(method.optimizer), method.steps) == ("LBFGS(learning_rate=0.1, memory=100)", 5)
    method, _ = built("c", "s", "--output", "o.png", "--optimizer", "adam")
    assert repr(method.optimizer) == "Adam(learning_rate=0.02, b1=0.9, b2=0.999)"
    assert method.steps == 1000


def built(*arguments):
    """Return the method that the command `gatys` makes, and the files of its weights."""
    call = cli.parse(["gatys", *arguments])
    return build.build(TABLE["gatys"], chosen(call.bound.arguments["options"]))


BAD = {
    "missing content": ({"content": "nowhere.png"}, [], "no such file"),
    "style is text": ({"style": "old.png", "output": "new.png"}, [], "not an image"),
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
    "weight beyond 32 bits": ({}, ["--style-weight", "1e39"], "at most 3.4e+38"),
    "weights all 0": ({}, ["--style-weight", "0", "--content-weight", "0"], "are all 0: give one above 0"),
    "layers all 0": ({}, ["--style-layers", "relu1_1=0"], "no weight above 0"),
    "rate 0": ({}, ["--learning-rate", "0"], "is not above 0"),
    "quality 0": ({"output": "out.jpg"}, ["--quality", "0"], "from 1 to 100"),
    "tile 1": ({}, ["--tile", "1"], "whole number from 16"),
    "size beyond all": ({}, ["--size", "99999999"], "from 1 to 1000000"),
    "style beyond memory": ({}, ["--style-size", "999999"], "GB at least, and there are"),
    "pairs beyond memory": ({}, ["--pairs", "100000000"], "or fewer --pairs"),
    "too large for a JPEG": (
        {"output": "out.jpg"},
        ["--size", "70000", "--memory", "999TB"],
        "no side of 70000",
    ),
    "a folder": ({"content": "."}, [], "photographs go to a folder; name one"),
    "a folder as a style": ({"style": "."}, [], "is a folder; name a picture in it"),
    "pyramid of too many": ({}, ["--pyramid", "1,1,1"], "fewer numbers for --pyramid"),
    "unknown optimizer": ({}, ["--optimizer", "sgd"], 'Choose from: "lbfgs"'),
    "unknown option": ({}, ["--stile-weight", "1"], "Did you mean --style-weight?"),
    "rate of zoom": ({}, ["--optimizer", "zoom", "--learning-rate", "1"], "leave out"),
    "frames nowhere": ({}, ["--frames", "/no/such/place"], "no such folder"),
    "history suffix": ({}, ["--history", "x.txt"], "must end in"),
    "diverges at once": ({}, ["--learning-rate", "1e30", "--steps", "5"], "not finite"),
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
    if case != "diverges at once":
        assert captured.err.count("\n") == 1
    assert (folder / "old.png").read_text() == "before"
    assert sorted(path.name for path in folder.iterdir()) == ["old.png", "photo.png", "style.png"]


def test_divergence_keeps_the_last_good_image(folder, monkeypatch):
    def diverging(*arguments, original=Descent.run, **given):
        for snapshot in original(*arguments, **given | {"every": 2}):
            yield snapshot
            if snapshot.step == 4:
                raise DivergedError("the loss is not finite")

    monkeypatch.setattr(Descent, "run", diverging)
    assert gatys(folder, "--steps", "6") == 2
    assert opened(folder / "old.png")[0].shape == (36, 48, 3)


def test_a_pyramid_counts_the_steps_of_all_sizes(folder):
    given = ["--steps", "2", "--pyramid", "3", "--size", "96", "--frames", str(folder / "all.gif")]
    assert gatys(folder, *given, "--memory", "8GB") == 0
    facts = json.loads((folder / "old.png.provenance.json").read_text())
    assert facts["steps"] == 5
    assert "pyramid=(3,)" in facts["method"]


def test_ctrl_c_keeps_the_image_so_far(folder, monkeypatch):
    def interrupted(*arguments, original=Descent.run, **given):
        for snapshot in original(*arguments, **given | {"every": 2}):
            yield snapshot
            if snapshot.step == 4:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Descent, "run", interrupted)
    assert gatys(folder, "--steps", "100") == 130
    facts = json.loads((folder / "old.png.provenance.json").read_text())
    assert facts["steps"] == 4
    assert opened(folder / "old.png")[0].shape == (36, 48, 3)


def test_one_pixel_images_work(folder):
    Image.new("RGB", (1, 1), "teal").save(folder / "dot.png")
    assert gatys(folder, "--steps", "1", content="dot.png", style="dot.png") == 0
    assert opened(folder / "old.png")[0].shape == (48, 48, 3)


SMALL = {  # what makes a method quick, and whether it takes a style
    "gatys": ("--steps 2", True),
    "mrf": ("--steps 2", True),
    "mmd": ("--steps 2 --preset linear", True),
    "nnst": ("--steps 2", True),
    "strotss": ("--steps 2", True),
    "adain": ("", True),
    "wct": ("--levels 2,1 --whitening monge", True),
    "histogram": ("--levels 2", True),
    "optimal": ("--levels 2 --rotations 2", True),
    "gpdm": ("--patch 3 --passes 1 --rotations 1", True),
    "style-swap": ("--levels 2", True),
    "linear": ("", True),
    "deep-photo": ("--steps 2 --paint-steps 1", True),
    "photo-wct": ("--levels 2,1 --smooth guided", True),
    "wct2": ("--places encoder,decoder", True),
    "johnson": ("--weights johnson-ink", False),
    "reinhard": ("", True),
    "monge": ("", True),
    "pitie": ("--rotations 3", True),
    "color-histogram": ("", True),
    "reconstruct": ("--steps 2 --style-layers relu1_1", False),
    "dream": ("--steps 2", False),
}


def call(folder, command, *options):
    """Run a command on the folder's pictures; names of files in it are meant so."""
    names = {path.name for path in folder.iterdir()} | {"out.png"}
    words = [*command.split(), *options]
    placed = [str(folder / word) if word in names else word for word in words]
    return cli.main([*placed, "--output", str(folder / "out.png"), "--size", "48"])


def test_every_method_is_tried_below():
    assert SMALL.keys() == METHODS.keys()


@pytest.mark.parametrize("name", SMALL)
def test_every_method_runs_with_the_same_options(folder, name):
    quick, styled = SMALL[name]
    command = f"{name} photo.png {'style.png' if styled else ''} {quick} --keep-color luminance"
    assert call(folder, command) == 0
    assert opened(folder / "out.png")[0].shape == (36, 48, 3)
    facts = json.loads((folder / "out.png.provenance.json").read_text())
    assert facts["command"] == name
    assert facts["keep_color"] == "luminance"


def test_a_machine_without_git_knows_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert circumstances.__wrapped__()["commit"] is None


@pytest.mark.parametrize("smooth", ["closed-form", "guided", "screened-poisson"])
@pytest.mark.parametrize("name", ["color-histogram"])
def test_any_result_can_be_smoothed(folder, name, smooth):
    command = f"{name} photo.png style.png {SMALL[name][0]}"
    assert call(folder, command) == 0
    rough = opened(folder / "out.png")[0]
    assert call(folder, f"{command} --smooth {smooth}") == 0
    assert np.any(opened(folder / "out.png")[0] != rough)


@pytest.mark.parametrize("name", ["adain", "reinhard"])
def test_masks_reach_the_method(folder, name):
    half = np.zeros((30, 40, 3), np.uint8)
    half[:, :20, 0], half[:, 20:, 2] = 255, 255
    Image.fromarray(half).save(folder / "halves.png")
    command = f"{name} photo.png style.png {SMALL[name][0]} --content-mask halves.png --style-mask halves.png"
    assert call(folder, command) == 0
    assert opened(folder / "out.png")[0].shape == (36, 48, 3)


def test_a_mix_of_one_style_is_that_style(folder):
    Image.open(folder / "style.png").transpose(Image.Transpose.ROTATE_180).save(folder / "other.png")
    assert call(folder, "reinhard photo.png style.png") == 0
    alone = opened(folder / "out.png")[0]
    assert call(folder, "reinhard photo.png style.png other.png --mix 1 0") == 0
    np.testing.assert_array_equal(opened(folder / "out.png")[0], alone)


def test_grey_masks_blend_two_styles(folder):
    Image.new("RGB", (80, 60), "red").save(folder / "red.png")
    Image.linear_gradient("L").save(folder / "grey.png")  # black above, white below
    assert call(folder, "color-histogram photo.png red.png style.png --content-mask grey.png") == 0
    image = opened(folder / "out.png")[0].astype(float)
    redness = (image[..., 0] - image[..., 1:].mean(-1)).mean(1)
    assert redness[-4:].mean() > 200 > redness[:4].mean()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_label_of_one_mask_is_said_and_so_is_another_size(folder, capsys, mode):
    Image.new("RGB", (8, 8), "blue").save(folder / "blue.png")
    two = Image.new("RGB", (8, 8), "blue")
    two.paste("red", (0, 0, 8, 4))
    two.convert(mode).save(folder / "two.png")
    command = "reinhard photo.png style.png --content-mask two.png --style-mask blue.png"
    assert call(folder, command) == 0
    said = capsys.readouterr().err
    assert f"region red is only in {folder / 'two.png'}: it keeps the content's pixels" in said
    assert said.count("two.png: a mask of 8x8 px for a picture of ") == 1
    np.testing.assert_array_equal(opened(folder / "out.png")[0][:10], sized(folder / "photo.png")[:10])


def sized(path):
    return to_bytes(fit(read(path), 48))


def test_a_sweep_is_a_labelled_grid(folder):
    command = "sweep reinhard photo.png style.png --over alpha=0,0.5,1"
    assert call(folder, command) == 0
    image, text = opened(folder / "out.png")
    assert image.shape[1] > 3 * 48
    settings = json.loads(text["jaxstyle"])["settings"]
    assert [row["alpha"] for row in settings] == [0, 0.5, 1]
    np.testing.assert_array_equal(image[GAP : GAP + 36, GAP : GAP + 48], sized(folder / "photo.png"))


def test_a_search_is_a_function_of_the_seed(folder):
    command = "sweep reinhard photo.png style.png --search alpha=0.1:1 --draws 2"
    drawn = []
    for seed in ("1", "1", "2"):
        assert call(folder, command, "--seed", seed) == 0
        settings = json.loads((folder / "out.png.provenance.json").read_text())["settings"]
        drawn.append([row["alpha"] for row in settings])
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(0.1 <= alpha <= 1 for alpha in drawn[0] + drawn[2])


def test_compare_shows_content_style_and_methods(folder):
    command = "compare photo.png style.png --methods reinhard johnson:johnson-ink monge --columns 50"
    assert call(folder, command) == 0
    image = opened(folder / "out.png")[0]
    assert 5 * (48 + GAP) < image.shape[1] < 20 * (48 + GAP)  # captions are wider than pictures
    np.testing.assert_array_equal(image[GAP : GAP + 36, GAP : GAP + 48], sized(folder / "photo.png"))


REFUSED = {
    "adain photo.png style.png photo.png --mix 1": "1 share of 2 styles",
    "adain photo.png style.png --mix 0": "1 share of 1 style: give one each of several styles, not all 0",
    "adain photo.png style.png --mix 1 --content-mask style.png": "leave one out",
    "adain photo.png style.png --style-mask style.png": "goes with --content-mask",
    "adain photo.png style.png --content-mask old.png": "not an image",
    "wct photo.png style.png --levels 6": "no decoder for level 6",
    "wct photo.png style.png --whitening svd": "Choose from",
    "wct photo.png style.png --weights adain": "holds a Decoder; WCT needs a Decoders",
    "style-swap photo.png style.png --levels 5 --patch 5": "larger size",
    "gatys photo.png style.png --init nowhere.png": "no such file",
    "gatys photo.png style.png --style-loss gramm": 'Did you mean "gram"?',
    "reconstruct photo.png --content-layers relu9_1": "relu",
    "sweep adain photo.png style.png": "needs --over",
    "sweep adain photo.png style.png --over alpha": "is not OPTION=X",
    "sweep adain photo.png style.png --over alpha=0.5,abc": "are no numbers",
    "sweep adain photo.png style.png --over alpha=0.5,3": "from 0 to 1",
    "adain photo.png style.png --alpha 3": "from 0 to 1",
    "pitie photo.png style.png --seed 99999999999": "whole number from 0",
    "mnge photo.png style.png": "did you mean monge?",
    "monge photo.png style.png --memory 1KB": "and you allow 1.0 kB: try a smaller --size or --style-size",
    "johnson photo.png style.png --weights johnson-ink": "to a folder (johnson takes no style)",
    "gatys photo.png": "has no style: name a picture after it, or by --style",
    "gatys photo.png style.png --resume": "--resume is of many photographs",
    "compare photo.png style.png --methods monge,reinhard": "spaces",
    "compare photo.png style.png --methods monge --steps 3": "leave it out",
    "sweep adain photo.png style.png --over beta=1,2": "unknown option 'beta': there are alpha",
    "sweep gatys photo.png style.png --over stile-weight=1,2": "did you mean 'style-weight'?",
    "adain photo.png style.png --encoder foo": "unknown weights 'foo': there are",
    "adain wide.png style.png --style-size 48": "48x1 px is too small for relu4_1: it takes 9x9; take a",
    "sweep wct photo.png style.png --over levels=1,2": "cannot vary within one batch",
    "sweep gatys photo.png style.png --search style-weight=0:1": "style-weight needs LOW:HIGH, both above 0",
    "sweep gatys photo.png style.png --search style-weight=5:1": "LOW, 5, is not below HIGH, 1",
    "sweep monge photo.png style.png --over alpha=0,1 --style-size 999999": "GB at least",
    "sweep adain photo.png style.png style.png --over alpha=1": "too many pictures",
    "compare photo.png style.png --methods adan": "did you mean 'adain'",
    "compare photo.png style.png --methods johnson": "a network for each style",
    "compare photo.png style.png --methods gatys:adain": "gatys has no weights to choose",
}


@pytest.mark.parametrize("command", REFUSED)
def test_what_makes_no_sense_is_one_line(command, folder, capsys):
    Image.new("RGB", (1000, 12), "teal").save(folder / "wide.png")
    try:
        code = call(folder, command)
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.count("\n") == 1
    assert REFUSED[command] in error
    assert not (folder / "out.png").exists()


def test_tiles_and_a_limit_of_memory_change_nothing_but_the_way(folder, capsys):
    once = [str(folder / "photo.png"), str(folder / "style.png"), "--size", "80", "--output"]
    assert cli.main(["adain", *once, str(folder / "whole.png")]) == 0
    assert cli.main(["adain", *once, str(folder / "tiles.png"), "--tile", "16", "--memory", "64GB"]) == 0
    assert "in tiles of 16 px" in capsys.readouterr().err
    whole, tiles = (opened(folder / name)[0].astype(int) for name in ("whole.png", "tiles.png"))
    assert np.max(np.abs(whole - tiles)) <= 1


def test_what_does_not_fit_is_refused_before_any_work(folder, capsys):
    assert gatys(folder, "--memory", "1MB") == 2
    error = capsys.readouterr().err
    assert "you allow 1.0 MB: try a smaller --size or --style-size, or fewer --pairs" in error
    assert (folder / "old.png").read_text() == "before"


def test_a_killed_descent_goes_on_as_if_nothing_had_been(folder):
    given = ["--steps", "60", "--size", "48"]
    assert gatys(folder, *given, output="whole.png") == 0
    pictures = [str(folder / "photo.png"), str(folder / "style.png"), "--output", str(folder / "parts.png")]
    kept = ["--checkpoint", str(folder / "kept")]
    command = [sys.executable, "-m", "jaxstyle", "gatys", *pictures, *given, *kept]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (folder / "kept" / "checkpoint.safetensors").exists():
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert gatys(folder, *given, *kept, output="parts.png") == 0
    np.testing.assert_array_equal(opened(folder / "parts.png")[0], opened(folder / "whole.png")[0])
    assert gatys(folder, *given, *kept, "--style-weight", "3") == 2  # another run's
    (folder / "kept" / "checkpoint.safetensors").write_text("damaged")
    assert gatys(folder, *given, *kept) == 2


@pytest.mark.parametrize("words", [["--help"], ["sweep", "--help"], ["--version"]], ids=str)
def test_help_needs_no_jax(words):
    code = f"import sys; from jaxstyle.cli import main; main({words})"
    watched = f"import atexit, sys; atexit.register(lambda: print('jax' in sys.modules)); {code}"
    done = subprocess.run([sys.executable, "-c", watched], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_help_lists_the_methods_by_family_on_one_screen(capsys):
    assert cli.main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 50
    assert all(any(line.split()[:1] == [name] for line in lines) for name in METHODS)
    assert not [line for line in lines if "None" in line]


def test_weights_list(capsys):
    assert cli.main(["weights", "list"]) == 0
    printed, hint = capsys.readouterr()
    assert all(name in printed for name in ("vgg19-lite", "vgg19", "vgg16", "squeezenet"))
    assert " 0.0 MB" not in printed and ("jaxstyle weights port" in hint) == ("missing" in printed)
    assert cli.main(["weights", "port", "nowhere"]) == 2
    assert capsys.readouterr().err == "jaxstyle: nowhere: there is no such file\n"


def test_help_fits_the_library(capsys):
    assert cli.main(["gatys", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--style-weight" in text and "at most 512 px" in text and "Transparent pixels" in text


CONSTANT = (
    "adain",
    "wct",
    "histogram",
    "optimal",
    "gpdm",
    "linear",
    "style-swap",
    "photo-wct",
    "wct2",
    "reinhard",
    "monge",
    "pitie",
    "color-histogram",
)
NETWORKS = ("johnson-glass", "johnson-ink", "johnson-strokes")


@pytest.mark.parametrize("color", [(0, 0, 0), (13, 200, 77)], ids=str)
@pytest.mark.parametrize("name", [*CONSTANT, *NETWORKS])
def test_a_picture_of_one_color_stays_one(folder, name, color):
    Image.new("RGB", (47, 35), color).save(folder / "flat.png")
    quick = {"adain": "", "linear": "", "wct": "--levels 3,2", "histogram": "--levels 3,2"}.get(
        name, SMALL.get(name, ("",))[0]
    )
    command = f"{name} flat.png style.png {quick}"
    command = f"johnson flat.png --weights {name}" if name in NETWORKS else command
    assert call(folder, command) == 0
    assert np.max(np.std(opened(folder / "out.png")[0].astype(float), axis=(0, 1))) < 0.5


@pytest.mark.parametrize("size", [57, 130])
@pytest.mark.parametrize("name", ["reinhard", "monge", "pitie", "color-histogram"])
def test_a_flat_area_stays_flat_at_any_size(folder, name, size):
    logo = Image.new("RGB", (80, 60), (230, 230, 225))
    logo.paste((200, 40, 40), (50, 10, 70, 50))
    logo.save(folder / "logo.png")
    output = folder / "out.png"
    words = [name, str(folder / "logo.png"), str(folder / "style.png"), "--output", str(output)]
    assert cli.main([*words, "--size", str(size)]) == 0
    ground = opened(output)[0][:, : size // 3]
    assert np.max(np.ptp(ground.astype(int), axis=(0, 1))) <= 1


def test_hidden_colors_do_not_matter_and_transparency_comes_back(folder):
    generator, shown = np.random.default_rng(1), []
    alpha = np.zeros((36, 48), np.uint8)
    alpha[6:30, 10:40] = 255
    seen = generator.integers(0, 255, (36, 48, 3), np.uint8)
    for hidden in (0, 255):
        colors = np.where(alpha[..., None] > 0, seen, hidden).astype(np.uint8)
        Image.fromarray(np.dstack([colors, alpha])).save(folder / "cut.png")
        for name in ("monge", "adain"):
            assert call(folder, f"{name} cut.png style.png") == 0
            with Image.open(folder / "out.png") as image:
                pixels = np.asarray(image.convert("RGBA"))
            np.testing.assert_array_equal(pixels[..., 3], alpha)
            shown.append(np.where(alpha[..., None] > 0, pixels, 0))
    np.testing.assert_array_equal(shown[0], shown[2])
    np.testing.assert_array_equal(shown[1], shown[3])


def test_what_a_photograph_carries_comes_through(folder):
    exif = Image.Exif()
    exif[0x8298], exif[0x0112] = "somebody", 6
    with Image.open(folder / "photo.png") as image:
        image.save(folder / "photo.jpg", exif=exif, dpi=(300, 300), quality=95)
    assert (
        cli.main(
            [
                "reinhard",
                *(str(folder / n) for n in ("photo.jpg", "style.png")),
                "--output",
                str(folder / "o.jpg"),
            ]
        )
        == 0
    )
    with Image.open(folder / "o.jpg") as image:
        assert image.size == (60, 80)  # its own size, upright
        assert image.getexif()[0x8298] == "somebody"
        assert image.getexif().get(0x0112, 1) == 1
        assert image.info["dpi"] == (300, 300)
        assert image.info["icc_profile"]


@pytest.mark.parametrize("size", [37, 48, 71])
def test_a_smaller_result_is_a_first_image(folder, size):
    assert gatys(folder, "--steps", "1", output="small.png") == 0
    words = ["--init", str(folder / "small.png"), "--steps", "1", "--size", str(size)]
    pictures = [str(folder / name) for name in ("photo.png", "style.png")]
    assert cli.main(["gatys", *pictures, *words, "--output", str(folder / "large.png")]) == (
        2 if size < 40 else 0
    )


def test_sizes_are_kept_by_what_keeps_a_photograph_one_and_said_by_the_others(folder, capsys):
    with Image.open(folder / "photo.png") as photo:
        photo.resize((640, 480)).save(folder / "big.png")
    words = [str(folder / name) for name in ("big.png", "style.png")] + ["--output", str(folder / "o.png")]
    for command, expected in (
        ("monge", (640, 480)),
        ("adain", (512, 384)),
        ("adain --size original", (640, 480)),
    ):
        name, *options = command.split()
        assert cli.main([name, *words, *options]) == 0
        said = capsys.readouterr().err
        assert opened(folder / "o.png")[0].shape[1::-1] == expected
        assert ("512x384 px of 640x480 (--size original" in said) == (expected == (512, 384))
