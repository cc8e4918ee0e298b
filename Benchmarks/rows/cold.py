"""A process that loads a model of 10 MB and classifies one sample."""

from __future__ import annotations

from typing import Iterator

from frame.row import Goal, Row
from frame.side import Command

SIZES = (1536, 1024, 1000)
"""Features, hidden size, classes: 10.4 MB of float32."""


def rows(sizes, scratch) -> Iterator[Row]:
    goals = [("absolute", Goal(25, "<= 25 ms", "ms")), ("beside Python", Goal(1 / 50, "<= 1/50 of the same in Python"))]
    for title, model, inputs in [
        ("model file in HDF5", "cold-model.h5", "cold-x.npy"), ("safetensors", "cold.safetensors", "cold-x.npy"),
    ]:  # fmt: skip
        for kind, goal in goals:
            peer = [] if kind == "absolute" else [(1.0, python(scratch))]
            yield Row(
                "cold start", f"{title}, {kind}", goal,
                scratch.command("predict", scratch.path(model), scratch.path(inputs)), peer,
                "`tensorferry predict`, files in the page cache; Python imports torch and safetensors, loads, runs",
                prepare=lambda: prepare(scratch),
            )  # fmt: skip


def python(scratch) -> Command:
    argv = [*scratch.interpreter, scratch.script("peers/cold.py"), "run", *map(str, SIZES), scratch.path("cold")]
    return Command("python with torch", lambda: argv, variables={"PYTHONDONTWRITEBYTECODE": None})


def prepare(scratch) -> None:
    def write(path: str) -> None:
        prefix = scratch.path("cold")
        scratch.run([*scratch.interpreter, scratch.script("peers/cold.py"), "write", *map(str, SIZES), prefix])
        scratch.run([scratch.tool, "import", prefix + ".safetensors", "-o", path])

    scratch.make("cold-model.h5", write)
