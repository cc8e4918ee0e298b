"""H523 to H542: chunks, shapes, types and attributes that lie."""

from __future__ import annotations

import struct
import zlib

import h5py
import numpy as np
from case import VALUES, case, chunked, header_of, made, one, plain
from hdf5_bytes import (
    DATASPACE,
    DATATYPE,
    FILTERS,
    LAYOUT,
    UNDEFINED,
    address,
    find,
    patched,
    superblock,
)


def filtered(flag: int) -> bytes:
    import hdf5plugin

    assert hdf5plugin.Bitshuffle().filter_id == 32008
    data = one(chunks=(5, 7), **hdf5plugin.Bitshuffle())
    # Version, count, then in version 1 six reserved bytes, number, length of the name, flags.
    body = header_of(data).messages[FILTERS][0]
    assert data[body] == 1 and struct.unpack_from("<H", data, body + 8)[0] == 32008
    return patched(data, body + 12, struct.pack("<H", flag))


@case("H523", "a filter of a plugin that is mandatory", word="32008")
def _(place):
    place.save(filtered(0))


@case("H524", "a filter of a plugin that may be left out", word="32008")
def _(place):
    place.save(filtered(1))


@case("H525", "a chunk that says it was not filtered", "read")
def _(place):
    values = np.arange(256, dtype="<f4")
    place.save(chunked(values.tobytes(), mask=1, compression="gzip"), {"w": values})


@case("H526", "a chunk that inflates to fewer bytes than it should", word="1024")
def _(place):
    for count in (0, 64, 1023):
        place.save(chunked(zlib.compress(bytes(count)), compression="gzip"))


@case("H527", "a chunk that inflates to more bytes than it should", word="1024")
def _(place):
    for count in (1025, 4096):
        place.save(chunked(zlib.compress(bytes(count)), compression="gzip"))


@case("H528", "a chunk of 500 kB that would inflate to 500 MB")
def _(place):
    place.save(chunked(zlib.compress(bytes(500_000_000), 9), compression="gzip"))


@case("H529", "a chunk whose checksum is wrong", word="checksum")
def _(place):
    data = one(chunks=(5, 7), fletcher32=True)
    at = find(data, VALUES.tobytes()[4:64])
    place.save(patched(data, at, bytes([data[at] ^ 1])))
    place.save(patched(data, at + len(VALUES.tobytes()) - 4, b"\1\2\3\4"))


@case("H530", "chunks of nbit, scaleoffset and szip")
def _(place):
    place.save(made(lambda file: file.create_dataset("w", data=VALUES.astype("i4"), scaleoffset=0)))
    for name in ("set_nbit", "set_szip"):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((8,))
        if name == "set_szip":
            properties.set_filter(h5py.h5z.FILTER_SZIP, h5py.h5z.FLAG_OPTIONAL, (4, 8, 32, 8))
        else:
            properties.set_filter(5, h5py.h5z.FLAG_OPTIONAL, ())

        def build(file, properties=properties):
            space = h5py.h5s.create_simple((40,))
            data = h5py.h5d.create(file.id, b"w", h5py.h5t.STD_I32LE, space, properties)
            data.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(40, dtype="i4"))

        place.save(made(build))


@case("H531", "a shape of 4 PB in a file of 2 kB", word="the limit is|the least")
def _(place):
    place.save(made(lambda file: file.create_dataset("w", (1 << 20, 1 << 30), "<f4")))
    place.save(
        made(lambda file: file.create_dataset("w", (1 << 20, 1 << 30), "<f4", chunks=(1024, 1024)))
    )


@case("H532", "data that was never written and has a fill value", "read")
def _(place):
    data = made(lambda file: file.create_dataset("w", (5, 7), "<f4", fillvalue=2.5))
    place.save(data, {"w": np.full((5, 7), 2.5, "<f4")})


@case("H532", "data that was never written and has no fill value", word="fill value")
def _(place):
    for chunk in (None, (4,)):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        if chunk:
            properties.set_chunk(chunk)
        place.save(
            made(
                lambda file, properties=properties: h5py.h5d.create(
                    file.id, b"w", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((8,)), properties
                )
            )
        )


def with_dimensions(data: bytes, *dimensions: int) -> bytes:
    """Dataspace version 1: version, rank, flags, five reserved bytes, dimensions."""
    body = header_of(data).messages[DATASPACE][0]
    assert data[body] == 1
    return patched(data, body + 8, struct.pack(f"<{len(dimensions)}Q", *dimensions))


@case("H533", "dimensions whose product does not fit into 64 bits")
def _(place):
    for dimensions in ((1 << 32, 1 << 32), (1 << 63, 2), (UNDEFINED, UNDEFINED), (3, 1 << 62)):
        place.save(with_dimensions(one(), *dimensions))


@case("H534", "33 dimensions, and a rank of 255")
def _(place):
    data = one()
    body = header_of(data).messages[DATASPACE][0]
    for rank in (33, 255):
        place.save(patched(data, body + 1, bytes([rank])))


