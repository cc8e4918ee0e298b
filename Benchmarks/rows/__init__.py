"""The rows: a file for each part of the project's list of goals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Tuple, Union

from frame.row import Growth, Row
from frame.scratch import Scratch


@dataclass(frozen=True)
class Sizes:
    """How large what is measured is: as the goals have it, or small, for a run of three minutes."""

    quick: bool

    def pick(self, full, quick):
        return quick if self.quick else full


def all_rows(sizes: Sizes, scratch: Scratch) -> Iterator[Union[Row, Growth]]:
    from . import cold, compressed, conversion, growth, inference, listing, memory, sharing, verification

    for part in (inference, listing, conversion, sharing, memory, compressed, cold, verification, growth):
        yield from part.rows(sizes, scratch)


FORMATS: List[Tuple[str, str]] = [
    ("safetensors", "safetensors"), ("pytorch", "pt"), ("hdf5", "h5"), ("npz", "npz"), ("gguf", "gguf"),
]  # fmt: skip
"""The formats that are read and written, and the ends of their files' names."""
