"""Renaming and splitting on a file system that shares extents: nothing need be written."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from frame.row import Goal, Row, Skipped
from frame.scratch import Scratch
from frame.side import Command, Sample
from sources import large_tensors


@dataclass
class Volume:
    """An XFS in a file of the scratch folder, mounted while a row runs."""

    scratch: Scratch
    size: int
    device: str = ""

    @property
    def folder(self) -> Path:
        return self.scratch.folder / "xfs"

    def mount(self) -> None:
        if sys.platform != "linux" or shutil.which("mkfs.xfs") is None:
            raise Skipped("needs Linux and mkfs.xfs (package xfsprogs)")
        image = self.scratch.folder / "xfs.image"
        with open(image, "wb") as file:
            file.truncate(3 * self.size + (512 << 20))
        self.folder.mkdir(exist_ok=True)
        self.scratch.run(["mkfs.xfs", "-q", "-f", str(image)])
        done = subprocess.run(["mount", "-o", "loop", str(image), str(self.folder)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Skipped(f"this machine does not let us mount: {done.stderr.strip()}")
        found = subprocess.run(["findmnt", "-no", "SOURCE", str(self.folder)], capture_output=True, text=True)
        self.device = Path(found.stdout.strip()).name
        large_tensors(str(self.folder / "source.safetensors"), self.size)
        self.flush()

    def flush(self) -> None:
        subprocess.run(["sync", "-f", str(self.folder)], check=True)

    def written(self) -> int:
        """Bytes that went to the loop device so far, metadata included."""
        return int(Path(f"/sys/block/{self.device}/stat").read_text().split()[6]) * 512

    def unmount(self) -> None:
        with contextlib.suppress(OSError):
            subprocess.run(["umount", str(self.folder)], capture_output=True)
            (self.scratch.folder / "xfs.image").unlink()


@dataclass
class OnVolume(Command):
    """A command on the volume; the growth of a sample is the bytes that it wrote to the device."""

    volume: Volume = None  # type: ignore[assignment]
    files: int = 1

    def start(self) -> None:
        self.volume.mount()
        super().start()

    def measure(self, seconds: float) -> Sample:
        self.before()
        self.volume.flush()
        before = self.volume.written()
        sample = self._run(self.argv(), self.status)
        self.volume.flush()
        return Sample(sample.seconds, (self.volume.written() - before) // self.files)

    def stop(self) -> None:
        self.volume.unmount()


def rows(sizes, scratch) -> Iterator[Row]:
    size = sizes.pick(1 << 30, 64 << 20)
    for name, words, files in [
        ("every key renamed", ["--strip-prefix", "blocks."], 1),
        ("split into 4", ["--shard-size", str(size // 4 + (1 << 20))], 4),
    ]:
        for figure, goal in [
            ("time", Goal(20, "<= 20 ms", "ms")),
            ("memory", Goal(64, "at most 64 KiB really written a file", "KiB")),
        ]:
            yield Row(
                "sharing extents", f"{size >> 20} MiB safetensors on XFS, {name}" + (
                    "" if figure == "time" else ": bytes written"), goal,
                command(scratch, size, words, files), [],
                "the whole command on a loop-mounted XFS; bytes are those that reached the device, its log included",
                figure=figure,
            )  # fmt: skip


def command(scratch, size, words, files) -> OnVolume:
    volume = Volume(scratch, size)

    def clear():
        for path in volume.folder.glob("out*"):
            path.unlink()

    return OnVolume(
        "tensorferry convert",
        lambda: [scratch.tool, "convert", "--quiet", *words, str(volume.folder / "source.safetensors"),
                 str(volume.folder / "out.safetensors")],
        before=clear, volume=volume, files=files,
    )  # fmt: skip
