"""What can go wrong, as two exceptions."""

from __future__ import annotations

from typing import List, Sequence


class Refused(ValueError):
    """The input cannot be represented or recorded; nothing was written.

    `problems` holds every problem that was found, one sentence each.
    """

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        self.problems: List[str] = list(problems)
        super().__init__("\n  ".join([f"{what}:"] + self.problems))


class Disagreement(ValueError):
    """`model(x)` is not what the stages of the model compute; nothing was written.

    Either the model computes something else than its stages say, or it computes with less
    precision than float32.
    """
