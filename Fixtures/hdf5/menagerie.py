"""Writes HDF5 files with every structure of the format that h5py can make, and what h5py reads from them.

    menagerie.py OUT

`OUT/expected.tsv` has a line for every dataset of plain bytes: file, path, the elements in row-major order,
little-endian, in hexadecimal. The files are not kept in the repository: the tests make them.
"""

from __future__ import annotations

import ctypes
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t, h5z

rng = np.random.default_rng(11)
VERSIONS = {
    "earliest": "earliest",
    "v108": ("v108", "v108"),
    "v110": ("v110", "v110"),
    "v112": ("v112", "v112"),
    "v114": ("v114", "v114"),
    "latest": "latest",
}


def values(kind, shape):
    dtype = np.dtype(kind)
    count = int(np.prod(shape))
    if dtype.kind in "fc":
        return rng.standard_normal(count).astype(dtype).reshape(shape)
    if dtype.kind == "b":
        return (rng.integers(0, 2, count) == 1).reshape(shape)
    return np.frombuffer(rng.bytes(count * dtype.itemsize), dtype).reshape(shape)


def low_level(f, name, kind, array, setup=None, maximum=None, write=True):
    """A dataset made by the functions of C, with a type of its own and properties that `setup` makes."""
    plist = h5p.create(h5p.DATASET_CREATE)
    if setup:
        setup(plist)
    space = h5s.create_simple(array.shape, maximum or array.shape)
    dataset = h5d.create(f.id, name.encode(), kind, space, plist)
    if write:
        dataset.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(array), kind)
    return dataset


def bfloat16():
    kind = h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    return kind


def odd_float():
    """1 sign, 5 exponent, 2 mantissa bits, as some programs write 8-bit floats."""
    kind = h5t.IEEE_F32LE.copy()
    kind.set_fields(7, 2, 5, 0, 2)
    kind.set_size(1)
    kind.set_ebias(15)
    return kind


def types(f):
    for kind in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 ? c8 c16 >f2 >f4 >f8 >i2 >i4 >i8 >u8 >c8 >c16".split():
        name = kind.replace(">", "big ").replace("?", "b1")
        f.create_dataset(name, data=values(kind, (3, 5)))
        f.create_dataset("scalar " + name, data=values(kind, ()))
    array = values("u2", (4, 3))
    low_level(f, "bfloat16", bfloat16(), array)
    big = bfloat16()
    big.set_order(h5t.ORDER_BE)
    low_level(f, "bfloat16 big", big, array)
    low_level(f, "odd float", odd_float(), values("u1", (5,)))
    f.create_dataset("long double", data=np.arange(3, dtype="g"))
    narrow = h5t.STD_I32LE.copy()
    narrow.set_precision(17)
    low_level(f, "narrow integer", narrow, np.arange(4, dtype="i4"))
    f.create_dataset("fp8", data=values("u1", (3, 2))).attrs["dtype"] = "F8_E4M3"
    f.create_dataset("void", data=np.array([b"ab", b"cd"], "V2"))
    opaque = h5t.create(h5t.OPAQUE, 2)
    opaque.set_tag(b"bfloat16")
    low_level(f, "tagged", opaque, np.array([b"ab", b"cd"], "V2"))
    f.create_dataset("fixed", data=np.array([b"one", b"three"]))
    f.create_dataset("texts", data=["one", "", "dreiß"], dtype=h5py.string_dtype())
    f.create_dataset("utf8 fixed", data=np.array(["ä".encode()] * 2, h5py.string_dtype("utf-8", 7)))
    f.create_dataset("sequence", (2,), h5py.vlen_dtype("i4"))
    f.create_dataset("enum", data=np.arange(3), dtype=h5py.enum_dtype({"A": 0, "B": 1, "C": 2}, "i4"))
    f.create_dataset("two", data=np.arange(2), dtype=h5py.enum_dtype({"A": 0, "B": 1}, "u1"))
    f.create_dataset("odd two", data=np.arange(2), dtype=h5py.enum_dtype({"A": 0, "B": 7}, "u1"))
    f.create_dataset("compound", data=np.zeros(2, [("a", "f4"), ("b", "i8"), ("c", "u1", (2, 3))]))
    f.create_dataset("pair", data=np.zeros(2, [("a", "f4"), ("b", "i4")]))
    f.create_dataset("array", data=np.zeros(2, "(2,3)f4"))
    f.create_dataset("reference", data=f.ref, dtype=h5py.ref_dtype)
    f.create_dataset("null", data=h5py.Empty("f4"))
    f.create_dataset("empty", data=values("f4", (0, 3)))
    low_level(f, "bits", h5t.STD_B16LE, values("u2", (3,)))
    f["committed"] = np.dtype("f4")
    f.create_dataset("of committed", data=values("f4", (2, 3)), dtype=f["committed"])
    f.create_dataset("also of committed", data=values("f4", (3,)), dtype=f["committed"])


