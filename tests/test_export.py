"""Exported networks draw what the network draws, at sizes that they were not exported at."""

import jax
import numpy as np
import pytest
from conftest import Compiled, picture

from jaxstyle import cli, weights
from jaxstyle.cli import export

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def network():
    return weights.load("johnson-ink")


def drawn(network, image):
    return np.clip(Compiled(lambda network, image: network(image))(network, image), 0, 1)


def exported(folder, form, capsys):
    file = folder / f"net.{form}"
    command = ["export", "johnson", "--weights", "johnson-ink", "--output", str(file)]
    assert cli.main(command) == 0
    assert "MB" in capsys.readouterr().out
    return file


def test_stablehlo_draws_the_same_on_every_size(network, tmp_path, capsys):
    program = jax.export.deserialize(bytearray(exported(tmp_path, "stablehlo", capsys).read_bytes()))
    assert {"cpu", "cuda", "tpu"} <= set(program.platforms)
    for size in [(48, 64), (36, 20)]:
        image = picture(*size, 1)
        np.testing.assert_allclose(program.call(image), drawn(network, image), atol=1e-4)


def test_onnx_draws_the_same_on_every_size(network, tmp_path, capsys):
    session = onnxruntime.InferenceSession(exported(tmp_path, "onnx", capsys))
    for size in [(48, 64), (37, 51), (34, 33)]:
        image = picture(*size, 2)
        (styled,) = session.run(None, {"image": np.asarray(image).transpose(2, 0, 1)[None]})
        np.testing.assert_allclose(styled[0].transpose(1, 2, 0), drawn(network, image), atol=1e-4)


@pytest.mark.parametrize("name", ["net.png", "net", "net.safetensors"])
def test_the_name_says_the_format_and_no_other_file_is_replaced(name, tmp_path, capsys):
    (tmp_path / name).write_text("before")
    command = ["export", "johnson", "--weights", "johnson-ink", "--output", str(tmp_path / name)]
    assert cli.main(command) == 2
    assert "the name must end in one of .stablehlo .onnx" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "before"


def test_what_is_not_installed_is_said(tmp_path, monkeypatch, capsys):
    def missing(net):
        raise ImportError("install flatbuffers")

    monkeypatch.setitem(export.FORMATS, ".onnx", missing)
    command = ["export", "johnson", "--weights", "johnson-ink", "--output", str(tmp_path / "net.onnx")]
    assert cli.main(command) == 2
    assert 'pip install "jaxstyle[export]" (install flatbuffers)' in capsys.readouterr().err


def test_a_network_of_another_kind_is_refused(tmp_path, capsys):
    given = ["--weights", "adain", "--output", str(tmp_path / "x.onnx")]
    assert cli.main(["export", "johnson", *given]) == 2
    assert "needs a TransformNet" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]
