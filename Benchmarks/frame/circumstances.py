"""On what machine and with which libraries something was measured; no names of machines or folders."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any, Dict, List

PACKAGES = ["torch", "onnxruntime", "numpy", "h5py", "safetensors", "gguf"]


def circumstances(tool: str) -> Dict[str, Any]:
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "caches": caches(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "swift": first_line(["swift", "--version"]),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "libraries": libraries(tool),
        "load": round(os.getloadavg()[0], 1),
        "openblas_variables": {name: os.environ.get(name) for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")},
    }


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return first_line(["sysctl", "-n", "machdep.cpu.brand_string"]) or platform.machine()


def caches() -> List[str]:
    """What the first processor has, as `L2 Unified 512K`."""
    found = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        found.append(f"L{level} {kind} {size}")
    return found


def libraries(tool: str) -> Dict[str, str]:
    """The versions in the file names of the shared libraries that the command links."""
    try:
        listing = subprocess.run(["ldd", tool], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    found = {}
    for name, path in re.findall(r"(lib(?:openblas|hdf5\w*|z|lzf))\.so\S* => (\S+)", listing):
        found[name] = os.path.basename(os.path.realpath(path))
    return found


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def first_line(argv: List[str]) -> str:
    try:
        output = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return output.strip().splitlines()[0] if output.strip() else ""


def revision(root: Path) -> str:
    """The commit that was measured, with `+` if files had been changed since."""
    def git(*words: str) -> str:
        return first_line(["git", "-C", str(root), *words])

    return git("rev-parse", "--short=10", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
