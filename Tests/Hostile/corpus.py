"""Reads every file of a folder of hostile HDF5 files with the command, with h5dump and with h5py, and compares how they end.

    corpus.py TENSORFERRY FOLDER

Ends with status 1 if the command died of a signal, took longer or more memory than it may, ended with a status that it does
not document, gave no reason for a failure, or wrote other bytes than h5py reads.
"""

from __future__ import annotations

import collections
import signal
import sys
import tempfile
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).parent))
from ended import Ended, execute

SECONDS = 5
"""What the command may take; a peer gets four times as much."""
MEBIBYTES = 64
"""What it may take beside twice the file."""
SIGNATURE = b"\x89HDF\r\n\x1a\n"

H5PY = """
import hashlib, sys, h5py
def read(name):
    try:
        item = file[name]
        for key in item.attrs:
            try: item.attrs[key]
            except Exception: pass
        if not isinstance(item, h5py.Dataset) or item.size is None or item.size * item.dtype.itemsize > 1 << 26: return
        values = item[()]
        print(name.replace("/", "."), hashlib.sha256(values.astype(values.dtype.newbyteorder("<")).tobytes()).hexdigest())
    except Exception: pass
with h5py.File(sys.argv[1], "r") as file: file.visit(read)
"""
"""Every attribute and dataset, each by itself; prints the hash of what the dataset holds."""

SAFETENSORS = """
import hashlib, json, struct, sys
data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
for name, entry in json.loads(data[8:8 + size]).items():
    if name == "__metadata__": continue
    start, end = entry["data_offsets"]
    print(name, hashlib.sha256(data[8 + size + start:8 + size + end]).hexdigest())
"""


def name(ended: Ended) -> str:
    if ended.is_late:
        return "hangs"
    if ended.status < 0:
        return signal.Signals(-ended.status).name
    return "reads it" if ended.status == 0 else "refuses it"


def hashes(lines: str) -> Dict[str, str]:
    """What the two programs above print: the hash of every tensor."""
    return dict(line.rsplit(" ", 1) for line in lines.splitlines())


def complaints(title: str, ended: Ended, memory: float) -> List[str]:
    """What is wrong about the way the command ended."""
    found = []
    if ended.is_late:
        found.append(f"{title} takes longer than {SECONDS} s")
    elif ended.status not in (0, 2):
        found.append(f"{title} ends with {ended.status}: {ended.errors[:500]}")
    elif ended.status != 0 and "error" not in ended.errors and title != "check":
        found.append(f"{title} gives no reason: {ended.errors[:500]!r}")
    if ended.memory > memory:
        found.append(f"{title} takes {ended.memory:.0f} MiB, it may {memory:.0f}")
    return found


def main() -> int:
    tool, folder = sys.argv[1], Path(sys.argv[2])
    files = sorted(path for path in folder.rglob("*") if path.is_file() and is_hdf5(path))
    idle = execute([tool, "--version"], SECONDS).memory
    counts: Dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    wrong: List[str] = []
    both = compared = slowest = 0
    with tempfile.TemporaryDirectory() as scratch:
        for path in files:
            output = Path(scratch, "out.safetensors")
            memory = idle + MEBIBYTES + 2 * path.stat().st_size / (1 << 20)
            ours = {
                "inspect": execute([tool, "inspect", str(path)], SECONDS),
                "check": execute([tool, "inspect", "--check", str(path)], SECONDS),
                "convert": execute([tool, "convert", str(path), str(output)], SECONDS),
            }
            for title, ended in ours.items():
                counts["tensorferry " + title][name(ended)] += 1
                wrong += [f"{path.name}: {complaint}" for complaint in complaints(title, ended, memory)]
                slowest = max(slowest, ended.seconds)
            if ours["convert"].status != 0 and output.exists():
                wrong.append(f"{path.name}: convert fails and leaves an output")
                output.unlink()
            theirs = {
                "h5dump": execute(["h5dump", str(path)], 4 * SECONDS, 4 << 30),
                "h5py": execute([sys.executable, "-c", H5PY, str(path)], 4 * SECONDS, 4 << 30),
            }
            if ours["convert"].status == 0:
                written = hashes(execute([sys.executable, "-c", SAFETENSORS, str(output)], 4 * SECONDS).output)
                read = hashes(theirs["h5py"].output)
                both_read = sorted(written.keys() & read.keys())
                compared += len(both_read)
                other = [tensor for tensor in both_read if written[tensor] != read[tensor]]
                wrong += [f"{path.name}: '{tensor}' has other bytes than h5py reads" for tensor in other]
                output.unlink()
            for title, ended in theirs.items():
                counts[title][name(ended)] += 1
            dead = {title: name(ended) for title, ended in theirs.items() if ended.is_late or ended.status < 0}
            both += len(dead) == 2
            if dead:
                reason = ours["convert"].errors.strip().splitlines()
                print(f"{path.name}: {dead}; tensorferry: {reason[-1] if reason else name(ours['convert'])}")
    for title, counter in counts.items():
        print(f"{title}: " + ", ".join(f"{count} {how}" for how, count in counter.most_common()))
    print(f"{len(files)} files, both peers die of {both}; the command's slowest took {slowest:.2f} s of the processor")
    print(f"{compared} tensors of files that are accepted are compared with h5py")
    print("\n".join(wrong) if wrong else "the command never died, never hung, and gave every reason")
    return 1 if wrong or not files else 0


def is_hdf5(path: Path) -> bool:
    """Whether a signature stands where one may: at 0, 512, 1024, ..."""
    with open(path, "rb") as file:
        offset = 0
        while offset < path.stat().st_size:
            file.seek(offset)
            if file.read(8) == SIGNATURE:
                return True
            offset = max(512, 2 * offset)
    return False


if __name__ == "__main__":
    sys.exit(main())
