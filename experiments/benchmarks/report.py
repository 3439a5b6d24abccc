"""The report of a benchmark: which of the others is best, tables in Markdown, and a plot.

A row is a task at a size: `variants` are records by name, with the list `step` of their times in seconds, or
`failure`.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from jaxstyle.image import io

OURS = "jaxstyle"
Records = dict[str, dict]


def compare(records: Records, bar: float | None) -> dict:
    """Return the best of the others by its median step, how many times ours it takes, and if that is `bar`.

    Rows of ours besides `OURS` are shown, not compared; a `bar` of None is none.
    """
    steps = {name: record["step"] for name, record in records.items() if "failure" not in record}
    theirs = (name for name in steps if not name.startswith(OURS))
    best = min(theirs, key=lambda name: median(steps[name]))
    rounds = [other / own for other, own in zip(steps[best], steps[OURS], strict=True)]
    ratio = median(steps[best]) / median(steps[OURS])
    judged = {} if bar is None else {"bar": bar, "met": ratio >= bar}
    return {"best": best, "ratio": ratio, "ratio_of_rounds": median(rounds)} | judged


def table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows)]
    return "\n".join(lines) + "\n"


def seconds(record: dict) -> str:
    return f"{median(record['step']):.3g}"


def summary(rows: list[dict]) -> str:
    """Return the table that says all: a line a row, its ratio, and if that meets the bar."""

    def line(row: dict) -> list[str]:
        ours, best = (row["variants"][name] for name in (OURS, row["best"]))
        judged = [f"{row['bar']:g}", "met" if row["met"] else "**MISSED**"] if "bar" in row else ["-", ""]
        ratio = f"**{row['ratio']:.2f}**"
        return [row["task"], str(row["size"]), seconds(ours), seconds(best), row["best"], ratio, *judged]

    columns = ["", "px", "jaxstyle, s", "best of the others, s", "which", "theirs / ours", "bar", ""]
    return table(columns, [line(row) for row in rows])


COLUMNS: dict[str, Callable[[dict], str]] = {
    "first call, s": lambda record: f"{record['first']:.3g}",
    "of it compiling": lambda record: f"{record['compile']:.3g}",
    "median, s": lambda record: "{:.3g} ({:.3g}..{:.3g})".format(
        median(record["step"]), min(record["step"]), max(record["step"])
    ),
    "95 %": lambda record: f"{np.percentile(record['step'], 95):.3g}",
    "times jaxstyle's": lambda record: f"{record['ratio']:.2f}",
    "of the roofline": lambda record: f"{record['share']:.0%}" if record["share"] > 0.005 else "-",
    "to the loss": lambda record: (
        "{steps} in {seconds:.3g} s".format(**record["goal"]) if "goal" in record else "-"
    ),
    "off by": lambda record: f"{record['error']:.0e}",
    "peak, MB": lambda record: f"{record['peak']:.0f}",
}


def section(row: dict) -> str:
    """Return a row in full: a line a variant."""

    def line(name: str, record: dict) -> list[str]:
        if "failure" in record:
            return [name, f"failed: {record['failure']}", *[""] * (len(COLUMNS) - 1)]
        return [name, *(cell(record) for cell in COLUMNS.values())]

    lines = [line(name, record) for name, record in row["variants"].items()]
    return (
        f"\n## {row['task']}, {row['size']} px: {row['step']}\n\n{table(['', *COLUMNS], lines)}\n"
        f"{row['date']}. Median of the rounds' ratios {row['ratio_of_rounds']:.2f}. In float64 both sides"
        f" agree to {row['agree']:.0e}.\n"
    )


def plot(path: Path, rows: list[dict]) -> None:
    """Draw how many times jaxstyle's time the best of the others takes, over the size."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure((8, 5), layout="constrained")
    axes = figure.subplots()
    axes.set_prop_cycle(color=colormaps["tab20"].colors)  # pyright: ignore
    for task in dict.fromkeys(row["task"] for row in rows):
        points = [(row["size"], row["ratio"]) for row in rows if row["task"] == task]
        axes.plot(*zip(*points, strict=True), marker="o", label=task)
    axes.axhline(1, color="black", linewidth=0.8)
    sizes = sorted({row["size"] for row in rows})
    axes.set(xlabel="pixels a side", ylabel="best of the others / jaxstyle", xscale="log", yscale="log")
    axes.set_xticks(sizes, sizes, minor=False)
    axes.minorticks_off()
    ratios = (0.5, 1, 2, 5, 10, 20)
    axes.set_yticks(ratios, map(str, ratios))
    axes.legend(ncols=2, fontsize="small")
    io.replace(path, figure.savefig)


def named(folder: Path, report: dict, suffix: str) -> Path:
    """Return the file of a report: it is named after the device."""
    slug = re.sub(r"[^a-z0-9]+", "-", report["device"].lower()).strip("-")
    return folder / f"speed-{slug}{suffix}"


def earlier(folder: Path, report: dict) -> list[dict]:
    """Return the rows that a report of the same device, versions and weights has already."""
    file = named(folder, report, ".json")
    found = json.loads(file.read_text()) if file.exists() else {"rows": []}
    same = all(found.get(name) == report[name] for name in ("versions", "weights", "flags"))
    return found["rows"] if same else []


def save(folder: Path, report: dict, text: str) -> None:
    """Write the report as numbers, as text and as a plot."""
    folder.mkdir(parents=True, exist_ok=True)
    write(named(folder, report, ".json"), json.dumps(report, indent=1) + "\n")
    write(named(folder, report, ".md"), text)
    plot(named(folder, report, ".png"), report["rows"])


def write(path: Path, content: str) -> None:
    """Write all or nothing."""
    part = path.with_name(path.name + ".part")
    part.write_text(content)
    part.replace(path)
