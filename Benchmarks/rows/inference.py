"""The attention classifier: pooling pass, folded, faithful, beside torch and onnxruntime."""

from __future__ import annotations

from typing import Iterator

from frame.row import Goal, Row

TABLE = [(32, 197, 768, 512, 1000), (64, 128, 256, 256, 10), (1, 49, 512, 256, 10)]
"""Batch, positions, features, hidden size, classes."""
LARGE = (512, 197, 768, 512, 1000)
VECTOR = [(1, 1, 512, 256, 10), (256, 1, 512, 256, 10)]

OVER_READ = "<= 1.15x (plain read of X + the classifier product alone)"
TWENTY = ">= 20x torch eager, torch.compile and onnxruntime, 1 thread"


def name(shape, threads):
    return "x".join(map(str, shape)) + f", {threads} thread" + ("s" if threads > 1 else "")


def in_cache(shape):
    """Whether X fits the second-level cache of a core, which has 256 KiB at least."""
    return shape[0] * shape[1] * shape[2] * 4 <= 256 << 10


def rows(sizes, scratch) -> Iterator[Row]:
    shapes = sizes.pick(TABLE + [LARGE], TABLE)
    counts = sorted({1, scratch.cores})
    for shape in shapes:
        for threads in counts:
            yield pooling(scratch, shape, threads)
    for shape in shapes:
        for threads in counts:
            yield over_read(scratch, shape, threads)
        yield from against(scratch, shape, sizes.pick(counts, [1]), compiling=not sizes.quick or shape == TABLE[2])
    for shape in VECTOR:
        yield vector(scratch, shape, 1)
    for shape in TABLE + VECTOR:
        for threads in sizes.pick(counts, [1]):
            yield faithful(scratch, shape, threads)


def pooling(scratch, shape, threads) -> Row:
    share = 0.35 if in_cache(shape) else 0.85
    where = "in L2" if in_cache(shape) else "beyond L2"
    return Row(
        "pooling pass", name(shape, threads), Goal(1 / share, f">= {share} of a plain read of X ({where})"),
        scratch.swift("pooling", *shape, threads, threads=threads),
        [(1, scratch.swift("read", *shape, threads, threads=threads))],
        "the operator AttentionPooling; the read sums all values with the widest instructions",
    )  # fmt: skip


def over_read(scratch, shape, threads) -> Row:
    return Row(
        "folded model", name(shape, threads), Goal(1.15, OVER_READ),
        scratch.swift("folded", *shape, threads, threads=threads),
        [(1, scratch.swift("read", *shape, threads, threads=threads)),
         (1, scratch.swift("product", *shape, threads, threads=threads))],
        "Engine on the folded graph; the product is sgemm (sgemv for one sample) of OpenBLAS",
    )  # fmt: skip


def against(scratch, shape, counts, compiling) -> Iterator[Row]:
    for threads in counts:
        goal = Goal(1 / 20, TWENTY) if threads == 1 else None
        peers = ["torch-run", "onnx"] + (["torch-compile"] if compiling else [])
        for peer in peers if threads == 1 else ["torch-run"]:
            yield Row(
                f"folded model and {peer}", name(shape, threads), goal,
                scratch.swift("folded", *shape, threads, threads=threads),
                [(1, scratch.python(peer, *shape, threads, threads=threads))],
                "Engine on the folded graph; the same classifier on the same shape in Python, in inference mode",
            )  # fmt: skip


def vector(scratch, shape, threads) -> Row:
    batch, _, *rest = shape
    return Row(
        "folded model, vector form", name((batch, *rest), threads), Goal(1 / 10, ">= 10x torch eager"),
        scratch.swift("folded", *shape, threads, threads=threads),
        [(1, scratch.python("torch-run", batch, 0, *rest, threads, threads=threads))],
        "one position, so that its weight is 1; torch runs the module as the article prints it",
    )  # fmt: skip


def faithful(scratch, shape, threads) -> Row:
    batch, positions, *rest = shape
    inputs = (batch, 0 if positions == 1 else positions, *rest)
    return Row(
        "faithful engine", name(shape, threads), Goal(0.8, "<= 0.8 of torch eager's time"),
        scratch.swift("faithful", *shape, threads, threads=threads),
        [(1, scratch.python("torch-run", *inputs, threads, threads=threads))],
        "Engine on the model's own graph",
    )  # fmt: skip
