"""Lets calls of the command fail, or kills it, and tells whether the invariants hold.

    faults.py SCENARIO JOB TOOL INTERPOSER [--full]

prints one JSON object: how many faults were injected, how many of them the command survived with
its output complete, and every violation. Without --full a few calls of each kind are taken, from
the front, the end and between; with it, every one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jobs
from invariants import OLD, Ended, Source, violations

ERRORS = {"ENOSPC": 28, "EIO": 5, "EDQUOT": 122, "EINTR": 4, "EACCES": 13, "EROFS": 30}
ERRORS |= {"EXDEV": 18, "EMFILE": 24, "ENOMEM": 12}

# What can happen to a call of each kind; `short` is half of a transfer.
ACTIONS = {
    "open": ["EMFILE", "ENOSPC", "EACCES", "EIO"],
    "read": ["EIO", "EINTR", "short"],
    "write": ["ENOSPC", "EIO", "EDQUOT", "EINTR", "short"],
    "copy": ["ENOSPC", "EIO", "EXDEV", "EINTR", "short"],
    "sync": ["EIO", "ENOSPC", "EDQUOT"],
    "rename": ["EXDEV", "EACCES", "EROFS", "ENOSPC"],
    "unlink": ["EACCES", "EROFS"],
    "close": ["EIO", "ENOSPC", "EDQUOT"],
    "truncate": ["ENOSPC", "EIO"],
    "map": ["ENOMEM", "EACCES"],
    "stat": ["EIO", "EACCES"],
    "lock": ["EIO"],
    "list": ["EACCES", "EMFILE"],
}


class Bench:
    """Runs one job again and again, each time with one fault."""

    def __init__(self, name: str, tool: str, interposer: str, folder: Path) -> None:
        self.tool, self.interposer = tool, interposer
        self.folder = folder / "work"
        self.folder.mkdir()
        self.log = folder / "log"
        self.job = jobs.prepare(name, self.folder, tool)
        self.sources = [Source(path) for path in self.job.sources]
        self.injected = self.survived = 0
        self.violations: list[str] = []
        # The threads that tests run on block every signal, and a process inherits that.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    def clear(self, old: bytes | None, keep: set[str] = frozenset()) -> None:
        known = {source.path.name for source in self.sources} | keep
        for path in self.folder.iterdir():
            if path.name not in known:
                path.unlink()
        self.log.unlink(missing_ok=True)
        if old is not None:
            for name in self.job.outputs:
                (self.folder / name).write_bytes(old)

    def start(self, old=None, kind="", call=0, action="", memory=0, **options) -> subprocess.Popen:
        environment = dict(os.environ, LD_PRELOAD=self.interposer, FAULT_FOLDER=f"{self.folder}/")
        environment |= {"FAULT_LOG": str(self.log), "FAULT_MEMORY": str(memory)}
        if kind:
            environment |= {"FAULT_KIND": kind, "FAULT_CALL": str(call)}
            environment |= {"FAULT_ACTION": str(ERRORS.get(action, action))}
        arguments = [self.tool, *self.job.arguments] + (["--force"] if old is not None else [])
        options = {"env": environment} | options
        return subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )

    def finish(self, process: subprocess.Popen, fault: str, old=None, **fields) -> Ended:
        try:
            output, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
            self.violations.append(f"{self.job.name}, {fault}: it did not end in 60 s")
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        ended = Ended(process.returncode, output, errors, lines, old, fault, **fields)
        self.violations += violations(self.job, self.sources, ended)
        return ended

    def inject(self, kind: str, call: int, action: str, memory: int = 0) -> Ended:
        # Every second fault meets an older output that is to be replaced.
        old = OLD if call % 2 == 0 else None
        self.clear(old)
        process = self.start(old, kind, call, action, memory)
        ended = self.finish(process, f"{action} at {kind} {call}", old)
        if "FAULT" in ended.log:
            self.injected += 1
            self.survived += ended.status == 0
        return ended

    def counts(self, memory: int = 0) -> dict[str, int]:
        """How many calls of each kind a run without a fault makes."""
        self.clear(None)
        ended = self.finish(self.start(memory=memory), "no fault")
        assert ended.status == 0, ended.errors
        found: dict[str, int] = {}
        for line in ended.log:
            kind = line.split(" ")[0]
            found[kind] = found.get(kind, 0) + 1
        return found


def chosen(count: int, few: int, full: bool) -> list[int]:
    """Which of `count` calls are taken, and one behind the last, where nothing may fail."""
    if full or count <= few:
        return list(range(1, count + 2))
    step = (count - 1) / (few - 1)
    return sorted({1 + round(i * step) for i in range(few)})


def errors(bench: Bench, full: bool) -> None:
    """Every kind of call fails in every way that it can."""
    turn = 0
    for kind, count in sorted(bench.counts().items()):
        if kind not in ACTIONS:
            raise SystemExit(f"nothing is known of {kind}")
        actions = ACTIONS[kind]
        for call in chosen(count, 8 if kind == "write" else 4, full):
            # In turn, so that over the calls of a kind each action has its turn.
            for action in actions if full else [actions[turn % len(actions)]]:
                bench.inject(kind, call, action)
            turn += 1


def kills(bench: Bench, full: bool) -> None:
    """The process is killed before every call, and the next run is as if nothing had been."""
    total = sum(bench.counts().values())
    for call in chosen(total, 10, full):
        ended = bench.inject("any", call, "kill")
        if "FAULT" not in ended.log:
            continue
        left = {path.name for path in bench.folder.iterdir() if path.name.startswith(".")}
        keep = left | {source.path.name for source in bench.sources}
        before = {name: (bench.folder / name).read_bytes() for name in left}
        bench.clear(None, keep)
        again = bench.finish(bench.start(), f"after kill {call}", others=keep, shared=True)
        if again.status != 0:
            bench.violations.append(f"{bench.job.name}: after kill {call}: {again.errors}")
        if {name: (bench.folder / name).read_bytes() for name in left} != before:
            bench.violations.append(f"{bench.job.name}: after kill {call}: a leftover was touched")
        for name in left:
            if name not in again.errors:
                bench.violations.append(f"{bench.job.name}: after kill {call}: {name} is not told")


def moments(bench: Bench, full: bool) -> None:
    """The process is killed at random moments."""
    bench.clear(None)
    start = time.monotonic()
    bench.finish(bench.start(), "no fault")
    length = time.monotonic() - start
    moment = random.Random(7)
    for index in range(200 if full else 6):
        old = OLD if index % 2 else None
        bench.clear(old)
        process = bench.start(old)
        time.sleep(moment.uniform(0, length))
        process.kill()
        bench.finish(process, f"kill at a random moment, {index}", old)
        bench.injected += 1


def memory(bench: Bench, full: bool) -> None:
    """An allocation of 64 KiB or more fails. Swift has no way on from there: the process ends."""
    size = 1 << 16
    for call in chosen(bench.counts(size).get("memory", 0), 4, full):
        bench.inject("memory", call, "ENOMEM", size)


SCENARIOS = {"errors": errors, "kills": kills, "moments": moments, "memory": memory}


def main(scenarios: dict) -> None:
    scenario, name, tool, interposer = sys.argv[1:5]
    with tempfile.TemporaryDirectory(prefix="tensorferry-faults-") as folder:
        bench = Bench(name, tool, interposer, Path(folder).resolve())
        scenarios[scenario](bench, "--full" in sys.argv)
    answer = {"injected": bench.injected, "survived": bench.survived}
    print(json.dumps(answer | {"violations": bench.violations}))


if __name__ == "__main__":
    main(SCENARIOS)
