"""Running a command: what JAX cannot do here is a line."""

import os
import subprocess
import sys

import jax
import pytest

from jaxstyle.cli.run import on_a_device
from jaxstyle.core import InputError


@pytest.mark.parametrize("error", [RuntimeError("no such\nbackend"), AssertionError()])
def test_a_device_that_is_not_there_is_said(error, monkeypatch):
    def broken():
        raise error

    monkeypatch.setattr(jax, "devices", broken)
    with (
        pytest.raises(InputError, match=r"JAX has no device .*set JAX_PLATFORMS to cpu") as caught,
        on_a_device(),
    ):
        raise error
    assert "\n" not in str(caught.value)


def test_any_other_error_passes():
    with pytest.raises(RuntimeError, match="a mistake of ours"), on_a_device():
        raise RuntimeError("a mistake of ours")


def test_an_unknown_platform_is_a_line(tmp_path):
    command = [
        sys.executable,
        "-m",
        "jaxstyle",
        "export",
        "johnson",
        "--weights",
        "johnson-ink",
        "--output",
        "x.onnx",
    ]
    given = os.environ | {"JAX_PLATFORMS": "nonsense", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=given, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "JAX has no device 'nonsense' here" in done.stderr
    assert not list(tmp_path.iterdir())
