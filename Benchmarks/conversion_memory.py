"""Measures the peak resident memory of `tensorferry convert` for every ordered pair of uncompressed formats.

    python3 Benchmarks/conversion_memory.py PATH/TO/tensorferry [--scratch DIR] [--scale GIB] [--markdown FILE]

Needs Python 3.9 and nothing else, and twice the size of the larger file on the disk. The sources are sparse files of
zeros, which are read and written like any others. The number is the peak of the process (`ru_maxrss`, in which pages
of the page cache do not count) minus the peak of `tensorferry --version`, which does nothing. It ends with status 1 if
a conversion fails or grows by more than 64 MiB.
"""

import argparse
import json
import os
import platform
import struct
import subprocess
import sys
import tempfile
import time

FORMATS = {"hdf5": "h5", "safetensors": "safetensors", "pytorch": "pt", "npz": "npz", "gguf": "gguf"}
LIMIT = 64
GIB = 1 << 30


def write_source(path, byte_counts):
    """A safetensors file of float32 zeros, with rows of unequal length, as large as it says and with no data on disk."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for index, count in enumerate(byte_counts):
        elements = count // 4
        header[f"layers.{index}.weight"] = {
            "dtype": "F32",
            "shape": [elements // 1024, 1024],
            "data_offsets": [offset, offset + elements // 1024 * 4096],
        }
        offset += elements // 1024 * 4096
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)


def peak(arguments):
    """Runs a program; its peak resident memory in MiB and the seconds it took."""
    start = time.monotonic()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(arguments)} ended with status {process.returncode}: {errors.decode()}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return usage.ru_maxrss / unit, time.monotonic() - start


def measure(tool, directory, byte_counts):
    """Growth in MiB and seconds, by source and target."""
    baseline = min(peak([tool, "--version"])[0] for _ in range(3))
    results = {}
    first = os.path.join(directory, "first.safetensors")
    write_source(first, byte_counts)
    for source, ending in FORMATS.items():
        path = os.path.join(directory, "source." + ending)
        if source == "safetensors":
            path = first
        else:
            peak([tool, "convert", first, path])
        for target, ending in FORMATS.items():
            output = os.path.join(directory, "target." + ending)
            memory, seconds = peak([tool, "convert", path, output])
            os.remove(output)
            results[source, target] = memory - baseline, seconds
            print(f"{source:12} -> {target:12} {memory - baseline:6.1f} MiB  {seconds:6.1f} s", flush=True)
        if path != first:
            os.remove(path)
    os.remove(first)
    return baseline, results


def table(results, column):
    lines = ["| from \\ to | " + " | ".join(FORMATS) + " |", "|---|" + "---:|" * len(FORMATS)]
    for source in FORMATS:
        cells = [f"{results[source, target][column]:.1f}" for target in FORMATS]
        lines.append(f"| {source} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool", help="the command tensorferry, built for release")
    parser.add_argument("--scratch", help="a directory on the disk to measure on")
    parser.add_argument("--scale", type=float, default=4, help="GiB of the larger file; the one tensor has 3/4 of it")
    parser.add_argument("--markdown", help="write the tables to this file")
    options = parser.parse_args()
    large, one = int(options.scale * GIB), int(options.scale * GIB * 3 / 4)
    text, worst = "", 0.0
    for title, byte_counts in [
        (f"{options.scale:g} GiB in 16 tensors", [large // 16] * 16),
        (f"one tensor of {options.scale * 3 / 4:g} GiB", [one]),
    ]:
        print(title)
        with tempfile.TemporaryDirectory(dir=options.scratch) as directory:
            baseline, results = measure(options.tool, directory, byte_counts)
        worst = max([worst] + [memory for memory, _ in results.values()])
        text += f"### {title}\n\nPeak growth in MiB (`--version` alone has {baseline:.1f}):\n\n{table(results, 0)}\n"
        text += f"Seconds, with the flush to the disk and the comparison:\n\n{table(results, 1)}\n"
    text += f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores; the largest growth is {worst:.1f} MiB.\n"
    if options.markdown:
        with open(options.markdown, "w") as file:
            file.write(text)
    print(f"the largest growth is {worst:.1f} MiB, {LIMIT} are allowed")
    sys.exit(0 if worst <= LIMIT else 1)


if __name__ == "__main__":
    main()
