"""Memory: how much there is, how much is taken, how much a run may take. On a GPU it is the device's."""

from pathlib import Path
from typing import NamedTuple

import jax


class Limit(NamedTuple):
    """The bytes that a run may take: those that the user allows, or those that there are."""

    bytes: float
    allowed: bool

    def __str__(self) -> str:
        return f"you allow {shown(self.bytes)}" if self.allowed else f"there are {shown(self.bytes)}"


def shown(size: float) -> str:
    """Return bytes as text."""
    if size >= 1e8:
        return f"{size / 1e9:,.1f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def limit_of(allowed: float | None) -> Limit:
    """Return the limit that the user set, or that of the machine."""
    return Limit(allowed, True) if allowed else Limit(available(), False)


def available() -> float:
    """Return the bytes that there are for one more run; endless where the machine does not tell."""
    stats = jax.devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"]
    return _entry("/proc/meminfo", "MemAvailable", float("inf")) + taken()


def taken() -> float:
    """Return the bytes that are taken now: by this process, or on the device."""
    stats = jax.devices()[0].memory_stats()
    if stats and "bytes_in_use" in stats:
        return stats["bytes_in_use"]
    return _entry("/proc/self/status", "VmRSS", 0.0)


def _entry(path: str, name: str, otherwise: float) -> float:
    """Return the bytes that a table of Linux tells, or `otherwise` where there is none."""
    table = Path(path)
    lines = table.read_text().splitlines() if table.exists() else []
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith(name)), otherwise)
