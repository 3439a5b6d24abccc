"""The report of a benchmark against PyTorch: which variant is best, and a table in Markdown.

A record of a variant: `first` {gradient, chunk} and the lists `gradient`, `step` in seconds, `loss` of
every step, perhaps `peak` in MB; or `failure`.
"""

from statistics import median

OURS, BAR = "jaxstyle", 1.1


def compare(records):
    """Return the best PyTorch by its median step, and how many times jaxstyle's step it takes."""
    steps = {name: record["step"] for name, record in records.items() if "step" in record}
    best = min((name for name in steps if name != OURS), key=lambda name: median(steps[name]))
    rounds = [theirs / own for theirs, own in zip(steps[best], steps[OURS], strict=True)]
    ratio = median(steps[best]) / median(steps[OURS])
    return {"best": best, "ratio": ratio, "ratio_of_rounds": median(rounds), "met": ratio >= BAR}


def spread(seconds):
    return f"{median(seconds):.3g} ({min(seconds):.3g}..{max(seconds):.3g})"


def row(name, record, steps):
    """Return one line of the table."""
    if "failure" in record:
        return f"| {name} | failed: {record['failure']} |" + " |" * 6
    first, loss = record["first"], record["loss"]
    cells = [f"{first['gradient']:.3g}", f"{first['chunk']:.3g}", spread(record["gradient"])]
    cells += [spread(record["step"]), f"{loss[steps // 2 - 1]:.5g}", f"{loss[-1]:.5g}"]
    cells += [f"{record['peak']:.0f}" if "peak" in record else "-"]
    return f"| {' | '.join([name, *cells])} |"


def table(size, records, steps):
    """Return the section of one size."""
    result = compare(records)
    heads = ["", "first gradient, s", "first chunk, s", "loss and gradient, s", "L-BFGS step, s"]
    heads += [f"loss at {steps // 2}", f"loss at {steps}", "peak memory, MB"]
    return [
        f"\n## {size} x {size}\n",
        f"| {' | '.join(heads)} |",
        "|---" * len(heads) + "|",
        *(row(name, record, steps) for name, record in records.items()),
        f"\nA step of the best PyTorch ({result['best'].removeprefix('PyTorch ')}) takes"
        f" **{result['ratio']:.2f}** times that of jaxstyle (median of the rounds' ratios"
        f" {result['ratio_of_rounds']:.2f}). Best PyTorch / jaxstyle >= {BAR}:"
        f" **{'met' if result['met'] else 'missed'}**.",
    ]


def text(about, sizes):
    """Return the report in Markdown."""
    lines = [
        f"# A step of Gatys' method: jaxstyle and PyTorch on {about['device']}\n",
        f"{about['date']}; {about['threads']} threads on both sides; "
        + ", ".join(f"{name} {number}" for name, number in about["versions"].items())
        + f". Weights {about['weights']}, L-BFGS from the content, {about['steps']} steps. Median"
        " (fastest..slowest round), all variants in turns in one process. The first calls compile; a loss"
        " is that before the step of this number, and rounding alone makes long descents drift apart."
        f" At full precision both sides agree on loss and gradient to {about['error']:.0e}; the times are"
        " those of the defaults, on a GPU TF32 (jaxstyle's Gram matrices: float32).",
    ]
    return (
        "\n".join(lines + [line for size in sizes for line in table(size, sizes[size], about["steps"])])
        + "\n"
    )


def write(path, content):
    """Write all or nothing."""
    part = path.with_name(path.name + ".part")
    part.write_text(content)
    part.replace(path)
