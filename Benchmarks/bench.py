"""Measures every row of the benchmark, in turn with its peer.

    bench.py --tool TENSORFERRY --worker WORKER [--quick] [--only PATTERN] [--list] [--turns N]
             [--seconds S] [--docs FOLDER] [--scratch FOLDER]

TENSORFERRY is the built command, WORKER the program of this package; `make bench` builds both. With `--docs` the
results are merged into FOLDER/benchmarks.json and FOLDER/benchmarks.md is made from all of it. Ends with status 1 if a
row failed to run; a goal that is not reached is a result.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterable, List, Set, Tuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from frame.circumstances import circumstances, revision
from frame.measuring import Pace, grown, measured
from frame.page import number, one_line, page
from frame.row import Growth
from frame.scratch import Scratch
from frame.side import Launcher
from rows import Sizes, all_rows


def main() -> int:
    options = arguments()
    Launcher.shared()
    sizes = Sizes(options.quick)
    pace = Pace(options.turns or sizes.pick(7, 3), options.seconds or sizes.pick(0.2, 0.03))
    chosen = re.compile(options.only)
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="tensorferry-bench-") as folder:
        scratch = Scratch(Path(folder), options.tool, options.worker)
        rows = [row for row in all_rows(sizes, scratch) if chosen.search(f"{row.group}: {row.name}")]
        if options.list:
            print("\n".join(f"{row.group}: {row.name}" for row in rows))
            return 0
        now = datetime.datetime.now(datetime.timezone.utc)
        around = {
            **circumstances(options.tool),
            "date": now.strftime("%Y-%m-%d"), "revision": revision(HERE.parent),
            "turns": pace.turns, "seconds": pace.seconds, "quick": options.quick,
        }  # fmt: skip
        results = []
        for index, row in enumerate(rows):
            begin = time.monotonic()
            result = grown(row, pace) if isinstance(row, Growth) else measured(row, pace)
            results.append(result)
            took = time.monotonic() - begin
            print(f"[{index + 1}/{len(rows)}] {line(result)} [{took:.1f} s]", flush=True)
    if options.docs:
        current = {(row.group, row.name) for row in all_rows(Sizes(False), scratch)}
        write(Path(options.docs), around, results, current)
    failed = [result for result in results if "error" in result]
    missed = [result for result in results if result.get("reached") is False]
    print(f"{len(results)} rows, {len(failed)} failed to run, {len(missed)} goals not reached")
    return 1 if failed or not results else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", required=True, help="the command tensorferry, built for release")
    parser.add_argument("--worker", required=True, help="the program of this package, built for release")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer turns")
    parser.add_argument("--only", default="", metavar="PATTERN", help="rows whose 'group: name' has a match")
    parser.add_argument("--list", action="store_true", help="print the rows and measure nothing")
    parser.add_argument("--turns", type=int, help="how often the sides take turns")
    parser.add_argument("--seconds", type=float, help="how long a turn is to be")
    parser.add_argument("--docs", metavar="FOLDER", help="merge the results into the pages in this folder")
    parser.add_argument("--scratch", help="a folder on the disk to measure on")
    return parser.parse_args()


def line(result: Dict[str, Any]) -> str:
    name = f"{result['group']}: {result['name']}"
    if "error" in result:
        return f"{name}: ERROR {one_line(result['error'])}"
    if "skipped" in result:
        return f"{name}: skipped, {result['skipped']}"
    if "variable" in result:
        return (
            f"{name}: time grows as {result['variable']}^{result['exponent']:.2f} "
            f"(last two {result['last_exponent']:.2f}), memory as ^{result['memory_exponent']:.2f}"
        )
    spread = " to ".join(number(value) for value in result["spread"])
    verdict = {True: "reached", False: "NOT reached", None: "no goal"}[result.get("reached")]
    beside = " of " + " + ".join(result["peer"]) if result["peer"] else f" {result['unit']}"
    return (
        f"{name}: {number(result['value'])}{beside} ({spread}; fastest {number(result['fastest'])}); "
        f"{result['goal'] or ''} {verdict}; "
        f"+{result['growth_mib']:.1f} MiB"
    )


def write(
    folder: Path, around: Dict[str, Any], results: List[Dict[str, Any]], current: Set[Tuple[str, str]]
) -> None:
    """Puts results in the place of older ones of the same rows; what is no row of `make bench` any more goes."""
    path = folder / "benchmarks.json"
    old = json.loads(path.read_text()) if path.exists() else {"environments": {}, "rows": []}
    run = next(name for name in names() if name not in old["environments"])
    for result in results:
        result["run"] = run
    rows = merged([row for row in old["rows"] if (row["group"], row["name"]) in current], results)
    kept = {key: value for key, value in old["environments"].items() if any(row["run"] == key for row in rows)}
    everything = {"schema": "tensorferry.benchmarks/1", "environments": {**kept, run: around}, "rows": rows}
    path.write_text(json.dumps(everything, indent=1) + "\n")
    (folder / "benchmarks.md").write_text(page(everything))


def names() -> Iterable[str]:
    return (f"run {number}" for number in range(1, 1_000_000))


def merged(old: List[Dict[str, Any]], new: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    def key(row: Dict[str, Any]):
        return row["group"], row["name"]

    fresh = {key(row): row for row in new}
    known = {key(row) for row in old}
    rows = [fresh.get(key(row), row) for row in old] + [row for row in new if key(row) not in known]
    groups = list(dict.fromkeys(row["group"] for row in rows))
    return sorted(rows, key=lambda row: groups.index(row["group"]))


if __name__ == "__main__":
    sys.exit(main())
