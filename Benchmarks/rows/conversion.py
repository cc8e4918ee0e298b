"""Conversions as commands: large files beside `cp` and `sync`, many small tensors beside Python."""

from __future__ import annotations

from typing import Iterator

from frame.row import Goal, Row
from sources import large_tensors

from . import FORMATS, listing

COPY = 'cp "$1" "$2" && sync "$2"'


def rows(sizes, scratch) -> Iterator[Row]:
    pairs = [(source, target) for source in FORMATS for target in FORMATS]
    quick = {("safetensors", "pytorch"), ("pytorch", "safetensors"), ("safetensors", "hdf5"), ("hdf5", "safetensors")}
    for source, target in pairs:
        if source != target and (not sizes.quick or (source[0], target[0]) in quick):
            yield large(sizes.pick(1 << 30, 64 << 20), scratch, source, target)
    for source, target in pairs:
        if source != target and (not sizes.quick or (source[0], target[0]) in quick):
            yield small(sizes.pick(5_000, 500), scratch, source, target)


def large(size, scratch, source, target) -> Row:
    (format, ending), (other, other_ending) = source, target
    made, output, copied = f"large.{ending}", f"large-out.{other_ending}", f"large-copy.{ending}"

    def prepare():
        scratch.need(4 * size)
        scratch.remove(*(f"large.{end}" for _, end in FORMATS if end not in (ending, "safetensors")))
        scratch.make("large.safetensors", lambda path: large_tensors(path, size))
        if ending != "safetensors":
            scratch.make(made, scratch.convert("large.safetensors", made))

    return Row(
        "conversion", f"{size >> 20} MiB, {format} to {other}",
        Goal(1, "<= 1.05x `cp` + `sync`, verification apart (<= 1x `sha256sum`)"),
        scratch.command("convert", "--quiet", scratch.path(made), scratch.path(output), output=output),
        [(1.05, scratch.shell("cp and sync", COPY, scratch.path(made), scratch.path(copied), output=copied)),
         (1, scratch.shell("sha256sum", 'sha256sum "$1"', scratch.path(made)))],
        "the command reads back and compares what it wrote, which counts as one sha256sum of the file",
        prepare=prepare,
    )  # fmt: skip


def small(count, scratch, source, target) -> Row:
    (format, ending), (other, other_ending) = source, target
    made, output = f"{count}.{ending}", f"small-out.{other_ending}"
    python = f"small-python.{other_ending}"
    return Row(
        "conversion of small tensors", f"{count} tensors, {format} to {other}", Goal(1 / 5, "<= 1/5 of the Python way"),
        scratch.command("convert", "--quiet", scratch.path(made), scratch.path(output), output=output),
        [(1, scratch.python("convert", format, other, scratch.path(made), scratch.path(python)))],
        "the whole command with its flush to the disk and verification; Python in its process, without imports and flush",
        prepare=lambda: listing.make(scratch, made, count, format),
    )  # fmt: skip
