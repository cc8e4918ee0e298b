"""Makes the safetensors files that the rows begin with, without any library."""

from __future__ import annotations

import json
import os
import struct
from typing import Iterable, List, Tuple

PIECE = 16 << 20


def header(shapes: Iterable[Tuple[str, List[int]]]) -> Tuple[bytes, int]:
    """The first bytes of a file of float32 tensors, and how many bytes of data follow."""
    entries, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes:
        size = 4
        for dimension in shape:
            size *= dimension
        entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return struct.pack("<Q", len(text)) + text, offset


def small_tensors(path: str, count: int) -> None:
    """`count` tensors of 16 x 12, with names as layers have them, of random bytes that are no NaN."""
    first, size = header((f"blocks.{i // 8}.layer_{i % 8}.weight", [16, 12]) for i in range(count))
    with open(path, "wb") as file:
        file.write(first + numbers(size))


def large_tensors(path: str, total: int, count: int = 16, sparse: bool = False) -> None:
    """`count` equal tensors of together `total` bytes; sparse ones are zeros that take no room on the disk."""
    rows = total // count // 4096
    first, size = header((f"blocks.{i}.weight", [rows, 1024]) for i in range(count))
    with open(path, "wb") as file:
        file.write(first)
        if sparse:
            file.truncate(len(first) + size)
            return
        piece = numbers(min(size, PIECE))
        left = size
        while left > 0:
            file.write(piece[: min(left, len(piece))])
            left -= len(piece)


def numbers(size: int) -> bytes:
    """Random float32 numbers below 2 in magnitude: the highest bit of every exponent is cleared."""
    data = bytearray(os.urandom(size))
    data[3::4] = data[3::4].translate(bytes(byte & 0xBF for byte in range(256)))
    return bytes(data)
