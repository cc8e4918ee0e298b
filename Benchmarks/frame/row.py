"""A row of the benchmark: one small declared value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional, Sequence, Tuple

from .side import Side


@dataclass(frozen=True)
class Goal:
    """What is measured must not exceed `limit`.

    `unit` is "" for a ratio of ours to the peer; "ms", "MiB" or "KiB" for ours alone, "x" for ours in
    units of a file's size.
    `text` says the goal as the project's list has it.
    """

    limit: float
    text: str
    unit: str = ""


@dataclass(frozen=True)
class Row:
    """Ours against the sum of its peers, in turn.

    The time of ours is divided by the sum of the peers' times, each times its factor. Without a
    peer the figure is of ours alone, in the unit of the goal. Without a goal the row informs.
    """

    group: str
    name: str
    goal: Optional[Goal]
    ours: Side
    peer: Sequence[Tuple[float, Side]]
    how: str
    prepare: Callable[[], None] = lambda: None
    """Makes the files that the sides need; not measured."""
    figure: str = "time"
    """What is compared: "time", or "memory" (peak growth over the start of the process)."""
    unit: Optional[Callable[[], float]] = None
    """What ours is divided by where there is no peer and the unit of the goal does not tell it."""


@dataclass(frozen=True)
class Growth:
    """Time and peak memory against the size of something, and the exponents."""

    group: str
    name: str
    variable: str
    points: Sequence[int]
    side: Callable[[int], Side]
    how: str
    prepare: Callable[[int], None] = lambda point: None


class Skipped(Exception):
    """A row cannot be measured on this machine; the reason is the message."""
