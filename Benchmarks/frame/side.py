"""What is measured on one side of a row: work in a process that stays, or a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Callable, Dict, Optional, Sequence, Tuple

BURSTS = 5
PLAIN = {"OPENBLAS_CORETYPE": None, "OPENBLAS_L2_SIZE": None}
"""Lets OpenBLAS choose its kernels by the processor."""


class Failure(Exception):
    """A side did not run."""


@dataclass(frozen=True)
class Sample:
    """Seconds for one run, and the bytes by which the peak of resident memory grew."""

    seconds: float
    growth: int


class Side:
    """Started once for a row, then measured in turn with the other sides."""

    label: str

    def start(self) -> None:
        pass

    def measure(self, seconds: float) -> Sample:
        """One turn of about so many seconds, of at least one run."""
        raise NotImplementedError

    def stop(self) -> None:
        pass


def environment(changes: Dict[str, Optional[str]]) -> Dict[str, str]:
    """This process's variables with changes; None removes one."""
    merged = {**os.environ, **changes}
    return {key: value for key, value in merged.items() if value is not None}


@dataclass
class Worker(Side):
    """Work that one process repeats: what starts the process and prepares is not measured.

    A turn has several bursts of equally many runs; the least of them counts, because whatever else
    the machine does can only add time. The process speaks the protocol of `Sources/Worker`.
    """

    label: str
    argv: Sequence[str]
    variables: Dict[str, Optional[str]] = field(default_factory=dict)
    process: Optional[subprocess.Popen] = None
    errors: Optional[IO[str]] = None
    baseline: int = 0
    one_run: float = 0.0

    def start(self) -> None:
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment(self.variables),
        )
        self.baseline, _ = self._answer()
        nanoseconds, _ = self._run(1)
        self.one_run = max(nanoseconds, 1) / 1e9

    def measure(self, seconds: float) -> Sample:
        runs = max(1, int(seconds / BURSTS / self.one_run))
        bursts = BURSTS if self.one_run * BURSTS <= 2 * seconds else 1
        best, peak = float("inf"), 0
        for _ in range(bursts):
            nanoseconds, peak = self._run(runs)
            best = min(best, nanoseconds / 1e9 / runs)
        self.one_run = best
        return Sample(best, peak - self.baseline)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        self.process = None

    def _run(self, runs: int) -> Tuple[int, int]:
        self.process.stdin.write(f"{runs}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Tuple[int, int]:
        words = self.process.stdout.readline().split()
        if len(words) != 2:
            self.errors.seek(0)
            raise Failure(f"{self.label}: {self.errors.read().strip()[-2000:]}")
        return int(words[0]), int(words[1])


@dataclass
class Command(Side):
    """A whole process, from its start to its end; `before` runs ahead of each and is not measured.

    The memory is the peak of the process minus that of `idle`, a command that does nothing.
    """

    label: str
    argv: Callable[[], Sequence[str]]
    before: Callable[[], None] = lambda: None
    idle: Optional[Sequence[str]] = None
    variables: Dict[str, Optional[str]] = field(default_factory=dict)
    status: int = 0
    baseline: int = 0

    def start(self) -> None:
        if self.idle is not None:
            self.baseline = min(self._run(self.idle, 0).growth for _ in range(3))

    def measure(self, seconds: float) -> Sample:
        best: Optional[Sample] = None
        begin = time.monotonic()
        while best is None or time.monotonic() - begin < seconds:
            self.before()
            sample = self._run(self.argv(), self.status)
            if best is None or sample.seconds < best.seconds:
                best = sample
        return Sample(best.seconds, max(0, best.growth - self.baseline))

    def _run(self, argv: Sequence[str], expected: int) -> Sample:
        status, seconds, peak, errors = Launcher.shared().run(argv, environment(self.variables))
        if status != expected:
            raise Failure(f"{self.label}: status {status}: {errors.strip()[-2000:]}")
        return Sample(seconds, peak)


class Launcher:
    """The process that starts commands; see `launcher.py`."""

    _shared: Optional[Launcher] = None

    def __init__(self) -> None:
        self.errors = tempfile.TemporaryFile()
        number = self.errors.fileno()
        script = str(Path(__file__).with_name("launcher.py"))
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", script, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[number],
        )

    @classmethod
    def shared(cls) -> Launcher:
        """Started with the program, before that takes memory; ends with it."""
        if cls._shared is None:
            cls._shared = cls()
        return cls._shared

    def run(self, argv: Sequence[str], variables: Dict[str, str]) -> Tuple[int, float, int, str]:
        self.process.stdin.write(json.dumps([list(argv), variables]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failure("the process that starts commands has ended")
        status, seconds, peak, errors = json.loads(line)
        return status, seconds, peak, errors
