"""What the world around the command can do to it, without an interposer failing single calls.

    surroundings.py SCENARIO JOB TOOL INTERPOSER [--full]

prints what faults.py prints.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

from faults import Bench, main
from invariants import OLD, Source


def wait_until_stopped(process: subprocess.Popen) -> bool:
    """True if the process has stopped itself, False if it ended first."""
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError, IndexError):
            status = Path(f"/proc/{process.pid}/stat").read_text()
            if status.rsplit(")", 1)[1].split()[0] == "T":
                return True
        time.sleep(0.001)
    return False


def change_in_place(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def grow(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(b"\0")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def replace(path: Path) -> None:
    other = path.with_name("other")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    other.write_bytes(data)
    os.replace(other, path)


def remove(path: Path) -> None:
    path.unlink()


CHANGES = {"changed": change_in_place, "grown": grow, "shrunk": shrink, "replaced": replace}
CHANGES |= {"removed": remove}


def changes(bench: Bench, full: bool) -> None:
    """A source is another one from the Nth read on: the output is the first's, or there is none."""
    source = bench.job.sources[0]
    data = source.read_bytes()
    reads = bench.counts()["read"]
    calls = range(1, reads + 1) if full else sorted({2, reads // 3, 2 * reads // 3, reads})
    for index, call in enumerate(calls):
        names = list(CHANGES) if full else [list(CHANGES)[(index + k) % 5] for k in range(3)]
        for name in names:
            source.write_bytes(data)
            bench.sources = [Source(path) for path in bench.job.sources]
            bench.clear(None)
            process = bench.start(None, "read", call, "stop")
            if wait_until_stopped(process):
                CHANGES[name](source)
                # What the source became is not the command's doing.
                bench.sources = [Source(path) for path in bench.job.sources if path.exists()]
                os.kill(process.pid, signal.SIGCONT)
                bench.injected += 1
            ended = bench.finish(process, f"source {name} at read {call}", others={source.name})
            bench.survived += ended.status == 0
    source.write_bytes(data)


def signals(bench: Bench, full: bool) -> None:
    """SIGINT, SIGTERM and SIGHUP at a write or read: status 130, 143, 129, and nothing is left."""
    counts = bench.counts()
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    for kind in ("write", "read"):
        count = counts.get(kind, 0)
        calls = range(1, count + 1) if full else sorted({1, count // 2, count})
        for index, call in enumerate(call for call in calls if call > 0):
            number = numbers[index % 3]
            old = OLD if index % 2 else None
            bench.clear(old)
            process = bench.start(old, kind, call, "stop")
            if wait_until_stopped(process):
                os.kill(process.pid, number)
                os.kill(process.pid, signal.SIGCONT)
                bench.injected += 1
            fault = f"{number.name} at {kind} {call}"
            ended = bench.finish(process, fault, old, signalled=True)
            bench.survived += ended.status == 0
            if ended.status not in (0, 128 + number, -number):
                bench.violations.append(f"{bench.job.name}, {fault}: status {ended.status}")


def rivals(bench: Bench, full: bool) -> None:
    """Two converters to one output: without --force exactly one has it; with it, it is whole."""
    moment = random.Random(11)
    for index in range(50 if full else 8):
        old = OLD if index % 2 else None
        bench.clear(old)
        one = bench.start(old, env=dict(os.environ))
        time.sleep(moment.uniform(0, 0.03))
        two = bench.start(old, env=dict(os.environ))
        # Judged once both have ended; what they print is short.
        one.wait(60), two.wait(60)
        ended = [bench.finish(process, "two", old, shared=True) for process in (one, two)]
        bench.injected += 1
        winners = [run.status for run in ended].count(0)
        left = [path.name for path in bench.folder.iterdir() if path.name.startswith(".")]
        if winners != 1 and (old is None or winners == 0):
            bench.violations.append(f"{bench.job.name}, two: {winners} of two ended well")
        if left:
            bench.violations.append(f"{bench.job.name}, two: {left} stayed")


def limits(bench: Bench, full: bool) -> None:
    """Files of limited size, few descriptors, little memory."""

    def run(fault: str, limit: int, value: int, old: bytes | None) -> None:
        def prepare() -> None:
            resource.setrlimit(limit, (value, value))

        bench.clear(old)
        # Without the interposer, which has a descriptor and a file of its own.
        process = bench.start(old, env=dict(os.environ), preexec_fn=prepare)
        ended = bench.finish(process, fault, old)
        bench.injected += 1
        bench.survived += ended.status == 0

    size = max(len(data) for data in bench.job.expected.values())
    for index, part in enumerate(range(0, 16) if full else (0, 3, 9, 15)):
        value = size * part // 16
        run(
            f"files of at most {value} bytes",
            resource.RLIMIT_FSIZE,
            value,
            OLD if index % 2 else None,
        )
    for count in range(4, 17) if full else (4, 6, 8, 16):
        run(f"{count} descriptors", resource.RLIMIT_NOFILE, count, None)


def address_space(bench: Bench, full: bool) -> None:
    """A tensor of 1 GiB where the process may have half of that: it is streamed."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Benchmarks"))
    from conversion_memory import write_source

    source = bench.folder / "large.safetensors"
    write_source(source, [1 << 30])
    for mebibytes in (256, 384, 512):
        limit = mebibytes << 20
        ran = subprocess.run(
            [bench.tool, "inspect", "--hash", source],
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
            capture_output=True,
            text=True,
            timeout=60,
        )
        bench.injected += 1
        bench.survived += ran.returncode == 0
        # SHA-256 of 1 GiB of zeros, as sha256sum has it.
        wanted = "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"
        if ran.returncode != 0 or wanted not in ran.stdout:
            bench.violations.append(
                f"{mebibytes} MiB: status {ran.returncode}, {ran.stderr[-300:]}"
            )


def places(bench: Bench, full: bool) -> None:
    """Outputs that are something else: a directory, links, a folder that nobody may write to."""
    output = bench.job.output
    name = bench.job.name

    def run(fault: str, force: bool, wanted: int) -> str:
        arguments = [bench.tool, *bench.job.arguments] + (["--force"] if force else [])
        ran = subprocess.run(arguments, capture_output=True, text=True)
        bench.injected += 1
        bench.survived += ran.returncode == 0
        if ran.returncode != wanted:
            bench.violations.append(f"{name}, {fault}: status {ran.returncode}, {ran.stderr}")
        left = [path.name for path in bench.folder.iterdir() if path.name.startswith(".")]
        if left:
            bench.violations.append(f"{name}, {fault}: {left} stayed")
        return ran.stderr

    def expect(condition: bool, text: str) -> None:
        if not condition:
            bench.violations.append(f"{name}, {text}")

    def is_complete(path: Path) -> bool:
        return path.read_bytes() == bench.job.expected[bench.job.outputs[0]]

    bench.clear(None)
    output.mkdir()
    for force in (False, True):
        run("a directory in the way", force, 2)
    expect(output.is_dir() and not list(output.iterdir()), "a directory in the way: it has changed")
    output.rmdir()

    target = bench.folder / "target"
    for kind in ("symbolic", "hard"):
        target.write_bytes(OLD)
        make = os.symlink if kind == "symbolic" else os.link
        make(target, output)
        run(f"a {kind} link in the way", False, 2)
        run(f"a {kind} link in the way", True, 0)
        expect(target.read_bytes() == OLD, f"a {kind} link in the way: what it led to has changed")
        expect(is_complete(output), f"a {kind} link in the way: the output is not complete")
        bench.clear(None)

    os.symlink(bench.folder / "nothing", output)
    run("a dangling link in the way", False, 2)
    expect(not (bench.folder / "nothing").exists(), "a dangling link in the way: it was followed")
    run("a dangling link in the way", True, 0)
    expect(is_complete(output) and not output.is_symlink(), "a dangling link in the way: it stayed")
    bench.clear(None)

    # Who may do everything is not stopped by a mode, so that the command runs as nobody then.
    options = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
    mode = stat.S_IMODE(bench.folder.stat().st_mode)
    for source in bench.job.sources:
        source.chmod(0o644)
    bench.folder.chmod(0o555)
    bench.folder.parent.chmod(0o755)
    ran = subprocess.run(
        [bench.tool, *bench.job.arguments], capture_output=True, text=True, **options
    )
    bench.folder.chmod(mode)
    bench.injected += 1
    expect(ran.returncode == 2, f"a folder of mode 555: status {ran.returncode}, {ran.stderr}")
    expect("cannot write into" in ran.stderr, f"a folder of mode 555: {ran.stderr}")

    # Locks of libhdf5, as another program or the environment has them, change nothing.
    import h5py

    bench.clear(None)
    for value in ("TRUE", "FALSE", "BEST_EFFORT"):
        environment = dict(os.environ, HDF5_USE_FILE_LOCKING=value)
        arguments = [bench.tool, *bench.job.arguments]
        ran = subprocess.run(arguments, capture_output=True, text=True, env=environment)
        bench.injected += 1
        expect(ran.returncode == 0, f"locks {value}: {ran.stderr}")
        expect(is_complete(output), f"locks {value}: the output is not complete")
        bench.clear(None)
    for source in (path for path in bench.job.sources if path.suffix == ".h5"):
        shared = bench.folder / "shared"
        shutil.copy2(source, shared)
        before = shared.read_bytes()
        with h5py.File(shared, "r+"):
            arguments = [str(shared) if a == str(source) else a for a in bench.job.arguments]
            ran = subprocess.run([bench.tool, *arguments], capture_output=True, text=True)
        bench.injected += 1
        whole = is_complete(output) if ran.returncode == 0 else not output.exists()
        expect(ran.returncode in (0, 2) and whole, f"a source that is open elsewhere: {ran.stderr}")
        expect(shared.read_bytes() == before, "a source that is open elsewhere: it has changed")
        bench.clear(None)


def full_disk(bench: Bench, full: bool) -> None:
    """A small file system of its own: too small from the start, and filled up meanwhile."""
    output = bench.folder / "disk"
    output.mkdir()
    size = sum(len(data) for data in bench.job.expected.values())
    name = bench.job.name
    for part in range(1, 16) if full else (1, 8, 15):
        pages = max(1, size * part // 16 // 4096)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={pages * 4096}", "tmpfs", output], check=True
        )
        try:
            arguments = [
                a.replace(f"{bench.folder}/out", f"{output}/out").replace(
                    f"{bench.folder}/x.", f"{output}/x."
                )
                for a in bench.job.arguments
            ]
            ran = subprocess.run([bench.tool, *arguments], capture_output=True, text=True)
            left = sorted(path.name for path in output.iterdir())
        finally:
            subprocess.run(["umount", output], check=True)
        bench.injected += 1
        fault = f"a disk of {pages} pages for {size} bytes"
        told = "free" in ran.stderr or "No space left" in ran.stderr or "space" in ran.stderr
        if ran.returncode != 2 or not told:
            bench.violations.append(f"{name}, {fault}: status {ran.returncode}, {ran.stderr}")
        # Of two reports the first may be complete and have its name.
        if [entry for entry in left if entry.startswith(".")] or (
            left and len(bench.job.outputs) == 1
        ):
            bench.violations.append(f"{name}, {fault}: {left} stayed")
    output.rmdir()


SCENARIOS = {"changes": changes, "signals": signals, "rivals": rivals, "limits": limits}
SCENARIOS |= {"places": places, "full_disk": full_disk, "address_space": address_space}


if __name__ == "__main__":
    main(SCENARIOS)
