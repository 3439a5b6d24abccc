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


def compare(records: Records, bar: float) -> dict:
    """Return the best PyTorch by its median step, how many times ours it takes, and if that is `bar`."""
    steps = {name: record["step"] for name, record in records.items() if "step" in record}
    best = min((name for name in steps if name != OURS), key=lambda name: median(steps[name]))
    rounds = [theirs / own for theirs, own in zip(steps[best], steps[OURS], strict=True)]
    ratio = median(steps[best]) / median(steps[OURS])
    return {"best": best, "ratio": ratio, "ratio_of_rounds": median(rounds), "bar": bar, "met": ratio >= bar}


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


def table(title: str, records: Records, columns: Columns, bar: float) -> str:
    """Return a section: a line a variant, and how jaxstyle compares with the best PyTorch."""
    result = compare(records, bar)
    lines = [
        f"\n## {title}\n",
        f"| {' | '.join(['', *columns])} |",
        "|---" * (len(columns) + 1) + "|",
        *(row(name, record, columns) for name, record in records.items()),
        f"\nA step of the best PyTorch ({result['best'].removeprefix('PyTorch ')}) takes"
        f" **{result['ratio']:.2f}** times that of jaxstyle (median of the rounds' ratios"
        f" {result['ratio_of_rounds']:.2f}). Best PyTorch / jaxstyle >= {bar}:"
        f" **{'met' if result['met'] else 'missed'}**.",
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
