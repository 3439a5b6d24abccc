"""The report: all artefacts of a tier, and one page that shows them, readable without a network.

    python -m experiments.report --out report [--tier smoke|cpu|full] [--only SOURCE[.ARTEFACT] ...]

Each artefact gets a folder `OUT/<source>.<artefact>` (see `artefact.py`); those that are there, of the same
tier, are shown and not made again. `OUT/index.html` holds everything: pictures to compare by a slider,
numbers, claims, provenance; `OUT/claims.md` the claims alone, `OUT/figures/` small sheets. Exit code 1 if an
artefact could not be made, but for want of weights that are not here; a claim that differs is a result.
"""

import argparse
import base64
import html
import importlib
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import jax
from PIL import Image

from experiments.artefact import TIERS, MissingError, Run, file_of, finished, shown
from jaxstyle import InputError

SOURCES = {
    "gatys2016": "Gatys, Ecker & Bethge, CVPR 2016; the presentation of that paper",
    "stanford": "Wang, Guo & Lu, Real-time Image Style Transfer (Stanford report)",
    "course": "Shuvo, course paper (SqueezeNet, guided Gram matrices)",
    "icfp": "Unlusoy, Menssen & Cerrada, Neural Style Transfer (ICFP presentation)",
    "survey": "Xia, Image Style Transfer using Neural Methods (talk)",
}
HERE = Path(__file__).parent
EDGE, SHEET, QUALITY = 480, 720, 80  # pixels of the pictures on the page, and of a sheet


def artefacts(only: list[str] | None = None) -> list[str]:
    """Return the names `source.artefact` of all files there are, in the order of their sources."""
    names = [f"{source}.{path.stem}" for source in SOURCES for path in sorted((HERE / source).glob("*.py"))]
    return [name for name in names if not only or any(f"{name}.".startswith(f"{one}.") for one in only)]


def made(name: str, out: Path, tier: str) -> dict[str, Any]:
    """Make an artefact, or read what an earlier run of the tier made; return its provenance."""
    folder = out / name
    if (folder / "provenance.json").exists():
        facts = json.loads((folder / "provenance.json").read_text())
        if facts["tier"] == tier:
            return facts
    module, start = importlib.import_module(f"experiments.{name}"), time.perf_counter()
    print(f"{name}: {str(module.__doc__).splitlines()[0]}", flush=True)
    module.make(run := Run(tier))
    jax.clear_caches()
    print(f"  {time.perf_counter() - start:.0f} s", flush=True)
    return finished(run, f"experiments.{name}", ["--out", str(folder), "--tier", tier], folder)


def small(path: Path, file: Any, edge: int) -> None:
    """Write a picture as a JPEG of at most `edge` pixels."""
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((edge, 4 * edge))
    picture.save(file, "JPEG", quality=QUALITY)


def embedded(path: Path) -> str:
    """Return a picture as a small JPEG within a page."""
    small(path, file := io.BytesIO(), EDGE)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as an HTML table; the columns are those of all rows."""
    if not rows:
        return ""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cell = lambda row, name: html.escape(shown(row[name])) if row.get(name) is not None else ""
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell(row, name)}</td>' for name in columns)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def claims(rows: list[dict[str, Any]]) -> str:
    """Return claims as an HTML list."""
    verdict = lambda row: ("agrees", "✓") if row["agrees"] else ("differs", "✗")
    items = (
        f'<li class="{verdict(row)[0]}"><b>{verdict(row)[1]} {verdict(row)[0]}</b> '
        f"{html.escape(row['statement'])} <small>{html.escape(row['numbers'])}</small></li>"
        for row in rows
    )
    return f'<ul class="claims">{"".join(items)}</ul>'


def pictures(facts: dict[str, Any], folder: Path) -> str:
    """Return the pictures, each with what it was made of over it, under a slider."""
    figures = []
    for label in facts["pictures"]:
        name, before = html.escape(label), facts["made"].get(label, {}).get("before")
        pair, slide = f'<img src="{embedded(file_of(folder, label))}" alt="{name}">', ""
        if before:
            pair += f'<img class="before" src="{embedded(file_of(folder, before))}" alt="before">'
            slide = '<input type="range" value="0" aria-label="the photograph before">'
        figures.append(
            f'<figure><div class="pair">{pair}</div>{slide}<figcaption>{name}</figcaption></figure>'
        )
    return f'<div class="pictures">{"".join(figures)}</div>'


def section(name: str, facts: dict[str, Any], folder: Path) -> str:
    """Return an artefact's part of the page."""
    title = html.escape(str(importlib.import_module(f"experiments.{name}").__doc__).splitlines()[0])
    told = {key: value for key, value in facts.items() if key not in ("claims", "table", "pictures")}
    return (
        f'<section id="{name}"><h3>{title}</h3>{claims(facts["claims"])}{pictures(facts, folder)}'
        f"{table(facts['table'])}<details><summary>provenance</summary>"
        f"<p><code>python -m experiments.{name} --out DIR --tier {facts['tier']}</code></p>"
        f"<pre>{html.escape(json.dumps(told, indent=1))}</pre></details></section>"
    )


