"""The files that we write: HDF5, or archives of numpy; whole or absent, reproducible."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple, Union

import h5py
import numpy
import torch
from h5py import h5d, h5p, h5s

from . import dtypes

Path = Union[str, "os.PathLike[str]"]

_ALIGNMENT = 64
_LARGE = 1 << 20
_LARGE_ALIGNMENT = 4096


def data_of(tensor: torch.Tensor) -> numpy.ndarray:
    """The elements of a tensor in row-major order, as a 1-d array of little-endian bytes.

    A contiguous tensor on the CPU is not copied.
    """
    if sys.byteorder != "little":
        raise NotImplementedError("tensorferry runs on little-endian machines only")
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    return tensor.reshape(-1).view(torch.uint8).numpy()


def sha256_of(tensor: torch.Tensor) -> str:
    """SHA-256 of `data_of(tensor)`, in hexadecimal digits."""
    return hashlib.sha256(data_of(tensor)).hexdigest()


class Container:
    """A file being written."""

    def __init__(self, file: h5py.File, page_aligned: bool) -> None:
        self.file = file
        self.page_aligned = page_aligned
        self.later: List[Tuple[str, torch.Tensor]] = []

    def group(self, parent: h5py.Group, name: str) -> h5py.Group:
        """Creates a group that keeps the order of its members."""
        return parent.create_group(name, track_order=True)

    def write(self, group: h5py.Group, name: str, tensor: torch.Tensor) -> h5py.Dataset:
        """Creates a contiguous dataset with the bits of `tensor`; HDF5 converts nothing."""
        plist = h5p.create(h5p.DATASET_CREATE)
        plist.set_layout(h5d.CONTIGUOUS)
        plist.set_obj_track_times(False)
        # Attributes come back in the order in which they were written, as links do.
        plist.set_attr_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)
        shape = tuple(tensor.shape)
        space = h5s.create(h5s.SCALAR) if not shape else h5s.create_simple(shape)
        kind = dtypes.hdf5_type(tensor.dtype)
        dataset = h5py.Dataset(h5d.create(group.id, name.encode("utf-8"), kind, space, plist))
        if self.page_aligned and tensor.numel() * tensor.element_size() >= _LARGE:
            self.later.append((dataset.name, tensor))
        else:
            _fill(dataset, tensor)
        return dataset


class _Names(NamedTuple):
    """What stands for a group where names have dots instead."""

    prefix: str
    attrs: Dict[str, str]


class Archive:
    """Arrays and texts with the names that they would have in an HDF5 file, until it is written."""

    def __init__(self) -> None:
        self.file = _Names("", {})
        self.tensors: Dict[str, torch.Tensor] = {}

    def group(self, parent: _Names, name: str) -> _Names:
        return _Names(f"{parent.prefix}{name}.", {})

    def write(self, group: _Names, name: str, tensor: torch.Tensor) -> None:
        self.tensors[group.prefix + name] = tensor.detach().cpu()

    def save(self, path: str) -> None:
        arrays: Dict[str, Any] = {name: each.numpy() for name, each in self.tensors.items()}
        with open(path, "wb") as file:
            numpy.savez(file, **arrays, **self.file.attrs)


def _fill(dataset: h5py.Dataset, tensor: torch.Tensor) -> None:
    if tensor.numel():
        dataset.id.write(h5s.ALL, h5s.ALL, data_of(tensor), dataset.id.get_type())


def _open(path: str, mode: str, threshold: int, alignment: int) -> h5py.File:
    # v110 at most: the HDF5 that Linux distributions carry cannot open newer object versions.
    return h5py.File(
        path,
        mode,
        libver=("earliest", "v110"),
        track_order=True,
        alignment_threshold=threshold,
        alignment_interval=alignment,
    )


@contextlib.contextmanager
def creating(path: Path, page_aligned: bool = False) -> Iterator[Container]:
    """Writes an HDF5 file beside `path` and renames it when it is complete, or leaves `path` alone.

    Data starts at multiples of 64 bytes; if `page_aligned`, that of tensors from 1 MiB on at
    multiples of 4096. HDF5 knows one alignment for an open file, so those are written when the file
    is opened a second time.
    """
    with _replacing(path) as beside:
        with _open(beside, "w", 1, _ALIGNMENT) as file:
            container = Container(file, page_aligned)
            yield container
        if container.later:
            with _open(beside, "r+", _LARGE, _LARGE_ALIGNMENT) as file:
                for name, tensor in container.later:
                    _fill(file[name], tensor)


@contextlib.contextmanager
def recording(path: Path) -> Iterator[Union[Container, Archive]]:
    """The same for a file whose name may end in `.npz`, which is then one of numpy's archives.

    Such a file is put together in memory.
    """
    if not os.fspath(path).endswith(".npz"):
        with creating(path) as container:
            yield container
        return
    with _replacing(path) as beside:
        archive = Archive()
        yield archive
        archive.save(beside)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[str]:
    """A path beside the given one, whose file takes its place if nothing goes wrong."""
    target = os.path.realpath(os.fspath(path))
    handle, beside = tempfile.mkstemp(
        prefix=".tensorferry-", suffix=".partial", dir=os.path.dirname(target)
    )
    os.close(handle)
    try:
        yield beside
        _publish(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


def _publish(beside: str, target: str) -> None:
    with open(beside, "rb+") as file:
        os.fsync(file.fileno())
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(beside, 0o666 & ~mask)  # mkstemp gives a private file
    os.replace(beside, target)
