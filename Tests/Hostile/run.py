"""Converts every hostile HDF5 file, each in a process of its own, and tells how it ended.

    run.py TOOL

prints one JSON list with an object for each case: its name, what it is, what is expected, and
`wrong`, which is empty if every file of it ended so, in time, in little memory, without a byte of
another file in the output and without opening any file but its own.
"""

from __future__ import annotations

import json
import os
import pickle
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import data_cases  # noqa: F401
import structure_cases  # noqa: F401
from case import CANARY, CASES, Place
from ended import execute

CASES.sort(key=lambda case: case.name)
assert {case.name for case in CASES} == {f"H5{n:02}" for n in range(1, 43)}

SECONDS, MEBIBYTES = 5, 64
TRACED = platform.system() == "Linux"


def opened(trace: Path, source: Path, folder: Path) -> set[str]:
    """What was opened once the source had been, except by the loader and the system's own files."""
    paths, has_begun = set(), False
    for line in trace.read_text(errors="replace").splitlines():
        match = re.search(
            r'\b(?:open|openat|openat2|creat)\((?:[^",]*, )?"((?:[^"\\]|\\.)*)"', line
        )
        if not match:
            continue
        path = match.group(1)
        has_begun |= path == str(source)
        if has_begun or path.startswith(str(folder)) or CANARY in path:
            paths.add(path)
    return paths


def run(tool: str, path: Path, values, case, floor: float, is_traced: bool) -> str:
    """What is wrong with how a conversion of one file ended, or nothing."""
    import numpy as np
    from safetensors.numpy import load_file

    output, scratch = path.with_name("out.safetensors"), path.with_name("scratch")
    scratch.mkdir(exist_ok=True)
    command = [tool, "convert", str(path), str(output), "--json"]
    ended = execute(command)
    status, out, err = ended.status, ended.output, ended.errors
    try:
        if status not in (0, 2):
            return f"status {status}: {err[:300]}"
        if ended.seconds > SECONDS:
            return f"{ended.seconds:.1f} s"
        if ended.memory - floor > MEBIBYTES:
            return f"{ended.memory - floor:.0f} MiB"
        if case.outcome == "read":
            if status != 0:
                return err
            found = load_file(output)
            if found.keys() != values.keys():
                return f"it holds {sorted(found)}"
            for name, value in values.items():
                wanted = np.ascontiguousarray(value)
                if found[name].dtype != wanted.dtype or found[name].tobytes() != wanted.tobytes():
                    return f"'{name}' has other values"
        elif case.outcome == "told":
            answer = json.loads(out)
            if status != 0 or answer["tensors"] or "'w'" not in "".join(answer["losses"]):
                return f"status {status}, 'w' is not told: {out[:600]} {err}"
        else:
            if status != 2 or output.exists():
                return f"it was read: {out[:300]}"
            answer = json.loads(out)
            if (
                answer["schema"] != "tensorferry.error/1"
                or not answer["code"]
                or not answer["file"]
            ):
                return f"the error has no code or no file: {out}"
            if not re.search(case.word, err):
                return f"the error does not say '{case.word}': {err}"
        if CANARY[:12] in out + err or (
            output.exists() and CANARY.encode()[:12] in output.read_bytes()
        ):
            return "bytes of another file came out"
        left = [entry for entry in os.listdir(path.parent) if entry.startswith(".")]
        if left:
            return f"{left} stayed"
        return foreign(tool, path, output, scratch) if is_traced else ""
    finally:
        output.unlink(missing_ok=True)
        shutil.rmtree(scratch)


def foreign(tool: str, path: Path, output: Path, scratch: Path) -> str:
    """Runs the conversion again with its system calls traced."""
    output.unlink(missing_ok=True)
    trace = scratch / "trace"
    calls = [
        "strace",
        "-f",
        "-qq",
        "-s",
        "4096",
        "-e",
        "trace=open,openat,openat2,creat",
        "-o",
        trace,
    ]
    subprocess.run([*calls, tool, "convert", path, output], capture_output=True, check=False)
    temporary = re.compile(
        re.escape(f"{path.parent}/.{output.name}.tensorferry-") + r"\d+-[0-9a-z]+$"
    )
    allowed = {str(path), str(output), f"{path.parent}/", str(path.parent)}
    found = opened(trace, path, path.parent)
    if str(path) not in found:
        return "the trace does not show the source"
    others = {
        p
        for p in found
        if p not in allowed and not temporary.match(p) and not p.startswith("/proc/")
    }
    return f"opened {sorted(others)}" if others else ""


def built(case, folder: Path) -> list:
    """The files of a case, made by a process of its own: the peak memory of a process begins with that of its parent."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            place = Place(folder)
            case.build(place)
            with os.fdopen(into, "wb") as stream:
                pickle.dump(place.files, stream)
            status = 0
        finally:
            os._exit(status)
    os.close(into)
    with os.fdopen(out, "rb") as stream:
        data = stream.read()
    assert os.waitpid(child, 0)[1] == 0, f"{case.name} cannot be made"
    return pickle.loads(data)


def main() -> None:
    tool = sys.argv[1]
    answers = []
    with tempfile.TemporaryDirectory(prefix="tensorferry-hostile-") as name:
        root = Path(name).resolve()
        floor = execute([tool, "--version"]).memory
        for index, case in enumerate(CASES):
            folder = root / f"{case.name}-{index}"
            folder.mkdir()
            wrong = []
            files = built(case, folder)
            for number, (path, values) in enumerate(files):
                # Tracing takes longer than converting; files of one case differ in a number.
                is_traced = TRACED and number < 4
                problem = run(tool, path, values, case, floor, is_traced)
                if problem:
                    wrong.append(f"{path.name}: {problem}")
            answer = {"name": case.name, "what": case.what, "outcome": case.outcome}
            answers.append(answer | {"files": len(files), "wrong": wrong})
            shutil.rmtree(folder)
    print(json.dumps(answers, indent=1))


if __name__ == "__main__":
    main()