@case("H534", "a dimension of 0, and one that may grow without end", "read")
def _(place):
    place.save(made(lambda file: file.create_dataset("w", (0, 7), "<f4")), {"w": VALUES[:0]})
    data = one(chunks=(2, 7), maxshape=(None, 7))
    place.save(data, {"w": VALUES})


def chunk_dimensions(data: bytes) -> int:
    """Layout version 3: version, class 2, rank, address of 8 bytes, dimensions of 4 bytes."""
    body = header_of(data).messages[LAYOUT][0]
    assert data[body] == 3 and data[body + 1] == 2
    return body + 11


@case("H535", "chunks of 2^64 bytes, of 0, and larger than the dataset")
def _(place):
    data = one(chunks=(5, 7))
    at = chunk_dimensions(data)
    for sizes in ((0xFFFFFFFF, 0xFFFFFFFF), (0, 7), (1 << 31, 7)):
        place.save(patched(data, at, struct.pack("<II", *sizes)))


def chunk_tree(data: bytes) -> int:
    """The place of the first chunk's address in the B-tree of a two-dimensional dataset."""
    tree = struct.unpack_from("<Q", data, chunk_dimensions(data) - 8)[0]
    assert data[tree : tree + 4] == b"TREE" and data[tree + 5] == 0
    # Key: size, mask, three offsets of 8 bytes.
    return tree + 24 + 8 + 24


@case("H536", "a chunk behind the end of the file")
def _(place):
    data = one(chunks=(5, 7))
    for value in (len(data), len(data) - 4, 1 << 62, UNDEFINED - 1):
        place.save(patched(data, chunk_tree(data), address(value)))


@case("H537", "chunks that lie on each other and on the superblock")
def _(place):
    data = one(chunks=(1, 7))
    first = chunk_tree(data)
    where = struct.unpack_from("<Q", data, first)[0]
    place.save(patched(data, first + 8 + 32, address(where)))
    place.save(patched(data, first, address(0)))


@case("H538", "compounds, sequences, texts of any length, enumerations, references, arrays", "told")
def _(place):
    def fill(kind, shape=(3,)):
        return lambda file: file.create_dataset("w", shape, kind)

    place.save(made(fill(np.dtype([("a", "f4"), ("b", "f4"), ("c", "i2")]))))
    place.save(made(fill(h5py.vlen_dtype("i4"))))
    place.save(made(fill(h5py.string_dtype())))
    place.save(made(fill(h5py.enum_dtype({"A": 0, "B": 1, "C": 2}))))
    place.save(made(fill(h5py.ref_dtype)))
    place.save(made(fill(h5py.regionref_dtype)))
    place.save(made(fill(np.dtype(("f4", (3,))))))
    # A text whose address lies behind the end of the global heap.
    data = made(lambda file: file.__setitem__("w", "a text of any length"))
    at = find(data, b"GCOL")
    place.save(patched(data, at + 8, struct.pack("<Q", 1 << 62)))


@case("H539", "floats of 16 bytes, and of 32 bits that are cut in another way", "told")
def _(place):
    place.save(made(lambda file: file.__setitem__("w", VALUES.astype("longdouble"))))
    data = one()
    body = header_of(data).messages[DATATYPE][0]
    # Class and version, bits, size, offset, precision, exponent's place and size, mantissa's, bias.
    assert data[body] == 0x11
    place.save(patched(data, body + 12, bytes([22, 9, 0, 22])))
    place.save(patched(data, body + 16, struct.pack("<I", 128)))
    place.save(patched(data, body + 10, struct.pack("<H", 77)))


@case("H539", "big-endian floats and halves", "read")
def _(place):
    place.save(made(lambda file: file.__setitem__("w", VALUES.astype(">f4"))), {"w": VALUES})
    half = VALUES.astype("<f2")
    place.save(made(lambda file: file.__setitem__("w", half.astype(">f2"))), {"w": half})


@case("H540", "5000 attributes")
def _(place):
    def build(file):
        file["w"] = VALUES
        for index in range(5000):
            file.attrs[f"a{index}"] = index

    place.save(made(build, "latest"))


@case("H540", "a text attribute of 80 kB, stored densely", "read")
def _(place):
    def build(file):
        file["w"] = VALUES
        file.attrs["note"] = "n" * 80_000

    place.save(made(build, "latest"), {"w": VALUES})


@case("H541", "a file whose writer never closed it")
def _(place):
    data = made(plain, "latest")
    assert data[8] == 3
    # Consistency flags: open for writing, and by one writer with many readers.
    for flags in (1, 5):
        place.save(superblock(data, 11, bytes([flags])))


def many_chunks(rows):
    values = np.zeros((rows, 500), "u1")
    return made(lambda file: file.create_dataset("w", data=values, chunks=(1, 1))), {"w": values}


@case("H542", "200,000 chunks", "read")
def _(place):
    place.save(*many_chunks(400))


@case("H542", "200,500 chunks", word="200000")
def _(place):
    place.save(many_chunks(401)[0])
