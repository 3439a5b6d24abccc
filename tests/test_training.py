"""The loop, the data and the checkpoints: one result for any number of devices, hosts, workers and deaths."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grain
import jax
import numpy as np
import pytest
from PIL import Image

from jaxstyle import weights
from jaxstyle.core import InputError
from jaxstyle.training import data as training_data
from jaxstyle.training.data import Images, batches, examples, image_files, open_images

WORKER = Path(__file__).with_name("worker.py")
COUNT = 24


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder of small pictures in several formats, and a cache of this test's own."""
    path = tmp_path_factory.mktemp("pictures")
    (path / "more").mkdir()
    generator = np.random.default_rng(0)
    for i in range(COUNT):
        coarse = Image.fromarray(generator.integers(0, 255, (4, 5, 3), np.uint8))
        name = f"more/{i:02d}.png" if i % 3 == 0 else f"{i:02d}.jpg"
        coarse.resize((30 + i % 4, 24), Image.Resampling.BICUBIC).save(path / name)
    (path / "notes.txt").write_text("no picture")
    return path


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    before = os.environ.get("JAXSTYLE_CACHE")
    os.environ["JAXSTYLE_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("JAXSTYLE_CACHE")
    if before:
        os.environ["JAXSTYLE_CACHE"] = before


def start(*arguments):
    command = [sys.executable, str(WORKER), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, WORKER.parents[:2]))}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def finish(process, code=0) -> Any:
    out, err = process.communicate(timeout=240)
    assert process.returncode == code, err[-3000:]
    lines = [line for line in out.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else out


@pytest.fixture(scope="session")
def one_device(folder, tmp_path_factory):
    """What one device finds in four steps, and where its checkpoint lies."""
    output = tmp_path_factory.mktemp("runs") / "one"
    result = finish(start("losses", folder, output))
    assert result["devices"] == 1
    return result | {"output": output}


def same(result, reference, devices, *ways):
    assert result["devices"] == devices
    assert tuple(result["ways"]) == ways
    reference = reference["ways"]["jit"]
    for way in result["ways"].values():
        for ours, theirs in zip(way["losses"], reference["losses"], strict=True):
            assert ours == pytest.approx(theirs, rel=2e-5, abs=1e-7)
        assert way["parameters"] == pytest.approx(reference["parameters"], rel=1e-4)


def test_eight_devices_give_the_result_of_one(folder, one_device):
    ways = "jit", "pmap", "shard_map"
    same(finish(start("losses", folder, "--devices", 8, "--parallel", *ways)), one_device, 8, *ways)


def test_two_hosts_give_the_result_of_one(folder, one_device):
    open_images(folder)  # prepared before both want to
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = ["losses", folder, "--devices", 2, "--parallel", "jit", "pmap", "--distributed", address, 2]
    hosts = [start(*options, index) for index in (0, 1)]
    results = [finish(host) for host in hosts]
    same(results[0], one_device, 4, "jit", "pmap")


def test_a_checkpoint_of_four_devices_opens_on_one(folder, tmp_path, one_device):
    finish(start("losses", folder, tmp_path, "--devices", 4))
    reference = finish(start("losses", folder, shutil.copytree(one_device["output"], tmp_path / "one")))
    same(finish(start("losses", folder, tmp_path)), reference, 1, "jit")


def test_devices_must_divide_a_batch(folder):
    assert "take a multiple" in finish(start("losses", folder, "--devices", 3), code=2)


@pytest.fixture(scope="session")
def undisturbed(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "undisturbed"
    outcome = finish(start("run", folder, output))
    assert outcome["steps"] == 12
    assert outcome["stopped"] == 0
    return output


def wait_for_lines(process, path, count):
    limit = time.monotonic() + 120
    while time.monotonic() < limit and process.poll() is None:
        if path.exists() and len(path.read_text().splitlines()) >= count:
            return
        time.sleep(0.002)
    assert process.poll() is None, process.communicate()


def test_a_run_leaves_its_files(undisturbed):
    names = {path.name for path in undisturbed.iterdir()}
    assert names == {"checkpoints", "johnson.safetensors", "loss.png", "metrics.jsonl", "samples.png"}
    rows = [json.loads(line) for line in (undisturbed / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 13))
    for row in rows:
        assert row["loss"] == pytest.approx(row["negative"] + row["smooth"], rel=1e-5)
    with Image.open(undisturbed / "samples.png") as grid:
        assert grid.size == (2 * 16, 4 * 16)
    network = weights.load(str(undisturbed / "johnson.safetensors"))
    assert network.config == {"residuals": 1, "width": 4}
    training = json.loads(weights.metadata(str(undisturbed / "johnson.safetensors"))["training"])
    assert (training["steps"], training["batch_size"], training["weight"]) == (12, 8, 1.0)


def test_three_deaths_leave_no_trace(undisturbed, folder, tmp_path):
    output = tmp_path / "killed"
    seed = random.SystemRandom().randrange(2**32)
    for count in sorted(random.Random(seed).sample(range(1, 12), 3)):
        process = start("run", folder, output, "--slow")
        wait_for_lines(process, output / "metrics.jsonl", count)
        process.kill()
        process.communicate()
    finish(start("run", folder, output))
    for name in ("metrics.jsonl", "samples.png"):
        assert (output / name).read_bytes() == (undisturbed / name).read_bytes(), f"{name}, seed {seed}"
    networks = (weights.load(str(path / "johnson.safetensors")) for path in (output, undisturbed))
    jax.tree.map(np.testing.assert_array_equal, *networks)


def test_sigterm_saves_and_the_run_goes_on(undisturbed, folder, tmp_path):
    output = tmp_path / "stopped"
    process = start("run", folder, output, "--slow")
    wait_for_lines(process, output / "metrics.jsonl", 4)
    process.send_signal(signal.SIGTERM)
    outcome = finish(process)
    assert outcome["stopped"] == signal.SIGTERM
    assert 4 <= outcome["steps"] < 12
    assert (output / "checkpoints" / str(outcome["steps"])).is_dir()
    assert len((output / "metrics.jsonl").read_text().splitlines()) == outcome["steps"]
    assert finish(start("run", folder, output))["steps"] == 12
    assert (output / "metrics.jsonl").read_bytes() == (undisturbed / "metrics.jsonl").read_bytes()


def test_another_configuration_is_refused(undisturbed, folder):
    before = (undisturbed / "metrics.jsonl").read_bytes()
    message = finish(start("run", folder, undisturbed, "--learning-rate", 50), code=2)
    assert "learning_rate 100.0, not 50.0" in message
    assert (undisturbed / "metrics.jsonl").read_bytes() == before


# ---- the data


def first_batches(monkeypatch, images, hosts=1, threads=16, count=4):
    """Return the first global batches, put together from the shares of the hosts."""
    monkeypatch.setattr(training_data, "THREADS", threads)
    monkeypatch.setattr(jax, "process_count", lambda: hosts)
    shares = []
    for host in range(hosts):
        monkeypatch.setattr(jax, "process_index", lambda host=host: host)
        series = batches({"image": images}, 8, 4, seed=3)
        shares.append([next(series)["image"] for _ in range(count)])
    return [np.stack(parts, 1).reshape(4, 8, 8, 3) for parts in zip(*shares, strict=True)]


def test_order_is_that_of_the_seed(folder, monkeypatch):
    images = open_images(folder)
    reference = first_batches(monkeypatch, images)
    assert reference[0].dtype == np.uint8
    for hosts, threads in ((1, 1), (2, 4), (4, 16)):
        others = first_batches(monkeypatch, images, hosts, threads)
        for a, b in zip(others, reference, strict=True):
            np.testing.assert_array_equal(a, b)


def test_an_epoch_holds_every_picture_once_and_the_next_is_another(folder):
    images = open_images(folder)
    order = grain.MapDataset.source(range(len(images))).seed(0).shuffle().repeat()
    first, second = ([order[i] or 0 for i in range(start, start + COUNT)] for start in (0, COUNT))
    assert sorted(first) == sorted(second) == list(range(COUNT))
    assert first != second


def test_a_folder_is_prepared_once_until_it_changes(folder, capsys):
    open_images(folder)
    capsys.readouterr()
    assert len(open_images(folder)) == COUNT
    out, err = capsys.readouterr()
    assert "preparing" not in out + err


def test_prepared_datasets_open_by_folder_and_by_name(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("JAXSTYLE_CACHE", str(tmp_path))
    images = open_images(folder)
    prepared = next(tmp_path.rglob("dataset_info.json")).parent
    for path in (prepared, prepared.parent):
        np.testing.assert_array_equal(open_images(path)[3], images[3])
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared.parent.parent))
    assert len(open_images("image_folder")) == COUNT


def test_corrupt_files_are_named_counted_and_skipped(folder, tmp_path, capsys):
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in image_files(folder)[:6]:
        (broken / path.name).write_bytes(path.read_bytes())
    names = sorted(path.name for path in broken.iterdir())
    whole = (broken / names[1]).read_bytes()
    (broken / names[1]).write_bytes(whole[: len(whole) // 2])
    (broken / names[4]).write_bytes(b"no picture at all")
    assert len(open_images(broken)) == 4
    err = capsys.readouterr().err
    assert names[1] in err
    assert names[4] in err
    assert "2 of 6" in err


def test_names_that_are_no_text_are_pictures_all_the_same(folder, tmp_path, capsys):
    odd = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(odd)
    first, second = (path.read_bytes() for path in image_files(folder)[:2])
    for name, content in {b"\xfe.png": first, b"plain.png": second, b"bad\xff.png": b"no picture"}.items():
        with open(odd + b"/" + name, "wb") as file:
            file.write(content)
    images = open_images(os.fsdecode(odd))
    assert sorted(images._record(i)[0] for i in range(len(images))) == ["\\xfe.png", "plain.png"]
    assert all(images[i].shape[-1] == 3 for i in range(2))
    assert "bad\\xff.png" in capsys.readouterr().err


def test_sources_of_one_seed_have_orders_of_their_own(folder):
    images = open_images(folder)
    series = [examples(images, 8, seed, name) for seed in (0, 1) for name in ("image", "style")]
    firsts = [b"".join(np.asarray(s[i]).tobytes() for i in range(4)) for s in series]
    assert len(set(firsts)) == 4
    with pytest.raises(InputError, match="seed -1 is not from 0"):
        batches({"image": images}, 8, 4, -1)


def test_a_corrupt_record_gives_its_place_to_the_next(folder, capsys):
    packed = image_files(folder)[0].read_bytes()
    records = [{"name": b"good", "image": packed}, {"name": b"bad", "image": packed[:100]}]
    images = Images([(records, "image")])
    np.testing.assert_array_equal(images[1], images[0])
    assert list(images.skipped) == ["bad"]
    assert capsys.readouterr().err.count("bad") == 1
    with pytest.raises(InputError, match="none of the records"):
        Images([(records[1:], "image")])[0]


def test_bad_data_are_said(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("text")
    (tmp_path / "texts" / "b.png").write_text("text")
    for name, message in {
        tmp_path / "empty": "no images",
        tmp_path / "texts": "none of its 1 images",
        tmp_path / "texts" / "a.txt": "is a file",
        "no_such_dataset": "neither a folder nor a dataset",
        tmp_path / "nowhere": "there is no such folder",
    }.items():
        with pytest.raises(InputError, match=message) as caught:
            open_images(name)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="fewer than a batch of 100"):
        batches({"image": open_images(folder)}, 8, 100, 0)
