"""`save`: weights to a file of format `tensorferry.weights/1`."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

import h5py
import torch
from torch import Tensor

from . import container, dtypes, registry
from .errors import Refused
from .version import VERSION

FORMAT = "tensorferry.weights/1"
PRODUCER = f"tensorferry-python {VERSION}"

_PLAIN = {torch.Tensor, torch.nn.Parameter, getattr(torch.nn, "Buffer", torch.nn.Parameter)}


def text(value: Any) -> str:
    """JSON with sorted keys: the same value gives the same text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def save(
    model_or_state_dict: Union[torch.nn.Module, Mapping[str, Tensor]], path: container.Path
) -> None:
    """Writes the weights of a model, or a state dict, to a `tensorferry.weights/1` file (HDF5).

    Every tensor of the state dict becomes a dataset at the root with the tensor's name, shape and
    bits, in the order of the state dict. Names that share one tensor (tied weights) share one
    dataset. Nothing is converted: the file holds the element types of the model. A model inside
    `torch.compile` or `DataParallel` is saved without the prefix that those add; a state dict keeps
    its names. The same weights give the same bytes.

    Args:
        model_or_state_dict: a module, or a mapping from names to dense tensors on any device.
        path: replaced if it exists, once the new file is complete.

    Raises:
        Refused: with every name that HDF5 cannot hold and every value that is not a dense tensor.
    """
    module: Optional[torch.nn.Module] = None
    state: Mapping[str, Any]
    if isinstance(model_or_state_dict, torch.nn.Module):
        module = registry.unwrapped(model_or_state_dict)
        state = module.state_dict()
    elif isinstance(model_or_state_dict, Mapping):
        state = model_or_state_dict
    else:
        kind = type(model_or_state_dict).__name__
        raise TypeError(f"save takes a torch.nn.Module or a state dict, not a {kind}")

    problems = problems_with(state)
    if problems:
        raise Refused("cannot save this state dict", problems)
    found, _ = registry.recognise(state, module)
    if not state and found is None:
        raise Refused("cannot save this state dict", ["it is empty"])

    provenance = {
        "torch": torch.__version__,
        "h5py": h5py.__version__,
        "hdf5": h5py.version.hdf5_version,
    }
    if module is not None:
        provenance["class"] = type(module).__qualname__
    with container.creating(path, page_aligned=True) as output:
        attributes = output.file.attrs
        attributes["format"] = FORMAT
        attributes["producer"] = PRODUCER
        attributes["provenance"] = text(provenance)
        if found is not None:
            describe_model(output.file, *found)
        _write(state, output)


def describe_model(
    file: Any, known: registry.KnownModel, configuration: Dict[str, Any]
) -> None:
    """Names the model of a file and its sizes."""
    file.attrs["model"] = known.identifier
    file.attrs["configuration"] = text(configuration)


def _write(state: Mapping[str, Tensor], output: container.Container) -> None:
    written: Dict[Tuple[Any, ...], str] = {}
    for name, tensor in state.items():
        identity = _identity(tensor)
        if identity is not None and identity in written:
            output.file[name] = output.file[written[identity]]
            continue
        dataset = output.write(output.file, name, tensor)
        if dtypes.needs_tag(tensor.dtype):
            dataset.attrs["dtype"] = dtypes.name_of(tensor.dtype)
        dataset.attrs["sha256"] = container.sha256_of(tensor)
        if identity is not None:
            written[identity] = name


def _identity(tensor: Tensor) -> Optional[Tuple[Any, ...]]:
    """Equal for tensors that are the same elements of the same storage; None if there are none."""
    if tensor.numel() == 0:
        return None
    return (
        tensor.device,
        tensor.untyped_storage().data_ptr(),
        tensor.storage_offset(),
        tuple(tensor.shape),
        tensor.stride(),
        tensor.dtype,
        tensor.is_conj(),
        tensor.is_neg(),
    )


def problems_with(state: Mapping[Any, Any]) -> List[str]:
    """Every reason why a state dict cannot be saved, one sentence each, in its order."""
    problems: List[str] = []
    seen: Dict[str, str] = {}
    for name, value in state.items():
        reason = _problem_with_name(name, seen)
        if reason:
            problems.append(f"{name!r}: the name {reason}")
        reason = _problem_with_value(value)
        if reason:
            problems.append(f"{name!r}: {reason}")
    return problems


def _problem_with_name(name: Any, seen: Dict[str, str]) -> Optional[str]:
    if not isinstance(name, str):
        return f"is of type {type(name).__name__}, not str"
    if not name:
        return "is empty"
    if name.strip(".") == "":
        return "consists of dots alone, which HDF5 reads as a path"
    for character, why in (
        ("/", "'/', which separates groups in HDF5"),
        ("\0", "NUL, which ends names in HDF5"),
    ):
        if character in name:
            return f"contains {why}"
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return "is not valid Unicode"
    same = seen.setdefault(unicodedata.normalize("NFC", name), name)
    if same != name:
        return f"equals {same!r} after Unicode normalisation"
    return None


def _problem_with_value(value: Any) -> Optional[str]:
    if not isinstance(value, Tensor):
        kind = f"of type {type(value).__name__}, not a tensor"
        if isinstance(value, Mapping) and any(isinstance(item, Tensor) for item in value.values()):
            return kind + "; it holds tensors, so save it instead of what is around it"
        return kind
    if torch.nn.parameter.is_lazy(value):
        return "not initialised yet; run the model once"
    if type(value) not in _PLAIN:
        return f"a {type(value).__name__}, whose elements only that class can explain"
    if value.is_quantized:
        return f"quantised ({value.dtype}); dequantise it, or save its integers and scales by name"
    if value.layout != torch.strided or value.is_nested:
        return f"not dense ({'nested' if value.is_nested else value.layout}); use to_dense()"
    if value.is_meta:
        return "on the meta device, without elements"
    if dtypes.name_of(value.dtype) is None:
        return f"of type {value.dtype}, which the format cannot hold"
    return None
