"""The smallest files of each format, and what their own programs read from damaged ones.

    mutants.py make FOLDER      writes one small file for each format
    mutants.py read FOLDER      reads every file NUMBER.FORMAT in FOLDER, and prints a line of JSON for each: its tensors
                                with type, shape and bytes, or why it was refused
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from pathlib import Path

import numpy as np

W = np.array([[1.5, -2.0, 3.0], [0.25, 5.0, -6.5]], "<f4")


def make(folder: Path) -> None:
    import torch
    from gguf import GGUFWriter
    from safetensors.numpy import save_file

    np.save(folder / "minimal.npy", W)
    save_file({"w": W}, folder / "minimal.safetensors")
    np.savez(folder / "minimal.npz", w=W)
    torch.save({"w": torch.from_numpy(W)}, folder / "minimal.pt")
    writer = GGUFWriter(folder / "minimal.gguf", "a")
    writer.add_tensor("w", W)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_npy(data: bytes) -> dict[str, np.ndarray]:
    return {"": np.load(io.BytesIO(data), allow_pickle=False)}


def read_npz(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def read_safetensors(data: bytes) -> dict:
    from safetensors import deserialize

    return {name: (value["dtype"], value["shape"], bytes(value["data"])) for name, value in deserialize(data)}


def read_pt(data: bytes) -> dict[str, np.ndarray]:
    import torch

    def walk(value, path: str):
        if isinstance(value, torch.Tensor):
            yield path, value
        elif isinstance(value, dict):
            for key, part in value.items():
                yield from walk(part, f"{path}.{key}" if path else str(key))
        elif isinstance(value, (list, tuple)):
            for index, part in enumerate(value):
                yield from walk(part, f"{path}.{index}" if path else str(index))

    found = {}
    for name, tensor in walk(torch.load(io.BytesIO(data), weights_only=True), ""):
        kind = str(tensor.dtype).removeprefix("torch.")
        found[name] = (TORCH.get(kind, kind), list(tensor.shape), tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
                       if tensor.numel() else b"")  # fmt: skip
    return found


def read_gguf(path: Path) -> dict:
    from gguf import GGUFReader

    reader = GGUFReader(path)
    return {t.name: (t.tensor_type.name, [int(n) for n in reversed(t.shape)], t.data.tobytes()) for t in reader.tensors}


TORCH = {
    "float32": "F32", "float64": "F64", "float16": "F16", "bfloat16": "BF16", "int8": "I8", "uint8": "U8", "int16": "I16",
    "int32": "I32", "int64": "I64", "bool": "BOOL", "complex64": "C64", "complex128": "C128",
}  # fmt: skip
NUMPY = {
    "float16": "F16", "float32": "F32", "float64": "F64", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL", "complex64": "C64", "complex128": "C128",
}  # fmt: skip


def plain(value) -> tuple:
    """Type, shape and little-endian row-major bytes."""
    if isinstance(value, tuple):
        return value
    array = np.asarray(value)
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
    return NUMPY.get(array.dtype.name, array.dtype.name), list(array.shape), little.tobytes()


def read(path: Path) -> dict:
    data = path.read_bytes()
    kind = path.suffix[1:]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = {
                "npy": read_npy, "npz": read_npz, "safetensors": read_safetensors, "pt": read_pt,
                "gguf": lambda _: read_gguf(path),
            }[kind](data)  # fmt: skip
            tensors = {name: plain(value) for name, value in found.items()}
    except BaseException as error:  # some of them raise what is no Exception
        return {"file": path.name, "refused": f"{type(error).__name__}: {error}"[:200]}
    return {
        "file": path.name,
        "tensors": [[name, kind, shape, data.hex()] for name, (kind, shape, data) in tensors.items()],
    }


if __name__ == "__main__":
    command, folder = sys.argv[1], Path(sys.argv[2])
    if command == "make":
        make(folder)
    else:
        for path in sorted(folder.iterdir(), key=lambda path: (path.suffix, int(path.stem))):
            print(json.dumps(read(path)))
