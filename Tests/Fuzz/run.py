"""Fuzzes parsers, each in a process of libFuzzer, and prints a line for each.

    run.py PROGRAM FOLDER [--runs N] [--only PATTERN] [--jobs J]

Seeds, what libFuzzer found worth keeping, its logs and findings go to FOLDER. Ends with status 1 if a parser trapped, took
longer than 10 seconds or more than 1 GiB, or threw an error that is not one of ours; the finding is then a file in
FOLDER/findings, and PROGRAM reads it again with `TENSORFERRY_FUZZ_TARGET=NAME PROGRAM FILE`.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=20_000, help="how many inputs each parser gets")
    parser.add_argument("--only", default="", metavar="PATTERN", help="parsers whose name has a match")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many parsers at once")
    options = parser.parse_args()

    seeds = options.folder / "seeds"
    subprocess.run([sys.executable, HERE / "seeds.py", seeds], check=True)
    names = [path.name for path in sorted(seeds.iterdir()) if re.search(options.only, path.name)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda name: fuzz(name, options), names))
    failed = [name for name, is_clean in zip(names, results) if not is_clean]
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not names else 0


def fuzz(name: str, options: argparse.Namespace) -> bool:
    folder = options.folder
    corpus, findings, log = folder / "corpus" / name, folder / "findings", folder / f"{name}.log"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    # Swift's own report of a trap would wait for AddressSanitizer's, and the other way round.
    environment = dict(
        os.environ,
        TENSORFERRY_FUZZ_TARGET=name,
        TENSORFERRY_FUZZ_SEEDS=str(folder / "seeds"),
        SWIFT_BACKTRACE="enable=no",
    )
    begin = time.monotonic()
    with open(log, "w") as output:
        status = subprocess.run(
            [options.program, corpus, folder / "seeds" / name, f"-runs={options.runs}", "-timeout=10",
             "-rss_limit_mb=1024", "-malloc_limit_mb=512", "-max_len=16384", "-print_final_stats=1",
             f"-artifact_prefix={findings}/{name}-"],
            stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment,
        ).returncode  # fmt: skip
    text = log.read_text(errors="replace")
    runs = re.search(r"stat::number_of_executed_units:\s+(\d+)", text)
    covered = re.findall(r" cov: (\d+)", text)
    done = int(runs.group(1)) if runs else 0
    is_clean = status == 0 and done >= options.runs and bool(covered)
    print(
        f"{name}: {done} runs in {time.monotonic() - begin:.0f} s, {covered[-1] if covered else 0} edges covered, "
        + ("no finding" if is_clean else f"FINDING, status {status}, see {log}"),
        flush=True,
    )
    return is_clean


if __name__ == "__main__":
    sys.exit(main())
