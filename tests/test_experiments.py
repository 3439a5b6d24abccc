"""Artefacts and their report: what a run keeps, writes and shows. The artefacts run in `make report`."""

import ast
import json
import shutil
from pathlib import Path

import jax.numpy as jnp
import pytest
from conftest import picture

from jaxstyle import InputError, Pitie, cli, write

pytest.importorskip("skimage")
from experiments import report
from experiments.artefact import MissingError, Run, falling, finished
from experiments.gallery import run as gallery

ROOT = Path(__file__).parents[1]
FOUND = report.artefacts()


def small() -> Run:
    """Return a run of an artefact with two pictures, a table and two claims."""
    run = Run("smoke")
    content, style = run.photograph(512), run.painting(512)
    for rotations in (1, 2):
        run.stylize(f"after {rotations}", Pitie(rotations=rotations, seed=run.seed), content, style)
        run.row(rotations=rotations, mean=float(jnp.mean(run.pictures[f"after {rotations}"])))
    run.claim("it falls & <rises>", falling([2, 1]), [2.0, 1.0])
    run.claim("it rises", falling([1, 2]), "1, 2")
    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    finished(small(), "experiments.survey.masks", ["--out", "x"], out / "survey.masks")
    return out


@pytest.mark.parametrize("name", FOUND)
def test_an_artefact_says_what_it_is_and_is_listed(name):
    source = (ROOT / "experiments" / (name.replace(".", "/") + ".py")).read_text()
    tree = ast.parse(source)
    assert f"python -m experiments.{name} --out DIR" in str(ast.get_docstring(tree))
    assert "make" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert "run.claim(" in source
    assert f"`{name}`" in (ROOT / "experiments" / "README.md").read_text()


def test_every_source_has_artefacts():
    assert {name.split(".")[0] for name in FOUND} == set(report.SOURCES)
    assert report.artefacts(["course"]) == ["course.figure3", "course.figure5"]
    assert report.artefacts(["course.figure5"]) == ["course.figure5"]


def test_the_tier_bounds_size_and_steps():
    assert (Run("smoke").size(512), Run("smoke").steps(500)) == (64, 2)
    assert (Run("full").size(512), Run("full").steps(500)) == (512, 500)
    assert max(Run("smoke").photograph(512).shape) == 64


def test_the_same_seed_gives_the_same_bits_and_another_others():
    one, two, other = (small_of(seed) for seed in (0, 0, 1))
    assert one == two
    assert one["after 1"] != other["after 1"]


def small_of(seed):
    run = Run("smoke", seed)
    run.stylize("after 1", Pitie(rotations=1, seed=seed), run.photograph(64), run.painting(64))
    return run.facts()["pictures"]


def test_a_run_is_written_with_what_it_takes_to_make_it_again(folder):
    facts = json.loads((folder / "survey.masks" / "provenance.json").read_text())
    assert list(facts["pictures"]) == ["content", "style", "after 1", "after 2"]
    assert facts["made"]["after 1"]["before"] == "content"
    assert {"compile", "run"} <= facts["made"]["after 1"].keys()
    assert [claim["agrees"] for claim in facts["claims"]] == [True, False]
    assert {"seed", "tier", "device", "versions", "commit", "flags"} <= facts.keys()
    assert {path.name for path in (folder / "survey.masks").glob("*.*")} > {"after_1.png", "sheet.jpg"}


def test_missing_weights_are_said_and_not_downloaded():
    with pytest.raises(MissingError, match="jaxstyle weights fetch vgg16"):
        Run("smoke").load("vgg16")
    assert issubclass(MissingError, InputError)


@pytest.fixture(scope="module")
def page(folder):
    facts = report.made("survey.masks", folder, "smoke")
    text = report.page({"survey.masks": facts}, {"course.figure3": "needs <weights>"}, folder, "smoke")
    (folder / "index.html").write_text(text)
    return folder / "index.html"


