"""Makes every fixture again and compares it with the file in the repository.

    check.py             prints what differs and ends with 1 if anything does
    check.py --update    writes the fixtures and manifest.json anew

The files are the same on every machine with the packages of Tests/requirements.txt, except what
torch computed: that depends on the processor's family, and is made again only on the one that
manifest.json names. Files are compared by their bytes; reference bundles by what they hold except
the circumstances, which name the builds of Python's packages.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py

HERE = Path(__file__).resolve().parent
MANIFEST = HERE / "manifest.json"
PACKAGES = {
    "hdf5/generate.py": ("h5py", "numpy"),
    "models/attention-classifier/generate.py": ("h5py", "numpy", "scikit-learn", "torch"),
    "precision/generate.py": ("h5py", "numpy", "torch"),
}
BY_MACHINE = ("models/attention-classifier/generate.py", "precision/generate.py")


def machine() -> str:
    return f"{platform.system()} {platform.machine()}"


def versions(packages) -> dict:
    # torch's version ends in the name of its build, such as +cpu
    return {name: importlib.metadata.version(name).split("+")[0] for name in packages}


def run(generator: str, out: Path) -> None:
    subprocess.run([sys.executable, HERE / generator, out], check=True, stdout=subprocess.DEVNULL)


def files(folder: Path) -> dict:
    """Path below `folder` -> bytes, of everything that a generator makes."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".py")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in found
        if "__pycache__" not in path.parts
    }


def entries(generator: str) -> list:
    folder = Path(generator).parent
    return [
        {
            "path": (folder / name).as_posix(),
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "generator": generator,
        }
        for name, data in files(HERE / folder).items()
    ]


def update() -> None:
    generators = {}
    for generator, packages in PACKAGES.items():
        folder = (HERE / generator).parent
        for name in files(folder):
            (folder / name).unlink()
        run(generator, folder)
        generators[generator] = {"versions": versions(packages)}
    for generator in BY_MACHINE:
        generators[generator]["machine"] = machine()
    listed = [entry for generator in PACKAGES for entry in entries(generator)]
    manifest = {"generators": generators, "files": listed}
    MANIFEST.write_text(json.dumps(manifest, indent=1) + "\n")


def content(name: str, data: bytes):
    """What must be the same: the bytes, or what a reference bundle holds."""
    if not name.endswith("/reference.h5"):
        return data
    held = {}
    with h5py.File(io.BytesIO(data)) as file:
        manifest = json.loads(file.attrs["manifest"])
        for key in ("class", "seed", "parameters", "cases"):
            held[key] = manifest[key]
        for key in ("format", "producer", "model", "configuration"):
            held[key] = file.attrs[key]

        def hold(path, item):
            if isinstance(item, h5py.Dataset):
                held[path] = (item.dtype.str, item.shape, item[...].tobytes())

        file.visititems(hold)
    return held


def listed_differences() -> list:
    """How the files differ from what manifest.json says of them."""
    listed = {entry["path"]: entry for entry in json.loads(MANIFEST.read_text())["files"]}
    present = {entry["path"]: entry for generator in PACKAGES for entry in entries(generator)}
    return [
        f"{path}: {'is missing' if path not in present else 'differs from manifest.json'}"
        if path in listed
        else f"{path}: is not in manifest.json"
        for path in sorted(listed.keys() | present.keys())
        if listed.get(path) != present.get(path)
    ]


def generated_differences(generator: str) -> list:
    """How the files differ from what their generator makes now."""
    folder = Path(generator).parent
    with tempfile.TemporaryDirectory() as scratch:
        run(generator, Path(scratch))
        made = files(Path(scratch))
    kept = files(HERE / folder)
    return [
        f"{(folder / name).as_posix()}: the generator makes another file"
        for name in sorted(made.keys() | kept.keys())
        if name not in made
        or name not in kept
        or content(name, made[name]) != content(name, kept[name])
    ]


def can_make(generator: str) -> bool:
    facts = json.loads(MANIFEST.read_text())["generators"][generator]
    return facts.get("machine", machine()) == machine()


def main() -> int:
    if "--update" in sys.argv[1:]:
        update()
    differences = listed_differences()
    for generator in PACKAGES:
        if can_make(generator):
            differences += generated_differences(generator)
        else:
            print(f"{generator}: not made again, its files are from another kind of machine")
    for difference in differences:
        print(difference)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
