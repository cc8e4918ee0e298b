"""The element types that a weight file holds: their names and how HDF5 stores them."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

import numpy
import torch
from h5py import h5t


def _bfloat16() -> h5t.TypeID:
    """Sign, 8 bits of exponent with bias 127, 7 bits of mantissa: any HDF5 reads it as numbers."""
    kind = h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    return kind


def _like(dtype: str) -> h5t.TypeID:
    return h5t.py_create(numpy.dtype(dtype), logical=True)


# torch's name -> (our name, HDF5 type). Looked up by name because older torch lacks some of them.
_TYPES: Dict[str, Tuple[str, h5t.TypeID]] = {
    "bool": ("BOOL", _like("?")),
    "uint8": ("U8", h5t.STD_U8LE),
    "int8": ("I8", h5t.STD_I8LE),
    "uint16": ("U16", h5t.STD_U16LE),
    "int16": ("I16", h5t.STD_I16LE),
    "uint32": ("U32", h5t.STD_U32LE),
    "int32": ("I32", h5t.STD_I32LE),
    "uint64": ("U64", h5t.STD_U64LE),
    "int64": ("I64", h5t.STD_I64LE),
    "float16": ("F16", h5t.IEEE_F16LE),
    "bfloat16": ("BF16", _bfloat16()),
    "float32": ("F32", h5t.IEEE_F32LE),
    "float64": ("F64", h5t.IEEE_F64LE),
    "complex64": ("C64", _like("<c8")),
    "complex128": ("C128", _like("<c16")),
    # HDF5 libraries convert 8-bit floats wrongly: they travel as bytes with an attribute `dtype`.
    "float8_e4m3fn": ("F8_E4M3", h5t.STD_U8LE),
    "float8_e5m2": ("F8_E5M2", h5t.STD_U8LE),
    "float8_e8m0fnu": ("F8_E8M0", h5t.STD_U8LE),
    "float8_e4m3fnuz": ("F8_E4M3FNUZ", h5t.STD_U8LE),
    "float8_e5m2fnuz": ("F8_E5M2FNUZ", h5t.STD_U8LE),
}


def _torch_name(dtype: torch.dtype) -> str:
    return str(dtype).replace("torch.", "", 1)


def name_of(dtype: torch.dtype) -> Optional[str]:
    """The name in the vocabulary of safetensors (`F32`, `BF16`, ...; `C128` added), or None."""
    entry = _TYPES.get(_torch_name(dtype))
    return entry[0] if entry else None


def hdf5_type(dtype: torch.dtype) -> h5t.TypeID:
    """The little-endian HDF5 type that the bits of `dtype` are stored as."""
    return _TYPES[_torch_name(dtype)][1]


def needs_tag(dtype: torch.dtype) -> bool:
    """True if the HDF5 type does not say the element type, so that an attribute must."""
    return _torch_name(dtype).startswith("float8")
