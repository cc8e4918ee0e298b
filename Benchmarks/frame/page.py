"""The page `docs/benchmarks.md`, made from the results in `docs/benchmarks.json`."""

from __future__ import annotations

import math
from typing import Any, Dict, Iterable, List

INTRODUCTION = """\
# Benchmarks

`make bench` measures all of this anew; `make bench-quick` takes three minutes, uses smaller sizes and writes nothing here.
`{python} Benchmarks/bench.py --only PATTERN` measures some rows. The results with every spread are in
[benchmarks.json](benchmarks.json).

A row is a ratio of two things that ran in turn in one run: ours, then the other, several times. Both are processes of one
group that stay while the row is measured; a turn has several bursts, of which the fastest counts, because other work of
the machine only adds time. The figure is the median of the turns' ratios, the spread their least and their largest.
Commands are timed as whole processes, from their start to their end. Times of ours alone stand only where the goal is a
time. On a machine that does other work as well, what the fastest turn of ours is to the fastest of the other says more than
the median. Memory is the peak of the process less its peak at the start, or less that of `tensorferry --version`.

"""


def page(results: Dict[str, Any]) -> str:
    text = INTRODUCTION.replace("{python}", "python3")
    text += environments(results["environments"])
    entries: List[Dict[str, Any]] = results["rows"]
    rows = [entry for entry in entries if "variable" not in entry]
    growths = [entry for entry in entries if "variable" in entry]
    text += standing(rows)
    for group in dict.fromkeys(entry["group"] for entry in rows):
        text += section(group, [entry for entry in rows if entry["group"] == group])
    if growths:
        text += growth_section(growths)
    return text


def environments(found: Dict[str, Dict[str, Any]]) -> str:
    text = "## Where and when\n\n"
    for key, values in found.items():
        packages = ", ".join(f"{name} {number}" for name, number in values["packages"].items())
        libraries = ", ".join(values["libraries"].values())
        text += (
            f"**{key}**: {values['date']}, revision {values['revision']}, {values['processor']}, {values['cores']} cores, "
            f"{values['memory_gib']} GiB, {', '.join(values['caches']) or 'caches unknown'}; {values['system']}; "
            f"{values['swift']}; Python {values['python']}, {packages}; {libraries}. "
            f"{values['turns']} turns of {values['seconds']:g} s{', quick sizes' if values['quick'] else ''}; "
            f"at its start the machine's load was {values['load']:g}.\n\n"
        )
    return text


def standing(rows: List[Dict[str, Any]]) -> str:
    judged = [row for row in rows if row.get("goal")]
    counts = [
        (sum(row.get("reached") is True for row in judged), "reached"),
        (sum(row.get("reached") is False for row in judged), "not reached"),
        (sum("skipped" in row for row in judged), "skipped"),
        (sum("error" in row for row in rows), "failed to run"),
    ]
    return f"Of {len(judged)} rows with a goal: " + ", ".join(f"{n} {what}" for n, what in counts) + ".\n\n"


def section(group: str, rows: List[Dict[str, Any]]) -> str:
    lines = [f"## {group[0].upper()}{group[1:]}", ""]
    for how in dict.fromkeys(row["how"] for row in rows):
        lines.append(f"{how[0].upper()}{how[1:]}.")
    lines += ["", "| what | beside | median | fastest | spread | goal | reached | growth, MiB | run |",
              "|---|---|---:|---:|---|---|---|---:|---|"]  # fmt: skip
    return "\n".join(lines + [row_line(row) for row in rows]) + "\n\n"


def row_line(row: Dict[str, Any]) -> str:
    beside = " + ".join(row["peer"]) or "-"
    start = f"| {row['name']} | {beside} | "
    goal = row["goal"] or "-"
    run = row.get("run", "-")
    if "error" in row:
        return start + f"**failed** | - | - | {goal} | error: {one_line(row['error'])} | - | {run} |"
    if "skipped" in row:
        return start + f"skipped | - | - | {goal} | {one_line(row['skipped'])} | - | {run} |"
    reached = {True: "yes", False: "**no**", None: "-"}[row.get("reached")]
    spread = " to ".join(number(value) for value in row["spread"])
    growth = f"{row['growth_mib']:.1f}" + (f" / {row['peer_growth_mib']:.1f}" if row["peer"] else "")
    unit = f" {row['unit']}" if row["unit"] not in ("", "x") else "x"
    figures = f"{number(row['value'])}{unit} | {number(row['fastest'])}{unit}"
    return start + f"{figures} | {spread} | {goal} | {reached} | {growth} | {run} |"


def growth_section(growths: Iterable[Dict[str, Any]]) -> str:
    lines = ["## Growth", "",
             "Time relative to the first size, peak growth in MiB, and the exponent of each: the slope of a line through "
             "the logarithms, over all sizes and over the last two.", "",
             "| what | against | sizes | time | exponent | last two | growth, MiB | exponent | run |",
             "|---|---|---|---|---:|---:|---|---:|---|"]  # fmt: skip
    for entry in growths:
        start = f"| {entry['name']} ({entry['how']}) | {entry['variable']} | "
        if "exponent" not in entry:
            why = entry.get("error") or entry.get("skipped") or "fewer than two sizes"
            lines.append(start + f"**failed**: {one_line(why)} | | | | | | {entry.get('run', '-')} |")
            continue
        lines.append(
            start + ", ".join(size(point) for point in entry["points"]) + " | "
            + ", ".join(number(value) for value in entry["time"])
            + f" | {entry['exponent']:.2f} | {entry['last_exponent']:.2f} | "
            + ", ".join(f"{value:.1f}" for value in entry["growth_mib"])
            + f" | {entry['memory_exponent']:.2f} | {entry['run']} |"
        )  # fmt: skip
    return "\n".join(lines) + "\n"


def size(value: int) -> str:
    for power, name in [(30, "Gi"), (20, "Mi")]:
        if value >= 1 << power and value % (1 << power) == 0:
            return f"{value >> power} {name}"
    return f"{value:,}"


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def one_line(text: str) -> str:
    return " ".join(text.replace("|", "/").split())[-300:]
