"""Peak memory of conversions of files and of tensors that are larger than any memory they may take."""

from __future__ import annotations

from typing import Iterator

from frame.row import Goal, Row
from sources import large_tensors

from . import FORMATS


def rows(sizes, scratch) -> Iterator[Row]:
    large, one = sizes.pick((4 << 30, 3 << 30), (128 << 20, 96 << 20))
    quick = {("safetensors", "pytorch"), ("pytorch", "hdf5")}
    for title, size, count in [("16 tensors", large, 16), ("one tensor", one, 1)]:
        for source in FORMATS:
            for target in FORMATS:
                if not sizes.quick or (source[0], target[0]) in quick:
                    yield conversion(scratch, title, size, count, source, target)


def conversion(scratch, title, size, count, source, target) -> Row:
    (format, ending), (other, other_ending) = source, target
    stem = f"sparse-{count}"
    first, made, output = f"{stem}.safetensors", f"{stem}.{ending}", f"memory-out.{other_ending}"

    def prepare():
        scratch.need(3 * size)
        others = [f"sparse-{n}.{end}" for n in (1, 16) for _, end in FORMATS]
        scratch.remove(*(name for name in others if name not in (first, made)))
        scratch.make(first, lambda path: large_tensors(path, size, count, sparse=True))
        if made != first:
            scratch.make(made, scratch.convert(first, made))

    return Row(
        "memory", f"{size >> 20} MiB in {title}, {format} to {other}", Goal(64, "<= 64 MiB", "MiB"),
        scratch.command("convert", "--quiet", scratch.path(made), scratch.path(output), output=output), [],
        "peak resident memory of the command less that of `tensorferry --version`; the source is a sparse file of zeros",
        prepare=prepare, figure="memory",
    )  # fmt: skip
