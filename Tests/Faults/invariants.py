"""What must hold whenever the command has ended, however it ended.

I1  A source is what it was: bytes, time of modification, mode.
I2  The output's path holds what it held before, or all of what was to be written.
I3  What has the output's path was read back after its last byte was written, then flushed, then
    renamed, and then the directory was flushed.
I4  The answer names every tensor of the source.
I5  Tensors that share storage are told: written once with a note, or written twice.
I6  The bits of every tensor are those of the source.
I7  What is not finished lies beside the output under a hidden name of its own, and is removed
    unless the process was killed.
I8  A full disk is told, with status 2.
I9  Status 0 if and only if all of the output is there.

I5 and I6 hold because the output must be the bytes that a foreign library has found right.
"""

from __future__ import annotations

import json
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path

from jobs import Job

TEMPORARY = re.compile(r"^\.(.+)\.tensorferry-\d+-[0-9a-z]+$")
OLD = b"what was there before\n"


@dataclass
class Ended:
    """How a run ended. `log` is what the interposer saw, or None without one."""

    status: int
    output: str
    errors: str
    log: list[str] | None = None
    # What had the paths before: None, or bytes.
    old: bytes | None = None
    fault: str = ""
    # True if other converters may be at work in the same folder.
    shared: bool = False
    # Other files that are meant to be there.
    others: set[str] = field(default_factory=set)
    # True if the process got a signal that a person sends.
    signalled: bool = False

    @property
    def was_killed(self) -> bool:
        """Without memory Swift, and OpenBLAS, end the process where it stands."""
        without_memory = "memory" in self.fault and self.status in (
            -signal.SIGABRT,
            -signal.SIGTRAP,
            1,
        )
        return self.status == -signal.SIGKILL or without_memory


@dataclass
class Source:
    """What a source was before the run."""

    path: Path

    def __post_init__(self) -> None:
        self.state = self.now()

    def now(self) -> tuple:
        status = self.path.stat()
        return (self.path.read_bytes(), status.st_mtime_ns, status.st_mode, status.st_ino)


def violations(job: Job, sources: list[Source], ended: Ended) -> list[str]:
    """Every invariant that does not hold; the one function that every fault ends in."""
    found = []

    def expect(condition: bool, text: str) -> None:
        if not condition:
            found.append(f"{job.name}, {ended.fault}: {text}; {summary(ended)}")

    for source in sources:
        expect(source.now() == source.state, f"I1 {source.path.name} has changed")

    held = {name: content(job.folder / name) for name in job.outputs}
    is_new = all(held[name] == job.expected[name] for name in job.outputs)
    is_old = all(held[name] == ended.old for name in job.outputs)
    for name, data in held.items():
        whole = data in (ended.old, job.expected[name]) or (data is None and job.is_set)
        expect(whole, f"I2 {name} is neither what it was nor what it should be")
    if job.is_set and held[job.outputs[0]] == job.expected[job.outputs[0]]:
        expect(is_new, "I2 the index is there and a shard of it is not")

    events = ended.log or []
    if ended.status == 0 and events:
        found += [f"{job.name}, {ended.fault}: I3 {text}" for text in disorder(events)]

    if ended.status == 0:
        expect(answers(job, ended), "I4 the answer does not name every tensor")

    names = {path.name for path in job.folder.iterdir()}
    known = {source.path.name for source in sources} | set(job.outputs) | ended.others
    temporary = {name for name in names - known if TEMPORARY.match(name)}
    expect(names - known == temporary, f"I7 there are {sorted(names - known - temporary)}")
    stems = {TEMPORARY.match(name).group(1) for name in temporary}
    expect(stems <= set(job.outputs), f"I7 {sorted(temporary)} are of no output")
    may_stay = ended.was_killed or ended.shared or "unlink" in ended.fault
    expect(may_stay or not temporary, f"I7 {sorted(temporary)} stayed")

    if not ended.was_killed:
        # Before an output is begun there is nothing to clean up: the signal ends the process.
        begun = any(line.startswith(f"open {job.folder}/.") for line in events)
        signals = (129, 130, 143) if begun else (129, 130, 143, -1, -2, -15)
        allowed = (0, 2, *signals) if ended.signalled else (0, 2)
        expect(ended.status in allowed, f"I9 status {ended.status}")
        if ended.status > 0:
            expect("error: " in ended.errors, "I8 nothing was told")
    if ended.status == 0:
        expect(is_new, "I9 status 0 without the output")
    elif not ended.was_killed and not ended.shared and not job.is_set:
        # After the rename there is nothing to take back: the output is whole, if not durable.
        has_name = is_after_rename(events)
        several = len(job.outputs) > 1
        expect(is_old or has_name or several, "I9 the output is there and the status is not 0")
    return found


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def is_after_rename(events: list[str]) -> bool:
    """True if an output had its path before the fault, or got it by the call that failed."""
    kinds = [event.split(" ")[0] for event in events]
    fault = kinds.index("FAULT") if "FAULT" in kinds else 0
    return "rename" in kinds[:fault]


def disorder(events: list[str]) -> list[str]:
    """What is wrong with the order of the calls of a run that ended well."""
    kinds = [event.split(" ")[0] for event in events]
    if "rename" not in kinds:
        return ["there was no rename"]
    first = kinds.index("rename")
    last = len(kinds) - 1 - kinds[::-1].index("rename")
    writes = [i for i, kind in enumerate(kinds[:first]) if kind in ("write", "copy", "truncate")]
    found = []
    if not writes:
        return ["nothing was written before the rename"]
    after = kinds[writes[-1] : first]
    if "open" not in after or "sync" not in after:
        found.append("what was written was not opened and flushed again before the rename")
    if "sync" not in kinds[last:]:
        found.append("the directory was not flushed after the rename")
    return found


def answers(job: Job, ended: Ended) -> bool:
    answer = json.loads(ended.output)
    if not job.arguments[0] == "convert":
        return True
    names = {"npy": 1, "h5": 4, "npz": 4, "gguf": 4, "cast": 4}
    return len(answer["tensors"]) == names.get(job.name, 5)


def summary(ended: Ended) -> str:
    log = " ".join(line.split(" ")[0] for line in (ended.log or [])[-12:])
    return f"status {ended.status}, {ended.errors.strip()[-300:]!r}, {log}"
