"""How long it takes to know what is in a file of many small tensors."""

from __future__ import annotations

from typing import Iterator

from frame.row import Goal, Row
from sources import small_tensors

from . import FORMATS

PEERS = {
    "safetensors": ("safe_open", Goal(1, "<= 1x safe_open().keys()")),
    "pytorch": ("torch.load", Goal(1 / 20, "<= 1/20 of torch.load")),
    "hdf5": ("h5py-list", Goal(1 / 6, "<= 1/6 of h5py through libhdf5 (1/50 without)")),
}


def rows(sizes, scratch) -> Iterator[Row]:
    count, many = sizes.pick(5_000, 500), sizes.pick(100_000, 10_000)
    for format, ending in FORMATS:
        few = f"{count}.{ending}"
        large = f"{many}.{ending}"
        if format in PEERS:
            work, goal = PEERS[format]
            yield Row(
                "listing", f"{count} tensors, {format}", goal,
                scratch.swift("list", scratch.path(few), count),
                [(1, scratch.python(work, scratch.path(few)))],
                "StateDict(path:) and a walk over it, in the process; Python in its process",
                prepare=lambda few=few, format=format: make(scratch, few, count, format),
            )  # fmt: skip
        yield Row(
            "listing", f"{many} tensors and {count}, {format}", Goal(25, "linear: at most 25x the time for 5,000"),
            scratch.swift("list", scratch.path(large), many),
            [(1, scratch.swift("list", scratch.path(few), count))],
            f"the same with {many // count} times as many tensors",
            prepare=lambda few=few, large=large, format=format: (
                make(scratch, few, count, format), make(scratch, large, many, format)),
        )  # fmt: skip


def make(scratch, name, count, format):
    """A file of `count` tensors, made from the safetensors file by the command."""
    first = f"{count}.safetensors"
    scratch.make(first, lambda path: small_tensors(path, count))
    if name != first:
        scratch.make(name, scratch.convert(first, name))
