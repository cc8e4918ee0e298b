"""Finds and changes fields of HDF5 files, as the HDF5 File Format Specification 3.0 places them.

Files of `libver="earliest"` have no checksums, so that a changed field is all that is wrong with
them. In newer structures the checksum is made again.
"""

from __future__ import annotations

import struct

UNDEFINED = 0xFFFFFFFFFFFFFFFF


def lookup3(data: bytes) -> int:
    """Jenkins' lookup3 with an initial value of 0: the checksum of HDF5's metadata."""

    def rotated(value: int, by: int) -> int:
        return ((value << by) | (value >> (32 - by))) & 0xFFFFFFFF

    a = b = c = (0xDEADBEEF + len(data)) & 0xFFFFFFFF
    position = 0
    while len(data) - position > 12:
        x, y, z = struct.unpack_from("<III", data, position)
        a, b, c = (a + x) & 0xFFFFFFFF, (b + y) & 0xFFFFFFFF, (c + z) & 0xFFFFFFFF
        for by in (4, 6, 8, 16, 19, 4):
            a = ((a - c) & 0xFFFFFFFF) ^ rotated(c, by)
            c = (c + b) & 0xFFFFFFFF
            a, b, c = b, c, a
        position += 12
    rest = data[position:]
    if not rest:
        return c
    x, y, z = struct.unpack("<III", rest.ljust(12, b"\0"))
    a, b, c = (a + x) & 0xFFFFFFFF, (b + y) & 0xFFFFFFFF, (c + z) & 0xFFFFFFFF
    for by in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - rotated(b, by)) & 0xFFFFFFFF
        a, b, c = b, c, a
    return b


def patched(data: bytes, offset: int, new: bytes) -> bytes:
    assert 0 <= offset <= len(data) - len(new)
    return data[:offset] + new + data[offset + len(new) :]


def address(value: int) -> bytes:
    return struct.pack("<Q", value)


def find(data: bytes, wanted: bytes, start: int = 0) -> int:
    position = data.find(wanted, start)
    assert position >= 0, f"{wanted!r} is not in the file"
    return position


def superblock(data: bytes, offset: int, new: bytes) -> bytes:
    """Changes a field of the superblock, and its checksum if it has one."""
    data = patched(data, offset, new)
    if data[8] in (2, 3):
        data = patched(data, 44, struct.pack("<I", lookup3(data[:44])))
    return data


class Header:
    """The messages of a version 1 object header: type -> offsets of their bodies in the file."""

    def __init__(self, data: bytes, start: int) -> None:
        assert data[start] == 1, "no version 1 object header"
        count, _, size = struct.unpack_from("<HII", data, start + 2)
        self.start, self.messages = start, {}
        blocks = [(start + 16, size)]
        for begin, length in blocks:
            position = begin
            while position + 8 <= begin + length and count > 0:
                kind, body = struct.unpack_from("<HH", data, position)
                self.messages.setdefault(kind, []).append(position + 8)
                if kind == 0x10:
                    blocks.append(struct.unpack_from("<QQ", data, position + 8))
                position += 8 + body
                count -= 1


# Types of messages.
DATASPACE, DATATYPE, LAYOUT, FILTERS, CONTINUATION = 0x01, 0x03, 0x08, 0x0B, 0x10