def storage(f):
    options = {
        "plain": {},
        "gzip": dict(compression="gzip"),
        "all": dict(compression="gzip", shuffle=True, fletcher32=True),
    }
    f.create_dataset("lzf", data=values("f4", (7, 11)), chunks=(3, 4), compression="lzf")
    f.create_dataset("sum", data=values("u1", (7, 11)), chunks=(3, 5), fletcher32=True)
    for name, filters in options.items():
        add = lambda what, kind, shape, **more: f.create_dataset(  # noqa: E731
            f"{name} {what}", data=values(kind, shape), **filters, **more
        )
        add("one chunk", "f4", (6, 5), chunks=(6, 5))
        add("fixed", "f4", (7, 11), chunks=(3, 4))
        add("big fixed", ">f8", (7, 11), chunks=(3, 4))
        add("pages", "i2", (31, 71), chunks=(1, 2))  # more than 1,024 chunks
        add("growing first", "f4", (9, 5), chunks=(2, 3), maxshape=(None, 5))
        add("growing second", "f4", (5, 9), chunks=(3, 2), maxshape=(7, None))
        add("growing middle", "u1", (4, 7, 5), chunks=(3, 2, 4), maxshape=(6, None, 5))
        add("growing far", "i2", (1500,), chunks=(2,), maxshape=(None,))
        add("growing far second", "u1", (3, 900), chunks=(2, 3), maxshape=(3, None))
        add("growing twice", "i4", (9, 5), chunks=(2, 3), maxshape=(None, None))
        add("growing twice far", "i4", (57, 41), chunks=(2, 1), maxshape=(None, None))
        add("may be larger", "f4", (5, 7), chunks=(2, 3), maxshape=(50, 70))
        d = f.create_dataset(f"{name} sparse", (40, 50), "f4", chunks=(4, 4), fillvalue=2.5, **filters)
        d[17:23, 30:33] = 7
        d = f.create_dataset(
            f"{name} sparse growing", (300, 50), ">i4", chunks=(1, 4), maxshape=(None, 60), fillvalue=-3, **filters
        )
        d[251:255, 30:33] = 7
        d = f.create_dataset(
            f"{name} shrunk and grown", data=values("f4", (9, 8)), chunks=(4, 3), maxshape=(None, 20), fillvalue=9,
            **filters,
        )
        d.resize((3, 4))
        d.resize((10, 7))
        d = f.create_dataset(
            f"{name} shrunk", data=values("f4", (90, 8)), chunks=(4, 3), maxshape=(None, None), **filters)
        d.resize((7, 5))
        f.create_dataset(f"{name} never", (9, 5), "f8", chunks=(2, 3), fillvalue=6.25, **filters)
    # An extensible array has pages from its 65,536th chunk on.
    d = f.create_dataset("growing in pages", (140000,), "u1", chunks=(1,), maxshape=(None,))
    d[100000:100040] = values("u1", (40,))
    d = f.create_dataset("filtered growing in pages", (140000,), "u1", chunks=(1,), maxshape=(None,), fletcher32=True)
    d[100000:100040] = values("u1", (40,))
    masked = f.create_dataset("masked", (4, 6), "f4", chunks=(2, 6), compression="gzip", shuffle=True)
    masked[...] = values("f4", (4, 6))
    masked.id.write_direct_chunk((2, 0), values("f4", (2, 6)).tobytes(), 0b11)
    half = f.create_dataset("half masked", (2, 6), "f4", chunks=(2, 6), compression="gzip", shuffle=True)
    half.id.write_direct_chunk((0, 0), zlib.compress(values("f4", (2, 6)).tobytes()), 0b01)

    def implicit(plist):
        plist.set_chunk((3, 4))
        plist.set_alloc_time(h5d.ALLOC_TIME_EARLY)

    low_level(f, "implicit", h5t.IEEE_F32LE, values("f4", (7, 11)), implicit)
    low_level(f, "implicit larger", h5t.IEEE_F32LE, values("f4", (7, 11)), implicit, maximum=(20, 30))

    def partial(plist):
        plist.set_chunk((3, 4))
        plist.set_deflate(4)
        plist.set_fletcher32()
        set_chunk_options(plist, 2)

    can_be_partial = f.libver[1] != "v108"
    for name, maximum in [("fixed", None), ("growing", (h5s.UNLIMITED, 11)), ("twice", (h5s.UNLIMITED,) * 2)] * can_be_partial:
        low_level(f, f"partial {name}", h5t.IEEE_F32LE, values("f4", (7, 11)), partial, maximum)
    low_level(f, "compact", h5t.IEEE_F32LE, values("f4", (3, 7)), lambda p: p.set_layout(h5d.COMPACT))
    low_level(f, "compact big", h5t.IEEE_F64BE, values(">f8", (3, 2)), lambda p: p.set_layout(h5d.COMPACT))
    low_level(
        f, "early", h5t.IEEE_F32LE, values("f4", (3, 2)), lambda p: p.set_alloc_time(h5d.ALLOC_TIME_EARLY), write=False)
    low_level(
        f, "undefined", h5t.IEEE_F32LE, values("f4", (3, 2)), lambda p: p.set_fill_time(h5d.FILL_TIME_NEVER),
        write=False)

    def unknown(plist):
        plist.set_chunk((3, 2))
        plist.set_filter(499, h5z.FLAG_OPTIONAL, (1, 2, 3))

    low_level(f, "unknown filter", h5t.IEEE_F32LE, values("f4", (3, 2)), unknown, write=False)
    f.create_dataset("never written", (3, 4), "f4", fillvalue=-1.5)
    f.create_dataset("never written zeros", (3, 4), "i8")
    f.create_dataset("never written big", (3, 4), ">f8", fillvalue=6.25)
    f.create_dataset("external", (2,), "f4", external=[("elsewhere.bin", 0, 8)])
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("nowhere.h5", "data", (4,))
    if f.libver[1] not in ("v108",):
        f.create_virtual_dataset("virtual", layout, fillvalue=3)
    f.create_dataset("scaled", data=np.arange(40), chunks=(8,), scaleoffset=0)
    f.create_dataset("empty gzip", data=values("f4", (0, 3)), compression="gzip", chunks=(1, 3), maxshape=(None, 3))


