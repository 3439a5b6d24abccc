"""One image over several devices, of one host and of two: one device's picture, and no image is gathered."""

import json
import os
import socket
import subprocess
import sys
from math import prod
from pathlib import Path

import pytest
from conftest import picture

from jaxstyle.core import InputError
from jaxstyle.image import sharding

PROGRAM = Path(__file__).with_name("sharded.py")
IMAGE = 128 * 40 * 3


def start(*arguments):
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def check(process, devices):
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err[-3000:]
    found = json.loads(out.splitlines()[-1])
    assert found.pop("devices") == devices
    for name, result in found.items():
        assert result["apart"] < 1e-5, name
        assert result["permutes"] > 0, name
        sizes = [
            prod(map(int, shape[shape.index("[") + 1 : shape.index("]")].split(",")))
            for shape in result["gathered"]
        ]
        assert all(size < IMAGE / 4 for size in sizes), name


def test_eight_devices_are_one():
    check(start(8), 8)


def test_two_hosts_are_one():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    for process in [start(2, address, 2, index) for index in range(2)]:
        check(process, 4)


def test_rows_that_cannot_be_shared_are_refused(monkeypatch):
    monkeypatch.setattr(sharding.jax, "device_count", lambda: 8)
    with pytest.raises(InputError, match="8 devices cannot share the rows of 9x12 px"):
        sharding.shard(picture(12, 9, 1))
