"""The report of a benchmark against PyTorch: which variant is best, and tables in Markdown.

A record of a variant has the list `step` of its times in seconds and whatever its benchmark's columns
show, or `failure`. A column is a heading and a function from a record to a cell.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

OURS = "jaxstyle"
Records = dict[str, dict]
Columns = dict[str, Callable[[dict], str]]


def compare(records: Records, bar: float | None) -> dict:
    """Return the best PyTorch by its median step, how many times ours it takes, and if that is `bar`.

    Rows of ours besides `OURS` are shown, not compared; a `bar` of None is none.
    """
    steps = {name: record["step"] for name, record in records.items() if "step" in record}
    theirs = (name for name in steps if not name.startswith(OURS))
    best = min(theirs, key=lambda name: median(steps[name]))
    rounds = [other / own for other, own in zip(steps[best], steps[OURS], strict=True)]
    ratio = median(steps[best]) / median(steps[OURS])
    judged = {} if bar is None else {"bar": bar, "met": ratio >= bar}
    return {"best": best, "ratio": ratio, "ratio_of_rounds": median(rounds)} | judged


def spread(seconds: list[float]) -> str:
    return f"{median(seconds):.3g} ({min(seconds):.3g}..{max(seconds):.3g})"


def quartiles(seconds: list[float]) -> str:
    low, middle, high = quantiles(seconds, n=4, method="inclusive")
    return f"{middle:.3g} ({low:.3g}..{high:.3g})"


def megabytes(record: dict) -> str:
    return f"{record['peak']:.0f}" if "peak" in record else "-"


def row(name: str, record: dict, columns: Columns) -> str:
    """Return one line of the table."""
    if "failure" in record:
        return f"| {name} | failed: {record['failure']} |" + " |" * (len(columns) - 1)
    return f"| {' | '.join([name, *(cell(record) for cell in columns.values())])} |"


def table(title: str, records: Records, columns: Columns, bar: float | None) -> str:
    """Return a section: a line a variant, and how jaxstyle compares with the best PyTorch."""
    result = compare(records, bar)
    met = "met" if result.get("met") else "missed"
    verdict = "" if bar is None else f" Theirs / ours >= {bar}: **{met}**."
    best, rounds = result["best"], result["ratio_of_rounds"]
    lines = [
        f"\n## {title}\n",
        f"| {' | '.join(['', *columns])} |",
        "|---" * (len(columns) + 1) + "|",
        *(row(name, record, columns) for name, record in records.items()),
        f"\nThe best of the others, {best}, takes **{result['ratio']:.2f}** times as long as jaxstyle (median"
        f" of the rounds' ratios {rounds:.2f}).{verdict}",
    ]
    return "\n".join(lines) + "\n"


def opening(step: str, about: dict) -> str:
    """Return the title, and what of the run all benchmarks tell."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return (
        f"# {step}: jaxstyle and PyTorch on {about['device']}\n\n"
        f"{about['date']}; {about['threads']} threads on both sides; {versions}."
    )


def save(folder: Path, name: str, report: dict, text: str) -> None:
    """Write the report as numbers and as text, named after the benchmark and the device; print the text."""
    folder.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", report["device"].lower()).strip("-")
    write(folder / f"{name}-{slug}.json", json.dumps(report, indent=1) + "\n")
    write(folder / f"{name}-{slug}.md", text)
    print(text)


def write(path: Path, content: str) -> None:
    """Write all or nothing."""
    part = path.with_name(path.name + ".part")
    part.write_text(content)
    part.replace(path)
