"""The verdict on a complete reference, beside one pass of the oracle over it."""

from __future__ import annotations

import os
from typing import Iterator

from frame.row import Goal, Row

SIZES = (512, 384, 100)


def rows(sizes, scratch) -> Iterator[Row]:
    samples, positions = sizes.pick((64, 33), (16, 9))
    weights, reference = scratch.path("verify-weights.h5"), scratch.path("verify-reference.h5")

    def write(path: str) -> None:
        scratch.run([
            *scratch.interpreter, scratch.script("peers/reference.py"), weights, path, *map(str, SIZES),
            str(samples), str(positions),
        ])  # fmt: skip

    def prepare():
        scratch.make("verify-reference.h5", write)

    name = f"bundle of 512-384-100, {samples} x {positions} positions and probes"
    ours = scratch.swift("verify", weights, reference)
    yield Row(
        "verification", name, Goal(6, "<= 6x one float64 forward pass over it by the oracle"), ours,
        [(1, scratch.swift("oracle", weights, reference))],
        "ReferenceBundle.verify in the process; the pass runs every case and the rows of the probes, in Double",
        prepare=prepare,
    )  # fmt: skip
    yield Row(
        "verification", name + ": peak memory", Goal(2, "peak memory <= 2x the bundle", "x"), ours, [],
        "peak growth over the start of the process, with the model and one verdict", prepare=prepare, figure="memory",
        unit=lambda: os.path.getsize(reference),
    )  # fmt: skip
