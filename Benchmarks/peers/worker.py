"""Repeats one piece of work of a Python library; the protocol is that of `Sources/Worker`.

    worker.py WORK ARGUMENT...

Prints the peak of the process's memory before anything was prepared and after it; then for each
line that it reads, a number of runs, the nanoseconds that they took and the peak.
"""

import importlib
import resource
import sys
import time


def peak():
    """Of this program alone: `getrusage` on Linux begins with what its parent had."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main():
    start = peak()
    kind, arguments = sys.argv[1], sys.argv[2:]
    module = "inference" if kind.startswith(("torch-run", "torch-compile", "onnx")) else "files"
    work = importlib.import_module(module).WORKS[kind](*arguments)
    print(start, peak(), flush=True)
    for line in sys.stdin:
        runs = int(line)
        begin = time.perf_counter_ns()
        for _ in range(runs):
            work()
        print(time.perf_counter_ns() - begin, peak(), flush=True)


if __name__ == "__main__":
    main()
