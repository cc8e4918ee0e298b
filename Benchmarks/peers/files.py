"""How Python reads, lists and converts weight files, with each format's own library."""

import gguf
import h5py
import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def read_gguf(path):
    return {tensor.name: tensor.data for tensor in gguf.GGUFReader(path).tensors}


def write_gguf(arrays, path):
    writer = gguf.GGUFWriter(path, "bench")
    for name, array in arrays.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_hdf5(path):
    arrays = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return arrays


def write_hdf5(arrays, path):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def read_npz(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


READERS = {
    "safetensors": load_file,
    "pytorch": lambda path: {name: tensor.numpy() for name, tensor in torch.load(path).items()},
    "hdf5": read_hdf5,
    "npz": read_npz,
    "gguf": read_gguf,
}
WRITERS = {
    "safetensors": save_file,
    "pytorch": lambda arrays, path: torch.save({k: torch.from_numpy(np.array(v)) for k, v in arrays.items()}, path),
    "hdf5": write_hdf5,
    "npz": lambda arrays, path: np.savez(path, **arrays),
    "gguf": write_gguf,
}


def convert(source, target, read_path, written_path):
    return lambda: WRITERS[target](READERS[source](read_path), written_path)


def list_safetensors(path):
    def work():
        with safe_open(path, "np") as file:
            list(file.keys())

    return work


def list_pytorch(path):
    return lambda: torch.load(path)


def list_hdf5(path):
    """Name, shape, element type and place of every data set."""

    def work():
        found = []

        def visit(name, item):
            if isinstance(item, h5py.Dataset):
                found.append((name, item.shape, item.dtype, item.id.get_offset()))

        with h5py.File(path, "r") as file:
            file.visititems(visit)

    return work


def read_all_hdf5(path):
    def work():
        with h5py.File(path, "r") as file:
            for name in file:
                file[name][()]

    return work


WORKS = {
    "convert": convert, "safe_open": list_safetensors, "torch.load": list_pytorch, "h5py-list": list_hdf5,
    "h5py-read": read_all_hdf5,
}  # fmt: skip
