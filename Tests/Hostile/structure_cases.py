"""H501 to H522: structures that lie, and ways out of the file."""

from __future__ import annotations

import os
import struct

import h5py
import numpy as np
from case import CANARY, VALUES, case, header_of, made, plain
from hdf5_bytes import (
    CONTINUATION,
    UNDEFINED,
    address,
    find,
    patched,
    superblock,
)


@case("H501", "cut off at 64 places")
def _(place):
    data = made(plain)
    for index in range(64):
        place.save(data[: len(data) * index // 64])


@case("H502", "superblocks 0, 2 and 3 of an unknown version, with offsets of 0, 1 or 255 bytes")
def _(place):
    for libver, version, size in (("earliest", 8, 13), (("v108", "v108"), 8, 9), ("latest", 8, 9)):
        data = made(lambda file: file.create_group("g", track_order=True), libver)
        if libver == "earliest":
            assert data[8] == 0
        else:
            assert data[8] in (2, 3)
        for value in (7, 255):
            place.save(superblock(data, version, bytes([value])))
        for value in (0, 1, 255):
            place.save(superblock(data, size, bytes([value])))


@case("H503", "an end of file behind the end of the file")
def _(place):
    data = made(plain)
    for value in (len(data) + 1, 1 << 40, 1 << 63):
        place.save(patched(data, 40, address(value)))


@case("H504", "a user block, and the address that goes with it", "read")
def _(place):
    for libver in ("earliest", "latest"):
        place.save(made(plain, libver, userblock_size=512), {"w": VALUES})


@case("H504", "a base address that is not where the superblock is")
def _(place):
    data = made(plain, userblock_size=512)
    for value in (1, 1 << 40, UNDEFINED - 1):
        place.save(patched(data, 512 + 24, address(value)))


@case("H505", "a root group behind the end of the file")
def _(place):
    data = made(plain)
    for value in (len(data), len(data) - 4, 1 << 62, UNDEFINED):
        place.save(patched(data, 64, address(value)))


@case("H506", "an object header that continues in itself")
def _(place):
    def build(file):
        dataset = file.create_dataset("w", data=VALUES)
        for index in range(40):
            dataset.attrs[f"a{index}"] = np.arange(9)

    data = made(build)
    header = header_of(data)
    body = header.messages[CONTINUATION][0]
    place.save(patched(data, body, struct.pack("<QQ", header.start + 16, body + 16 - header.start)))
    place.save(patched(data, body, struct.pack("<QQ", len(data) - 8, 64)))


@case("H507", "a B-tree of a group that leads back to its root")
def _(place):
    def build(file):
        for index in range(700):
            file.create_group(f"g{index:04}")

    data = made(build)
    root = struct.unpack_from("<Q", data, 80)[0]
    assert data[root : root + 4] == b"TREE" and data[root + 5] > 0
    # Signature, type, level, count, two siblings, then key, child, key, child.
    place.save(patched(data, root + 24 + 8, address(root)))


@case("H508", "a hard link of a group to itself, and one to its parent")
def _(place):
    def build(file):
        group = file.create_group("g")
        group["w"] = VALUES
        group["self"] = group
        group["up"] = file["/"]

    place.save(made(build))


@case("H509", "soft links that lead to each other")
def _(place):
    def build(file):
        file["w"] = VALUES
        file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")

    place.save(made(build))


@case("H510", "a soft link to nothing")
def _(place):
    place.save(made(lambda file: (plain(file), file.__setitem__("a", h5py.SoftLink("/nothing")))))


@case("H511", "links to another file: absolute, relative and through ..")
def _(place):
    canary = place.canary()
    for path in (str(canary), canary.name, f"../{place.folder.name}/{canary.name}"):
        place.save(
            made(lambda file, path=path: file.__setitem__("w", h5py.ExternalLink(path, "/x")))
        )


@case("H512", "a link of a class that a program defined")
def _(place):
    data = made(lambda file: file.__setitem__("w", h5py.ExternalLink("other.h5", "/x")))
    # Version, flags with a type, type 64, then the name.
    at = find(data, b"\x01w", find(data, b"\x01\x08\x40"))
    place.save(patched(data, at - 1, bytes([65])))


def external(place, path) -> bytes:
    return made(
        lambda file: file.create_dataset("w", (32,), "<f4", external=[(os.fsencode(path), 0, 128)])
    )


@case("H513", "data in another file")
def _(place):
    canary = place.canary("canary.bin")
    for path in (canary, canary.name, f"../{place.folder.name}/canary.bin"):
        place.save(external(place, path))


@case("H514", "data in a pipe that nobody writes to")
def _(place):
    os.mkfifo(place.path("pipe"))
    place.save(external(place, place.path("pipe")))


@case("H515", "data in a device without end")
def _(place):
    place.save(external(place, "/dev/zero"))


@case("H516", "names of weights that lead through a link to another file")
def _(place):
    canary = place.path("canary.h5")
    with h5py.File(canary, "w") as file:
        file["kernel"] = np.frombuffer((CANARY * 8).encode()[:128], "<f4")

    def build(file):
        group = file.create_group("fc")
        file.attrs["layer_names"] = np.array([b"fc"])
        file.attrs["backend"], file.attrs["keras_version"] = "tensorflow", "2.15.0"
        group["ext"] = h5py.ExternalLink(str(canary), "/")
        group.attrs["weight_names"] = np.array([b"ext/kernel"])

    place.save(made(build))


@case("H517", "attributes that refer to objects and regions", "read")
def _(place):
    def build(file):
        file["w"] = VALUES
        file["w"].attrs["object"] = file["w"].ref
        file["w"].attrs["region"] = file["w"].regionref[1:3, 2:]

    place.save(made(build), {"w": VALUES})


def virtual(file, source: str, shape=(32,), maximum=None) -> None:
    layout = h5py.VirtualLayout(shape, "<f4", maxshape=maximum)
    layout[...] = h5py.VirtualSource(source, "x", shape, maxshape=maximum)
    file.create_virtual_dataset("w", layout)


@case("H518", "a virtual dataset of another file")
def _(place):
    place.save(made(lambda file: virtual(file, str(place.canary())), "latest"))


@case("H519", "a virtual dataset of the same file")
def _(place):
    def build(file):
        file["x"] = np.arange(32, dtype="<f4")
        virtual(file, ".")

    place.save(made(build, "latest"))


@case("H520", "a virtual dataset whose source is missing")
def _(place):
    place.save(made(lambda file: virtual(file, "nothing.h5"), "latest"))


@case("H521", "a virtual dataset of 2^32 files by a pattern")
def _(place):
    def build(file):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        space = h5py.h5s.create_simple((4, 8), (h5py.h5s.UNLIMITED, 8))
        space.select_hyperslab((0, 0), (h5py.h5s.UNLIMITED, 1), (1, 1), (1, 8))
        properties.set_virtual(space, b"part-%b.h5", b"x", h5py.h5s.create_simple((1, 8)))
        size = h5py.h5s.create_simple((4, 8), (h5py.h5s.UNLIMITED, 8))
        h5py.h5d.create(file.id, b"w", h5py.h5t.IEEE_F32LE, size, properties)

    place.save(made(build, "latest"))


@case("H522", "a member of a family of files, and the metadata of a split file")
def _(place):
    for driver, options, name in (
        ("family", {"memb_size": 1 << 20}, "f-%d.h5"),
        ("split", {"meta_ext": b"-m.h5", "raw_ext": b"-r.h5"}, "s"),
    ):
        with h5py.File(place.path(name), "w", driver=driver, libver="earliest", **options) as file:
            plain(file)
    place.save(place.path("f-0.h5").read_bytes())
    place.save(place.path("s-m.h5").read_bytes())