def test_the_page_holds_everything(page):
    text = page.read_text()
    assert "1 artefacts, 2 claims: <b>1 agree, 1 differ</b>" in text
    assert text.count("data:image/jpeg;base64,") == 6  # the content lies over both results
    assert "it falls &amp; &lt;rises&gt;" in text
    assert "needs &lt;weights&gt;" in text
    assert "http" not in text


@pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs Chromium and ChromeDriver")
def test_a_browser_shows_the_page_and_moves_a_slider(page):
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-background-networking",
        "window-size=390,840",
    ):
        options.add_argument(f"--{flag}")
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    browser = webdriver.Chrome(options, service)
    try:
        browser.get(page.as_uri())
        slider, before = (browser.find_element("css selector", name) for name in ("input", ".before"))
        assert before.value_of_css_property("clip-path") == "inset(0px 100% 0px 0px)"
        move = "arguments[0].value = 70; arguments[0].dispatchEvent(new Event('input'))"
        browser.execute_script(move, slider)
        assert before.value_of_css_property("clip-path") == "inset(0px 30% 0px 0px)"
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        assert len(browser.get_screenshot_as_png()) > 10_000
    finally:
        browser.quit()


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Stand in a folder with a picture that a command made there."""
    monkeypatch.chdir(tmp_path)
    for name, seed in (("photo.png", 1), ("style.png", 2)):
        write(name, picture(30, 40, seed))
    assert cli.main(["reinhard", "photo.png", "style.png", "--size", "40", "--output", "out.png"]) == 0
    return tmp_path / "out.png.provenance.json"


def test_verify_makes_a_picture_again(pair, capsys):
    assert cli.main(["verify", pair.name]) == 0
    assert "the same bits" in capsys.readouterr().out
    facts = json.loads(pair.read_text())
    pair.write_text(json.dumps(facts | {"pixels": "0" * 64, "versions": {"jax": "0.1"}}))
    assert cli.main(["verify", pair.name]) == 1
    said = capsys.readouterr()
    assert "differs" in said.out
    assert "versions was {'jax': '0.1'}, is" in said.err


MADE = '{"command": "reinhard", "arguments": [%s], "pixels": ""}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("[]", "no provenance of a picture"),
        ("{", "no provenance of a picture"),
        ('{"command": "reinhard", "arguments": []}', "which pixels"),
        ('{"command": "reinhard", "arguments": ["reinhard", 3], "pixels": ""}', "no list of texts"),
        ('{"command": 3, "arguments": ["reinhard"], "pixels": ""}', "no text"),
        ('{"command": "reinhard", "arguments": {}, "pixels": ""}', "no list"),
        ('{"command": "reinhard", "arguments": [], "pictures": {"a": 1}}', "which pixels"),
        ('{"command": "train", "arguments": ["train"], "pixels": ""}', "'train' is no command"),
        ('{"command": "reinhard", "arguments": ["weights", "list"], "pixels": ""}', "is no command"),
        ('{"command": "reinhard", "arguments": ["reinhard", "--help"], "pixels": ""}', "makes no picture"),
        (
            '{"command": "gatys", "arguments": [], "pixels": "", "steps": 3, "of_steps": 9}',
            "stopped after 3 of 9",
        ),
        (MADE % '"reinhard", "a.png", "b.png", "--output", "b.png"', "a.png: there is no such file"),
        ("[" * 100_000, "no provenance of a picture"),
    ],
)
def test_verify_says_what_is_wrong_in_a_line(tmp_path, capsys, text, message):
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text)
    assert cli.main(["verify", str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_every_picture_of_the_gallery_is_a_command():
    for _, _, shown in gallery.FIGURES.values():
        for words in shown.values():
            if words not in (*gallery.PHOTOGRAPHS, *gallery.STYLES):
                assert cli.parse([*words.split(), "--output", "out.png"]).runs
    assert {path.stem for path in (ROOT / "docs" / "pictures").iterdir()} == {*gallery.FIGURES}
