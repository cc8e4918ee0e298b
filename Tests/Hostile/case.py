"""The 42 hostile HDF5 files, H501 to H542, each made by h5py and, where needed, changed by hand.

A case writes its file, or several, into a folder of its own and says how a conversion of it must
end: `refused`; `read`, with the values that must come out; or `told`, where nothing in it is a
tensor and the answer names what is not carried over. Files that it points at, and that must not be
read, hold the text of `CANARY`.
"""

from __future__ import annotations

import os
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import h5py
import numpy as np
from hdf5_bytes import Header

CANARY = "canary: these bytes belong to another file"
VALUES = np.arange(35, dtype="<f4").reshape(5, 7)


@dataclass
class Case:
    name: str
    what: str
    outcome: str
    build: Callable
    # A regular expression that the error must hold.
    word: str = ""


CASES: list[Case] = []


def case(name: str, what: str, outcome: str = "refused", word: str = ""):
    def register(build):
        CASES.append(Case(name, what, outcome, build, word))
        return build

    return register


class Place:
    """The folder of a case. `save` adds a file to convert, with what must come out of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[tuple[Path, dict[str, np.ndarray] | None]] = []

    def path(self, name: str) -> Path:
        return self.folder / name

    def canary(self, name: str = "canary.h5") -> Path:
        """A file that must not be read: HDF5 that holds the canary, or its bytes alone."""
        path = self.path(name)
        data = np.frombuffer((CANARY * 8).encode()[:128], "<f4")
        if name.endswith(".h5"):
            with h5py.File(path, "w") as file:
                file["x"] = data
        else:
            path.write_bytes(data.tobytes())
        return path

    def save(self, data: bytes, values: dict | None = None) -> None:
        path = self.path(f"hostile-{len(self.files)}.h5")
        path.write_bytes(data)
        self.files.append((path, values))


def made(build: Callable, libver: str = "earliest", **options) -> bytes:
    """The bytes of a file that h5py writes."""
    path = Path(f"/tmp/tensorferry-hostile-{os.getpid()}.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with h5py.File(path, "w", libver=libver, **options) as file:
            build(file)
    data = path.read_bytes()
    path.unlink()
    return data


def plain(file: h5py.File) -> None:
    file["w"] = VALUES


def one(libver: str = "earliest", **options) -> bytes:
    return made(lambda file: file.create_dataset("w", data=VALUES, **options), libver)


def chunked(data: bytes, shape=(256,), mask: int = 0, **options) -> bytes:
    """A dataset of one chunk of float32 that is stored as given, whatever it should be."""

    def build(file):
        dataset = file.create_dataset("w", shape, "<f4", chunks=shape, **options)
        dataset.id.write_direct_chunk((0,) * len(shape), data, mask)

    return made(build)


def header_of(data: bytes, name: str = "w") -> Header:
    """The object header of a dataset in the root group, through the address that h5py tells."""
    path = Path(f"/tmp/tensorferry-hostile-{os.getpid()}.h5")
    path.write_bytes(data)
    with h5py.File(path) as file:
        start = h5py.h5o.get_info(file[name].id).addr
    path.unlink()
    return Header(data, start)


def root_of(data: bytes) -> Header:
    return Header(data, struct.unpack_from("<Q", data, 64)[0])
