"""The judge of pictures: its pairs, what it makes again and what not, what it says and shows."""

import json
from collections import Counter

import jax.numpy as jnp
import pytest
from conftest import picture

from jaxstyle import InputError, weights, write
from jaxstyle.metrics import LPIPS
from jaxstyle.weights.parameters import HEADS_OF

pytest.importorskip("skimage")
from experiments.quality import judge, pairs, report, run
from experiments.quality.judge import Judge
from jaxstyle.cli.provenance import beside

PAIR = "portrait-glass"  # its pictures are the project's own


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(pairs, "SIZE", 128)
    monkeypatch.delenv("JAXSTYLE_DATA", raising=False)


@pytest.fixture
def small_judge(small_vgg, monkeypatch) -> Judge:
    layers = HEADS_OF["vgg16"]
    heads = {name: jnp.ones(getattr(small_vgg, name.replace("relu", "conv")).bias.shape) for name in layers}
    found = Judge(LPIPS(small_vgg, heads), layers[:4])
    monkeypatch.setattr(judge, "first", lambda: found)
    return found


def test_every_ground_and_every_kind_of_style_comes_twice():
    grounds, kinds = zip(*(name.split("-") for name in pairs.PAIRS), strict=True)
    assert {*Counter(grounds).values(), *Counter(kinds).values()} == {2}
    assert len(pairs.PAIRS) == 8


def test_without_data_the_pairs_of_the_project_are_at_hand():
    assert pairs.at_hand() == [PAIR]
    assert max(pairs.image("astronaut").shape) == 128
    with pytest.raises(InputError, match="set JAXSTYLE_DATA"):
        pairs.image(pairs.PAIRS["portrait-oil"].content)


def test_with_data_every_pair_is_at_hand(real_data, monkeypatch):
    monkeypatch.setenv("JAXSTYLE_DATA", str(real_data))
    assert pairs.at_hand() == [*pairs.PAIRS]


def test_a_network_is_asked_where_it_knows_the_style(tmp_path):
    asked = {name: run.command("johnson", name, tmp_path) for name in pairs.PAIRS}
    known = {name: arguments for name, arguments in asked.items() if arguments}
    assert {pairs.PAIRS[name].style for name in known} == {*pairs.NETWORKS}
    for arguments in known.values():
        assert weights.find(arguments[arguments.index("--weights") + 1])
    with pytest.raises(InputError, match="did you mean 'adain'"):
        run.command("adainn", PAIR, tmp_path)


def test_a_picture_is_made_again_only_if_something_changed(tmp_path):
    folder = run.lay_out(PAIR, tmp_path)
    (arguments,) = filter(None, [run.command("reinhard --depth 8", PAIR, folder)])
    made = folder / "reinhard_--depth_8.png"
    assert not run.is_made(arguments)
    assert run.make(["reinhard --depth 8"], PAIR, folder) == []
    assert run.is_made(arguments)
    first = made.stat().st_mtime_ns
    run.make(["reinhard --depth 8"], PAIR, run.lay_out(PAIR, tmp_path))
    assert made.stat().st_mtime_ns == first
    facts = json.loads(beside(made).read_text())
    for change in ({"commit": "another"}, {"steps": 0}, {"style": None}):
        beside(made).write_text(json.dumps(facts | change))
        assert not run.is_made(arguments)
    beside(made).write_text(json.dumps(facts | {"steps": 0}))
    assert run.pictures(folder) == []
    run.make(["reinhard --depth 8"], PAIR, folder)
    assert run.pictures(folder) == [made]
    assert made.stat().st_mtime_ns > first


def test_what_cannot_be_made_is_named_and_ends_nothing(tmp_path, capsys):
    folder = run.lay_out(PAIR, tmp_path)
    (failed,) = run.make(["adain --weights wct2", "monge"], PAIR, folder)
    assert failed.startswith("adain")
    assert "needs a Decoder" in capsys.readouterr().err
    assert [path.stem for path in run.pictures(folder)] == ["monge"]


def test_everything_is_judged_and_shown(small_judge, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert run.main(["--out", str(out), "--methods", "reinhard"]) == 0
    facts = json.loads((out / "table.json").read_text())
    content, made = facts["pictures"]
    assert (content["method"], made["method"]) == ("content", "reinhard")
    assert (content["style"], content["lpips"]) == pytest.approx((1, 0), abs=1e-4)
    assert made["lpips"] > 0.01
    assert content["seconds"] is None and made["seconds"] > 0
    assert "commit" in facts
    assert (out / "scatter.png").exists()
    page = (out / "index.html").read_text()
    for name in ("style", "content", "reinhard"):
        assert f'src="{PAIR}/{name}.png"' in page
    assert "| reinhard | 1 |" in (out / "table.md").read_text()


def test_pictures_of_others_are_judged_where_they_lie(small_judge, tmp_path, capsys):
    (theirs := tmp_path / "theirs" / PAIR).mkdir(parents=True)
    write(theirs / "a & b.jpg", picture(127, 130, 3))
    out = tmp_path / "out"
    assert run.main(["--out", str(out), "--judge", str(tmp_path / "theirs"), "--pairs", PAIR]) == 0
    _, row = json.loads((out / "table.json").read_text())["pictures"]
    assert row["method"] == "a & b" and row["seconds"] is None
    assert f'src="../theirs/{PAIR}/a &amp; b.jpg"' in (out / "index.html").read_text()
    with pytest.raises(SystemExit) as stop:
        run.main(["--out", str(out), "--judge", str(tmp_path / "nowhere")])
    assert stop.value.code == 2
    assert "has no pictures" in capsys.readouterr().err


def test_means_leave_out_what_is_not_known():
    rows = [{"pair": str(n), "method": "a", "path": "", "style": n, "seconds": n or None} for n in (0, 2)]
    assert report.means(rows) == [{"method": "a", "pairs": 2, "style": 1, "seconds": 2}]
    assert report.markdown(report.means(rows[:1]), ["style", "seconds"]).splitlines()[2] == "| 0 |  |"