def attributes(f):
    def put(target, count):
        for i in range(count):
            target.attrs[f"number {(i * 7) % count}"] = i
        target.attrs["text"] = "dreiß"
        target.attrs["texts"] = ["one", "", "three"]
        target.attrs["bytes"] = np.bytes_(b"fixed")
        target.attrs["empty"] = h5py.Empty("f4")
        target.attrs["floats"] = values("f4", (2, 3))
        target.attrs["big"] = values(">f8", (3,))
        target.attrs["half"] = values("f2", (3,))
        target.attrs["flag"] = True
        target.attrs["complex"] = 1j
        target.attrs["none"] = np.zeros((0,), "f8")
        target.attrs["ref"] = f.ref
        target.attrs["unsigned"] = np.uint64(2**63 + 5)
        target.attrs["negative"] = np.int8(-5)

    if "committed" not in f:
        f["committed"] = np.dtype("f4")
    for ordered in (False, True):
        for count in (0, 3, 40):
            name = f"{count} {'ordered' if ordered else 'by name'}"
            put(f.create_group("group " + name, track_order=ordered), count)
            put(f.create_dataset("data " + name, data=values("f4", (2,)), track_order=ordered), count)
    d = f.create_dataset("large", data=values("f4", (2,)))
    d.attrs["a"] = "x" * 5000
    d.attrs["b"] = np.arange(7000, dtype="u1")
    if f.libver[1] != "earliest" and f.libver[0] != "earliest":
        d.attrs["c"] = np.arange(30000, dtype="f4")
    d.attrs.create("of committed", values("f4", (2,)), dtype=f["committed"])
    f.attrs["root"] = "attribute"


def links(f):
    # More than 1,100 links make an index of three levels.
    for ordered, counts in ((False, (0, 3, 30, 1300)), (True, (0, 3, 30, 200))):
        for count in counts:
            group = f.create_group(f"{count} {'ordered' if ordered else 'by name'}", track_order=ordered)
            for i in range(count):
                group[f"member {(i * 7) % count}"] = np.float32(i)
    group = f.create_group("removed")
    for i in range(60):
        group[f"m{i}"] = np.float32(i)
    for i in range(0, 60, 2):
        del group[f"m{i}"]
    f["alias"] = f["3 by name/member 1"]
    f["same group"] = f["30 by name"]
    f["soft"] = h5py.SoftLink("/nowhere/at all")
    f["external"] = h5py.ExternalLink("elsewhere.h5", "/secret")
    f["removed/self"] = f["removed"]
    f["a name of dreiß / deep"] = np.float32(1)
    f["/".join("abcdefgh")] = np.float32(2)
    f["long " + "n" * 300] = np.float32(3)
    # What was written later goes into blocks that are continued into.
    for i in range(30):
        f["alias"].attrs[f"late {i}"] = i


