"""Both sides of the benchmark compute the same, and its table marks what misses its bar."""

from argparse import Namespace

import pytest

from experiments.benchmarks.report import OURS, compare, summary

TASKS = ["gatys", "gatys-adam", "deep-photo", "johnson", "adain", "train-johnson", "laplacian", "smoothing"]


@pytest.mark.parametrize("task", TASKS)
def test_both_sides_compute_the_same(task):
    pytest.importorskip("torch", reason="comes with the extra `bench`")
    from experiments.benchmarks import speed, tasks

    options = Namespace(turns=1, weights="synthetic", content=None, style=None, smoke=True)
    speed.check(options, tasks.TASKS[task])  # raises where they do not


def row(ours: float, theirs: float, bar: float | None) -> dict:
    records: dict[str, dict] = {
        OURS: {"step": [ours]},
        f"{OURS}, other": {"step": [0.1]},
        "eager": {"step": [theirs]},
    }
    records["compiled"] = {"step": [], "failure": "it crashed"}
    return {"task": "gatys", "size": 256, "variants": records} | compare(records, bar)


def test_what_misses_its_bar_is_marked():
    lines = summary([row(1.0, 1.1, 1.2), row(1.0, 1.3, 1.2), row(1.0, 0.5, None)]).splitlines()[2:]
    assert ["MISSED" in line for line in lines] == [True, False, False]
    assert ["| met |" in line for line in lines] == [False, True, False]
    assert all(ratio in line for ratio, line in zip(("1.10", "1.30", "0.50"), lines, strict=True))
    assert all("eager" in line for line in lines)
