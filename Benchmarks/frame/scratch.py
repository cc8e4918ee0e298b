"""The folder of a run: everything that is measured is made in it, once, and removed with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Sequence, Set

from .row import Skipped
from .side import PLAIN, Command, Failure, Worker

HERE = Path(__file__).resolve().parents[1]


@dataclass
class Scratch:
    """Where files are, and how the processes of both sides are started."""

    folder: Path
    tool: str
    worker: str
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    made: Set[str] = field(default_factory=set)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def make(self, name: str, maker: Callable[[str], None]) -> str:
        """The path of a file, made by the first who asks."""
        if name not in self.made:
            maker(self.path(name))
            self.made.add(name)
        return self.path(name)

    def remove(self, *names: str) -> None:
        for name in names:
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            self.made.discard(name)

    def need(self, bytes_needed: int) -> None:
        """Skips a row for which the disk has no room."""
        free = shutil.disk_usage(self.folder).free
        if free < bytes_needed + (1 << 30):
            raise Skipped(f"needs {bytes_needed >> 20} MiB on the disk, {free >> 20} are free")

    interpreter = (sys.executable,)

    @staticmethod
    def script(name: str) -> str:
        return str(HERE / name)

    def python(self, work: str, *arguments: object, threads: int = 1) -> Worker:
        """Work of `peers/worker.py`, whose libraries get the variables of OpenBLAS as they are."""
        argv = [*self.interpreter, self.script("peers/worker.py"), work, *map(str, arguments)]
        variables = {"OMP_NUM_THREADS": str(threads), "PYTHONDONTWRITEBYTECODE": "1"}
        return Worker(work, argv, variables)

    def swift(self, work: str, *arguments: object, threads: int = 1) -> Worker:
        """Work of `Sources/Worker`."""
        argv = [self.worker, work, *map(str, arguments)]
        return Worker(work, argv, {"OPENBLAS_NUM_THREADS": str(threads), **PLAIN})

    def command(self, *words: str, output: str = "") -> Command:
        """The command `tensorferry`; its output is removed before each run."""
        return Command(
            "tensorferry " + words[0],
            lambda: [self.tool, *words],
            before=(lambda: self.remove(output)) if output else (lambda: None),
            idle=[self.tool, "--version"],
            variables=PLAIN,
        )

    def shell(self, label: str, script: str, *arguments: str, output: str = "") -> Command:
        """A line of shell, with arguments as $1 and so on."""
        return Command(
            label,
            lambda: ["sh", "-c", script, "sh", *arguments],
            before=(lambda: self.remove(output)) if output else (lambda: None),
        )

    def run(self, argv: Sequence[str]) -> None:
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{' '.join(map(str, argv))}: {done.stderr.strip()[-2000:]}")

    def convert(self, source: str, target: str) -> Callable[[str], None]:
        """A maker of files by the command, from a file in the folder."""
        return lambda path: self.run([self.tool, "convert", "--force", "--quiet", self.path(source), path])
