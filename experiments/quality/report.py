"""What is shown of judged pictures: a table, style against content, and a page of the pictures themselves.

A row is what is known of a picture: pair, method, path, and its numbers, None where there is none.
"""

import html
import json
import os
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.figure import Figure

from jaxstyle.image.io import replace

Row = dict[str, Any]
WORDS = ("pair", "method", "path")  # all else are numbers

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>jaxstyle: quality</title>
<style>body{font:14px system-ui;margin:1em}section{display:flex;overflow-x:auto;gap:8px}figure{margin:0}
figcaption{max-width:512px}table{border-spacing:1em 0}</style><h1>Quality</h1><img src="scatter.png" alt="">
"""


def numbers(rows: list[Row]) -> list[str]:
    """Return the names of all numbers, in order."""
    return list(dict.fromkeys(name for row in rows for name in row if name not in WORDS))


def means(rows: list[Row]) -> list[Row]:
    """Return the mean of every number by method, over the pairs that have it."""
    found = []
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        known = {name: [row[name] for row in own if row.get(name) is not None] for name in numbers(rows)}
        averages = {name: mean(values) if values else None for name, values in known.items()}
        found.append({"method": method, "pairs": len(own)} | averages)
    return found


def shown(value: Any) -> str:
    """Return a number as people read it, nothing for None."""
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def markdown(rows: list[Row], columns: list[str]) -> str:
    """Return rows as a Markdown table."""
    lines = [columns, ["---"] * len(columns), *([shown(row.get(name)) for name in columns] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def scatter(path: Path, rows: list[Row]) -> None:
    """Draw style against content: pictures small, the means of the methods large, and named."""
    figure = Figure((9, 6), layout="constrained")
    axes = figure.subplots()
    for number, row in enumerate(means(rows)):
        own, color = [each for each in rows if each["method"] == row["method"]], f"C{number % 10}"
        large = row["lpips"], row["style"]
        axes.scatter(
            [each["lpips"] for each in own], [each["style"] for each in own], 8, color=color, alpha=0.5
        )
        axes.scatter(*large, s=60, color=color)
        axes.annotate(row["method"], large, (5, 5), textcoords="offset points", color=color)
    axes.set(xlabel="LPIPS to the content", ylabel="style distance that is left", yscale="log")
    replace(path, figure.savefig)


def page(rows: list[Row], out: Path) -> str:
    """Return a page of all pictures, pair by pair, at their full size; they lie beside it."""
    parts = [PAGE]
    for pair in dict.fromkeys(row["pair"] for row in rows):
        own = [row for row in rows if row["pair"] == pair]
        figures = [(out / pair / "style.png", "style"), *((row["path"], told(row)) for row in own)]
        parts.append(f"<h2>{html.escape(pair)}</h2><section>")
        for path, text in figures:
            source = html.escape(os.path.relpath(path, out))
            parts.append(
                f'<figure><img src="{source}" alt=""><figcaption>{html.escape(text)}</figcaption></figure>'
            )
        parts.append("</section>")
    return "\n".join(parts) + "\n"


def told(row: Row) -> str:
    """Return what stands under a picture."""
    return ", ".join([row["method"], *(f"{name} {shown(row[name])}" for name in numbers([row]))])


def write(out: Path, rows: list[Row], circumstances: dict[str, Any]) -> None:
    """Write table, plot and page into a folder."""
    names = numbers(rows)
    tables = markdown(means(rows), ["method", "pairs", *names]), markdown(rows, ["pair", "method", *names])
    kept = [{name: row[name] for name in row if name != "path"} for row in rows]
    facts = json.dumps({"means": means(rows), "pictures": kept, **circumstances}, indent=1)
    replace(out / "table.json", lambda path: path.write_text(facts + "\n"))
    replace(out / "table.md", lambda path: path.write_text("\n".join(tables)))
    scatter(out / "scatter.png", rows)
    replace(out / "index.html", lambda path: path.write_text(page(rows, out), "utf-8"))
