"""Runs a program and tells how it ended."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import List, Optional


@dataclass(frozen=True)
class Ended:
    """How a process ended: its status, or minus the number of the signal that it died of, and what it took."""

    status: int
    is_late: bool
    output: str
    errors: str
    seconds: float
    """Of the processor."""
    memory: float
    """The peak of what was resident, in MiB."""


def execute(argv: List[str], seconds: float = 60, address_space: Optional[int] = None) -> Ended:
    """Runs a program, and kills it after some seconds; `address_space` keeps it from taking the machine's memory."""

    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if address_space:
            resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))

    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, preexec_fn=prepare
        )
        deadline = time.monotonic() + seconds
        is_late = False
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if not is_late and time.monotonic() > deadline:
                is_late = True
                process.kill()
            time.sleep(0.002)
        process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return Ended(
            process.returncode, is_late, text(output), text(errors), usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / unit,
        )  # fmt: skip


def text(file) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