def shared(f):
    for i in range(5):
        d = f.create_dataset(f"data {i}", data=values("f4", (3, 5)), chunks=(2, 2), compression="gzip", fillvalue=2.5)
        d.attrs["a common text of some length, so that it is shared"] = np.arange(40)
        d.attrs["text"] = "variable"
        for j in range(20):
            d.attrs[f"more {j}"] = np.arange(30)


def library():
    """The libhdf5 that h5py has loaded, for the functions that h5py does not offer."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    path = next(line.split()[-1] for line in lines if "/libhdf5-" in line or "/libhdf5.so" in line)
    return ctypes.CDLL(path)


def set_chunk_options(plist, flags):
    assert library().H5Pset_chunk_opts(ctypes.c_int64(plist.id), ctypes.c_uint(flags)) >= 0


def create_shared(path, version):
    create = h5p.create(h5p.FILE_CREATE)
    lib = library()
    ids = ctypes.c_int64(create.id)
    assert lib.H5Pset_shared_mesg_nindexes(ids, ctypes.c_uint(2)) >= 0
    # Dataspace 2, datatype 8, fill value 32, filters 2048, attribute 4096.
    assert lib.H5Pset_shared_mesg_index(ids, ctypes.c_uint(0), ctypes.c_uint(4096), ctypes.c_uint(16)) >= 0
    assert lib.H5Pset_shared_mesg_index(ids, ctypes.c_uint(1), ctypes.c_uint(2 + 8 + 32 + 2048), ctypes.c_uint(8)) >= 0
    access = h5p.create(h5p.FILE_ACCESS)
    names = {"earliest": h5py.h5f.LIBVER_EARLIEST, "v108": h5py.h5f.LIBVER_V18, "v110": h5py.h5f.LIBVER_V110}
    names |= {"v112": h5py.h5f.LIBVER_V112, "v114": h5py.h5f.LIBVER_V114, "latest": h5py.h5f.LIBVER_LATEST}
    low = names[version]
    access.set_libver_bounds(low, h5py.h5f.LIBVER_LATEST if version == "earliest" else low)
    return h5py.File(h5py.h5f.create(str(path).encode(), h5py.h5f.ACC_TRUNC, create, access))


def note(out, name, path, dataset):
    """Writes down what h5py reads, where numpy has the type."""
    try:
        kind = dataset.id.get_type()
        if dataset.shape is None or dataset.is_virtual or dataset.external:
            return
        if kind.get_class() == h5t.FLOAT and kind.get_size() == 2 and kind.get_fields()[2] == 8:
            array = np.empty(dataset.shape, "u2")
            little = kind.copy()
            little.set_order(h5t.ORDER_LE)
            dataset.id.read(h5s.ALL, h5s.ALL, array, little)
        else:
            array = np.asarray(dataset[()])
    except (OSError, TypeError, ValueError, KeyError):
        return
    if array.dtype.kind not in "fciub?" or array.dtype.itemsize > 16 or array.dtype.fields or array.dtype == "g":
        return
    little = array.astype(array.dtype.newbyteorder("<"))
    print(name, path, little.tobytes().hex(), sep="\t", file=out)


def main(out):
    kinds = {"types": types, "storage": storage, "attributes": attributes, "links": links, "shared": shared}
    names = []
    for version, bounds in VERSIONS.items():
        for kind, fill in kinds.items():
            for block in (0, 1024) if (kind, version) in (("types", "v108"), ("storage", "v110")) else (0,):
                name = f"{kind}-{version}{'-block' if block else ''}.h5"
                path = out / name
                names.append(name)
                if kind == "shared":
                    f = create_shared(path, version)
                else:
                    f = h5py.File(path, "w", libver=bounds, userblock_size=block, track_order=kind == "attributes")
                with f:
                    fill(f)
    with open(out / "expected.tsv", "w") as expected:
        for name in names:
            with h5py.File(out / name, "r") as f:

                def visit(group, prefix, depth):
                    for key in group:
                        link = group.get(key, getlink=True)
                        if not isinstance(link, h5py.HardLink):
                            continue
                        item = group[key]
                        if isinstance(item, h5py.Dataset):
                            note(expected, name, f"{prefix}/{key}", item)
                        elif isinstance(item, h5py.Group) and depth < 10 and key != "self":
                            visit(item, f"{prefix}/{key}", depth + 1)

                visit(f, "", 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
