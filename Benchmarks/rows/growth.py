"""How time and memory grow with what there is more of."""

from __future__ import annotations

from typing import Iterator

from frame.row import Growth
from sources import large_tensors

from . import FORMATS, listing


def rows(sizes, scratch) -> Iterator[Growth]:
    counts = sizes.pick([10, 100, 1_000, 10_000, 100_000], [10, 100, 1_000])
    for format, ending in FORMATS:
        yield Growth(
            "growth", f"listing by tensors, {format}", "tensors", counts,
            lambda count, ending=ending: scratch.swift("list", scratch.path(f"{count}.{ending}"), count),
            "StateDict(path:) and a walk over it",
            lambda count, ending=ending, format=format: listing.make(scratch, f"{count}.{ending}", count, format),
        )  # fmt: skip
    for format, ending in FORMATS:
        yield Growth(
            "growth", f"conversion by tensors, safetensors to {format}", "tensors", counts,
            lambda count, ending=ending: scratch.command(
                "convert", "--quiet", scratch.path(f"{count}.safetensors"), scratch.path(f"grown.{ending}"),
                output=f"grown.{ending}"),
            "the whole command, verification included",
            lambda count: listing.make(scratch, f"{count}.safetensors", count, "safetensors"),
        )  # fmt: skip
    yield from over_bytes(sizes, scratch)
    yield from over_model(sizes, scratch)


def over_bytes(sizes, scratch) -> Iterator[Growth]:
    largest = sizes.pick(33, 26)

    def prepare(size):
        scratch.need(2 * size)
        scratch.remove(*(f"bytes-{1 << power}.safetensors" for power in range(20, 34)))
        scratch.make(f"bytes-{size}.safetensors", lambda path: large_tensors(path, size, sparse=True))

    for format, ending in FORMATS[:3]:
        yield Growth(
            "growth", f"conversion by bytes, safetensors to {format}", "bytes",
            sorted({1 << power for power in range(20, largest + 1, 3)} | {1 << largest}),
            lambda size, ending=ending: scratch.command(
                "convert", "--quiet", scratch.path(f"bytes-{size}.safetensors"), scratch.path(f"grown.{ending}"),
                output=f"grown.{ending}"),
            "16 tensors in a sparse file of zeros; the whole command, verification included", prepare,
        )  # fmt: skip


def over_model(sizes, scratch) -> Iterator[Growth]:
    for engine in ("folded", "faithful"):
        yield Growth(
            "growth", f"{engine} engine, batch 8", "positions", sizes.pick([16, 64, 256, 1024, 4096], [16, 64, 256]),
            lambda count, engine=engine: scratch.swift(engine, 8, count, 256, 192, 10, 1), "features 256, hidden 192",
        )  # fmt: skip
        yield Growth(
            "growth", f"{engine} engine, 64 positions", "batch", sizes.pick([1, 8, 64, 512, 4096], [1, 8, 64]),
            lambda count, engine=engine: scratch.swift(engine, count, 64, 256, 192, 10, 1), "features 256, hidden 192",
        )  # fmt: skip
