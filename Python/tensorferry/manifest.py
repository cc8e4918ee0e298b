"""The circumstances under which a reference was computed, as far as they can change its bits."""

from __future__ import annotations

import platform
import re
from typing import Any, Dict, Optional

import h5py
import torch


def circumstances() -> Dict[str, Any]:
    """Versions, libraries and switches of this process that decide how float32 sums are rounded."""
    build = torch.__config__.show()
    return {
        "torch": torch.__version__,
        "h5py": h5py.__version__,
        "hdf5": h5py.version.hdf5_version,
        "machine": platform.machine(),
        "system": platform.system(),
        "device": "cpu",
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "blas": _blas(build),
        "mkldnn": bool(torch.backends.mkldnn.is_available()),
        "threads": torch.get_num_threads(),
        "matmul_precision": _matmul_precision(),
        "fp32_precision": _fp32_precision(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "flush_denormal": _flushes_denormal(),
    }


def _blas(build: str) -> Dict[str, Any]:
    """The linear algebra library, and the lines in which torch describes its libraries."""
    name = re.search(r"BLAS_INFO=(\w+)", build)
    libraries = re.findall(
        r"^ *- (.*(?:Math Kernel Library|MKL-DNN|OpenBLAS).*)$", build, re.MULTILINE
    )
    return {"name": name.group(1) if name else None, "libraries": libraries}


def _matmul_precision() -> Optional[str]:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:  # it was set by backend, in a way that this function cannot tell
        return None


def _fp32_precision() -> Optional[str]:
    """What oneDNN may compute float32 products in; None for a torch that has no such switch."""
    return getattr(getattr(torch.backends.mkldnn, "matmul", None), "fp32_precision", None)


def _flushes_denormal() -> bool:
    smallest_normal = torch.tensor([2.0**-126])
    return bool((smallest_normal * 0.5 == 0).item())
