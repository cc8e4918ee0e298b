"""Writes the files that fuzzing begins with, small ones of every kind, each by the program whose format it is.

    seeds.py FOLDER

makes a folder for each parser in FOLDER.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections import OrderedDict
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
W = np.arange(15, dtype="<f4").reshape(3, 5)
B = np.arange(3, dtype="<i8")


def safetensors(folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"fc.weight": torch.from_numpy(W), "fc.bias": torch.from_numpy(B)}, folder / "two.safetensors")
    one = {"h": torch.ones(2, 3, dtype=torch.bfloat16), "e": torch.zeros(0, 4), "s": torch.tensor(True)}
    save_file(one, folder / "kinds.safetensors", metadata={"format": "pt", "note": 'a "quoted" \u00e4 text'})


def npy(folder: Path) -> None:
    np.save(folder / "f4.npy", W)
    np.save(folder / "fortran.npy", np.asfortranarray(W.astype(">f8")))
    np.save(folder / "scalar.npy", np.float16(1.5))
    np.save(folder / "bool.npy", np.array([[True], [False]]))
    np.save(folder / "complex.npy", np.ones((2, 0, 3), "c8"))
    with open(folder / "version2.npy", "wb") as file:
        np.lib.format.write_array(file, B, version=(2, 0))


def npz(folder: Path) -> None:
    np.savez(folder / "stored.npz", **{"fc.weight": W, "fc.bias": B})
    np.savez_compressed(folder / "deflated.npz", w=W, t=W.T)


def pytorch(folder: Path) -> None:
    import torch

    weight, bias = torch.from_numpy(W), torch.from_numpy(B)
    state = OrderedDict([("fc.weight", weight), ("fc.bias", bias), ("tied", weight)])
    torch.save(state, folder / "state.pt")
    torch.save({"model": state, "epoch": 3, "rates": [0.1, 1e-3], "t": weight.T, "h": weight.half()}, folder / "nested.pt")
    torch.save(state, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Parameter(weight), folder / "parameter.pt")
    torch.save({"q": torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8).int_repr(), "m": None}, folder / "small.pt")


def gguf(folder: Path) -> None:
    from gguf import GGMLQuantizationType, GGUFWriter

    writer = GGUFWriter(folder / "kinds.gguf", "llama")
    writer.add_block_count(2)
    writer.add_array("tokens", ["a", "b", "\u00e4"])
    writer.add_array("scores", [0.5, 1.5])
    writer.add_tensor("fc.weight", W)
    writer.add_tensor("half", W.astype("f2"))
    writer.add_tensor("blocks", np.zeros((1, 34), "u1"), raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def keras(folder: Path) -> None:
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    import keras as library

    model = library.Sequential([library.Input((5,)), library.layers.Dense(3), library.layers.BatchNormalization()])
    model.save(folder / "dense.keras")
    model.save_weights(folder / "dense.weights.h5")


def onnx(folder: Path) -> None:
    from onnx import numpy_helper

    for name, value in {"f4": W, "i8": B, "bool": B > 1, "f2": W.astype("f2")}.items():
        (folder / f"{name}.pb").write_bytes(numpy_helper.from_array(value, name).SerializeToString())


def hdf5(folder: Path) -> None:
    for libver in ("earliest", "v108", "latest"):
        with h5py.File(folder / f"plain-{libver}.h5", "w", libver=libver) as file:
            file["fc.weight"] = W
            file.create_group("group")["bias"] = B
            file.attrs["format"] = "pt"
        with h5py.File(folder / f"chunks-{libver}.h5", "w", libver=libver) as file:
            file.create_dataset("gzip", data=W, chunks=(2, 2), compression="gzip", shuffle=True, fletcher32=True)
            file.create_dataset("grows", data=W, chunks=(2, 3), maxshape=(None, 5))
            file.create_dataset("grows2", data=W, chunks=(2, 3), maxshape=(None, None), compression="lzf")
            file.create_dataset("single", data=W, chunks=W.shape)
            file.create_dataset("fill", (4, 3), "<i2", chunks=(2, 2), fillvalue=7)
        with h5py.File(folder / f"kinds-{libver}.h5", "w", libver=libver, track_order=True) as file:
            file["bool"] = B > 1
            file["complex"] = np.ones(3, "c8")
            file["text"] = np.array(["a", "bc"], dtype=h5py.string_dtype())
            file["fixed"] = np.array([b"ab", b"c"])
            file["big"] = W.astype(">f8")
            file["hard"] = file["big"]
            file["soft"] = h5py.SoftLink("/big")
            file["type"] = np.dtype("<f4")
            for index in range(10):
                file["big"].attrs[f"a{index}"] = np.arange(index)
    with h5py.File(folder / "many-latest.h5", "w", libver="latest") as file:
        for index in range(20):
            file[f"w{index}"] = np.full((2, 3), index, "<f4")


def json_texts(folder: Path) -> None:
    value = {"a": [1, -2.5, 1e-3, True, None, "\u00e4\n\""], "b": {"c": {}, "d": []}, "n": 2**64 - 1}
    (folder / "value.json").write_text(json.dumps(value))
    (folder / "unicode.json").write_text(json.dumps(value, ensure_ascii=False, indent=2), encoding="utf-8")


def mapping(folder: Path) -> None:
    for path in sorted(ROOT.glob("docs/**/*.yaml")) + sorted(ROOT.glob("Fixtures/**/*.yaml")):
        shutil.copy(path, folder / path.name)
    (folder / "all.yaml").write_text(
        "mapping: tensorferry.mapping/1\nkey: model\nstrip_prefix: [module., _orig_mod.]\nlayout: input_first\nrules:\n"
        '- {to: "layers.{i}.weight", from: "block_{i}.kernel", apply: transpose}\n'
        "- to: [q, k, v]\n  from: qkv\n  apply:\n  - {split: {axis: 0, parts: 3}}\n  - cast: f32\n"
        '- {to: a, from: [g, v], apply: weight_norm, optional: true}\n- {keep: "**.bias"}\n- {drop: "optimizer.**"}\n'
        '- {to: zero, constant: {value: 0, shape: [3, 1]}}\ndtypes: {"**.weight": BF16}\n'
    )


MAKERS = {
    "safetensors": safetensors, "npy": npy, "npz": npz, "pytorch": pytorch, "gguf": gguf, "keras": keras, "onnx": onnx,
    "hdf5": hdf5, "json": json_texts, "mapping": mapping,
}  # fmt: skip


def main() -> None:
    root = Path(sys.argv[1])
    shutil.rmtree(root, ignore_errors=True)
    for name, make in MAKERS.items():
        (root / name).mkdir(parents=True)
        make(root / name)
        assert any((root / name).iterdir()), f"no seed for {name}"
    (root / "any").mkdir()
    for name in ("safetensors", "npy", "npz", "pytorch", "gguf", "keras", "onnx", "hdf5"):
        for path in (root / name).iterdir():
            shutil.copy(path, root / "any" / path.name)


if __name__ == "__main__":
    main()
