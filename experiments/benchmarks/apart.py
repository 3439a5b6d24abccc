"""The variants of a benchmark, each in a process of its own: it crashes alone, and its memory is its own.

worker = Apart(build, ours)              build() makes the variant there
worker.call("advance")                   (seconds, what it returned)

turns = Turns(builds, threads)           a worker and a record for each
turns.each(act)                          act(worker, record), one after another
"""

import multiprocessing
from collections.abc import Callable
from functools import partial

from experiments.benchmarks.machine import clock, memory, peak
from experiments.benchmarks.report import OURS, Records
from experiments.benchmarks.torch_gatys import set_up
from jaxstyle import allocator


class CrashError(Exception):
    """What became of the process, in one line."""


class Apart:
    """A process that waits for calls of what `build` returns; `ours` says whose memory counts on a GPU."""

    def __init__(self, build: Callable, ours: bool):
        spawn = multiprocessing.get_context("spawn")
        self._pipe, far = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(ours, far), daemon=True)
        self._process.start()
        far.close()
        self._pipe.send(build)

    def call(self, method: str):
        """Return the seconds that a call took there, and its result; raises `CrashError`."""
        try:
            self._pipe.send(method)
            failure, answer = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            raise CrashError(f"its process ended with code {self._process.exitcode}") from None
        if failure:
            raise CrashError(failure)
        return answer

    def peak(self) -> float:
        """Return the memory in MB that it took at most, compilation included."""
        return self.call("peak")[1]

    def close(self) -> None:
        self._pipe.close()
        self._process.join()


class Turns:
    """Variants that take turns; where one of PyTorch crashes, its record tells how, and it is out."""

    def __init__(self, builds: dict[str, Callable], threads: int):
        starts = {name: partial(_start, build, threads) for name, build in builds.items()}
        self.workers = {name: Apart(start, name.startswith(OURS)) for name, start in starts.items()}
        self.records: Records = {name: {"step": [], "loss": []} for name in builds}

    def each(self, act: Callable[[Apart, dict], None], spread: Callable = map) -> None:
        """Let every variant act: in turn, or by the `map` of an executor all at once."""

        def attempt(name: str) -> None:
            try:
                act(self.workers[name], self.records[name])
            except CrashError as crash:
                if name.startswith(OURS):
                    raise
                del self.workers[name]
                self.records[name] = {"failure": str(crash)}

        for _ in spread(attempt, [*self.workers]):
            pass

    def end(self) -> Records:
        """Note the memory that each took at most, and end it; return the records."""
        self.each(lambda worker, record: record.update(peak=worker.peak()))
        for worker in self.workers.values():
            worker.close()
        return self.records


def _start(build: Callable, threads: int):
    set_up(threads)
    return build()


def _serve(ours: bool, pipe) -> None:
    """Receive a build, then answer calls until the other end closes: a failure in one line or the answer."""
    allocator.keep()  # before arrays arrive: they start JAX
    build = pipe.recv()
    before, variant = memory("VmRSS"), None
    while True:
        try:
            method = pipe.recv()
        except EOFError:
            return
        try:
            variant = variant or build()
            function = partial(peak, before, ours) if method == "peak" else getattr(variant, method)
            pipe.send((None, clock(function)))
        except Exception as error:
            pipe.send((f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:100]}", None))
