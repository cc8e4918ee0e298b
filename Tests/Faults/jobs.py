"""What the command is to do while something fails: a source, arguments, what must come out.

Every source is written by numpy, h5py or safetensors, and what the command writes without a fault
is read by the foreign library of its format and compared bit for bit, once; from then on the same
bytes are expected, because the same tensors give the same file.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "Fixtures/models/attention-classifier/positions"


def tensors() -> dict[str, np.ndarray]:
    """Small and large tensors, of more than one piece, with bits that arithmetic would change."""
    random = np.random.default_rng(7)
    odd = np.array([0x7FC00001, 0xFF812345, 0x80000000, 0x00000001, 0x7F800000], "<u4")
    return {
        "a.weight": random.standard_normal((3, 5), dtype="f4"),
        "b.weight": random.standard_normal((1100, 1201), dtype="f4"),
        "b.bias": odd.view("<f4"),
        "c.steps": np.arange(-3, 11, dtype="i4").reshape(7, 2),
    }


def write_safetensors(path: Path) -> None:
    from safetensors.numpy import save_file

    save_file(tensors(), path)


def write_npz(path: Path) -> None:
    np.savez_compressed(path, **tensors())


def write_hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w", libver="earliest", track_order=True) as file:
        for name, value in tensors().items():
            chunks = (128, 1201) if value.size > 1000 else None
            filters = {"compression": "gzip", "shuffle": True} if chunks else {}
            file.create_dataset(name, data=value, chunks=chunks, **filters)
        file["d.weight"] = file["a.weight"]


def write_npy(path: Path) -> None:
    np.save(path, tensors()["b.weight"])


def read_hdf5(path: Path) -> dict[str, np.ndarray]:
    import h5py

    with h5py.File(path) as file:
        return {name: file[name][...] for name in file}


def read_torch(path: Path) -> dict[str, np.ndarray]:
    import torch

    return {name: value.numpy() for name, value in torch.load(path, weights_only=True).items()}


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(path)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def read_gguf(path: Path) -> dict[str, np.ndarray]:
    from gguf import GGUFReader

    return {t.name: np.array(t.data).reshape(t.shape[::-1]) for t in GGUFReader(path).tensors}


def read_npy(path: Path) -> dict[str, np.ndarray]:
    return {"b.weight": np.load(path)}


@dataclass
class Job:
    """One command line; `outputs` are the names that it gives files, relative to the folder."""

    name: str
    folder: Path
    sources: list[Path]
    arguments: list[str]
    outputs: list[str]
    # Names that must be there if the first output is: its shards.
    expected: dict[str, bytes] = field(default_factory=dict)
    is_set: bool = False

    @property
    def output(self) -> Path:
        return self.folder / self.outputs[0]


CONVERSIONS = {
    "h5": (write_safetensors, "safetensors", read_hdf5),
    "safetensors": (write_hdf5, "h5", read_safetensors),
    "pt": (write_hdf5, "h5", read_torch),
    "npz": (write_safetensors, "safetensors", read_npz),
    "gguf": (write_npz, "npz", read_gguf),
    "npy": (write_npy, "npy.npz", read_npy),
}

NAMES = [*CONVERSIONS, "cast", "shards", "import", "predict", "reports"]


def prepare(name: str, folder: Path, tool: str) -> Job:
    """Writes the sources and finds out what the command writes without a fault."""
    if name == "shards":
        source = folder / "source.h5"
        write_hdf5(source)
        outputs = ["out.safetensors.index.json"]
        outputs += [f"out-0000{n}-of-00002.safetensors" for n in (1, 2)]
        arguments = ["convert", str(source), str(folder / "out.safetensors")]
        arguments += ["--shard-size", "100KB"]
        job = Job(name, folder, [source], arguments, outputs, is_set=True)
    elif name == "cast":
        source = folder / "source.safetensors"
        write_safetensors(source)
        arguments = ["convert", str(source), "OUT", "--dtype", "f64"]
        job = Job(name, folder, [source], arguments, ["out.npz"])
    elif name == "import":
        source = copy(MODEL / "checkpoint.pt", folder)
        job = Job(name, folder, [source], ["import", str(source), "-o", "OUT"], ["out.h5"])
    elif name == "predict":
        sources = [copy(MODEL / "weights.h5", folder), copy(MODEL / "test.h5", folder)]
        arguments = ["predict", *map(str, sources), "-o", "OUT"]
        job = Job(name, folder, sources, arguments, ["out.h5"])
    elif name == "reports":
        sources = [copy(MODEL / "weights.h5", folder), copy(MODEL / "reference.h5", folder)]
        arguments = [
            "verify",
            *map(str, sources),
            "--html",
            "OUT",
            "--junit",
            str(folder / "x.xml"),
        ]
        job = Job(name, folder, sources, arguments, ["out.html", "x.xml"])
    else:
        write, ending, _ = CONVERSIONS[name]
        source = folder / f"source.{ending}"
        if name == "npy":
            np.savez(source, **{"b.weight": tensors()["b.weight"]})
        else:
            write(source)
        job = Job(name, folder, [source], ["convert", str(source), "OUT"], [f"out.{name}"])
    job.arguments = [str(job.output) if a == "OUT" else a for a in job.arguments] + ["--json"]
    ran = subprocess.run([tool, *job.arguments], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    job.expected = {name: (folder / name).read_bytes() for name in job.outputs}
    check_values(job)
    for name in job.outputs:
        (folder / name).unlink()
    return job


def copy(path: Path, folder: Path) -> Path:
    target = folder / path.name
    target.write_bytes(path.read_bytes())
    return target


def check_values(job: Job) -> None:
    """Compares what was written with what was to be written, by the library of the format."""
    if job.name == "shards":
        found = {}
        for name in job.outputs[1:]:
            found |= read_safetensors(job.folder / name)
    elif job.name == "cast":
        for name, value in read_npz(job.output).items():
            wanted = tensors()[name]
            with np.errstate(invalid="ignore"):
                wanted = wanted.astype("f8") if wanted.dtype == "f4" else wanted
            assert value.dtype == wanted.dtype and value.shape == wanted.shape, (job.name, name)
            # Which bits a NaN has after a cast is nowhere laid down.
            same = (value == wanted) | (np.isnan(value) & np.isnan(wanted))
            assert same.all() and (np.signbit(value) == np.signbit(wanted)).all(), (job.name, name)
        return
    elif job.name in CONVERSIONS:
        found = CONVERSIONS[job.name][2](job.output)
    else:
        return
    wanted = {"b.weight": tensors()["b.weight"]} if job.name == "npy" else tensors()
    if "d.weight" in found:
        wanted["d.weight"] = wanted["a.weight"]
    assert found.keys() == wanted.keys(), (job.name, found.keys())
    for name, value in wanted.items():
        same = found[name].dtype == value.dtype and found[name].shape == value.shape
        assert same and found[name].tobytes() == value.tobytes(), (job.name, name)