def page(found: dict[str, dict[str, Any]], failed: dict[str, str], out: Path, tier: str) -> str:
    """Return the whole page."""
    every = [{"artefact": name} | claim for name, facts in found.items() for claim in facts["claims"]]
    agree = sum(claim["agrees"] for claim in every)
    facts = next(iter(found.values()), {"device": "none", "commit": None})
    parts = []
    for source, title in SOURCES.items():
        own = [name for name in found if name.startswith(f"{source}.")]
        if own:
            parts.append(f'<h2 id="{source}">{html.escape(title)}</h2>')
            parts += [section(name, found[name], out / name) for name in own]
    missed = "".join(f"<li><code>{name}</code>: {html.escape(why)}</li>" for name, why in failed.items())
    summary = (
        f"<p>Tier <b>{tier}</b>, {facts['device']}, commit {facts['commit']}. "
        f"{len(found)} artefacts, {len(every)} claims: <b>{agree} agree, {len(every) - agree} differ</b>.</p>"
    )
    links = "".join(f'<a href="#{name}">{name}</a> ' for name in found)
    body = f"<h1>jaxstyle: the report</h1>{summary}<nav>{links}</nav>"
    body += (f"<h2>Not made</h2><ul>{missed}</ul>" if missed else "") + "".join(parts)
    template = (HERE / "report.html").read_text("utf-8")
    return template.replace("<!-- body -->", body)


def markdown(found: dict[str, dict[str, Any]]) -> str:
    """Return the claims as a Markdown table."""
    lines = ["| artefact | claim of the source | here | numbers |", "|---|---|---|---|"]
    for name, facts in found.items():
        for claim in facts["claims"]:
            verdict = "agrees" if claim["agrees"] else "**differs**"
            lines.append(f"| `{name}` | {claim['statement']} | {verdict} | {claim['numbers']} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Make the artefacts and the page."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.report", description=str(__doc__).splitlines()[0]
    )
    parser.add_argument("--out", type=Path, default=Path("report"))
    parser.add_argument("--tier", choices=TIERS, default="cpu")
    parser.add_argument("--only", nargs="+", metavar="SOURCE[.ARTEFACT]", help="some of them")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    broken = False
    for name in artefacts(options.only):
        try:
            found[name] = made(name, options.out, options.tier)
        except InputError as error:
            broken |= not isinstance(error, MissingError)
            failed[name] = str(error)
            print(f"{name}: not made: {error}", file=sys.stderr)
    (options.out / "index.html").write_text(page(found, failed, options.out, options.tier), "utf-8")
    (options.out / "claims.md").write_text(markdown(found))
    (options.out / "figures").mkdir(exist_ok=True)
    for name in found:
        small(options.out / name / "sheet.jpg", options.out / "figures" / f"{name}.jpg", SHEET)
    print(f"{options.out / 'index.html'}: {len(found)} artefacts, {len(failed)} not made")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
