"""Reading compressed HDF5."""

from __future__ import annotations

from typing import Iterator

from frame.row import Goal, Row


def rows(sizes, scratch) -> Iterator[Row]:
    size = sizes.pick(1 << 30, 64 << 20)
    name = "compressed.h5"

    def write(path: str) -> None:
        scratch.run([*scratch.interpreter, scratch.script("peers/compressed.py"), path, str(size)])

    def prepare():
        scratch.need(size)
        scratch.make(name, write)

    yield Row(
        "compressed", f"{size >> 20} MiB, gzip and shuffle, {scratch.cores} cores", Goal(1 / 1.5, ">= 1.5x h5py"),
        scratch.swift("read-all", scratch.path(name), size, threads=scratch.cores),
        [(1, scratch.python("h5py-read", scratch.path(name), threads=scratch.cores))],
        "every tensor is read, a piece at a time; h5py reads every data set, its filters run on one thread",
        prepare=prepare,
    )  # fmt: skip
