"""Files held against their SHA-256."""

import hashlib
from pathlib import Path

from jaxstyle.core import InputError


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def check_sha256(path: Path, digits: str, name: object) -> None:
    """Raise `InputError`, which says `name`, unless the SHA-256 of a file begins with these digits."""
    found = sha256(path)
    if not found.startswith(digits):
        begins = f"its sha256 begins with {found[:8]}, not {digits[:8]}"
        raise InputError(f"{name}: incomplete or altered ({begins}); download it again")
