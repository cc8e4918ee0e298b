"""`python -m tensorferry`: weights and references from checkpoints, without code."""

from __future__ import annotations

import argparse
import os
import pickle
import sys
from typing import Any, Dict, List, Mapping, Optional

import numpy
import torch
from torch import Tensor

from . import registry
from .errors import Disagreement, Refused
from .modules import AttentionClassifier
from .recording import record
from .saving import save
from .version import VERSION

_EPILOG = """examples:
  python -m tensorferry save checkpoint.pt model.h5
  python -m tensorferry save checkpoint.pt model.h5 --key state_dict
  python -m tensorferry record checkpoint.pt inputs.npy reference.h5
"""


class _Failure(Exception):
    """One sentence for the user."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tensorferry",
        description="Saves PyTorch weights and reference outputs for TensorFerry.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tensorferry-python {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="save|record")

    saving = commands.add_parser("save", help="write the weights of a checkpoint")
    recording = commands.add_parser("record", help="write what the model computes, stage by stage")
    for command in (saving, recording):
        command.add_argument(
            "checkpoint", help="a file written by torch.save that holds a state dict"
        )
    recording.add_argument("inputs", help="a .npy file of float32: one case, [B, D] or [B, N, D]")
    recording.add_argument(
        "--depths", action="store_true", help="also probe in which order sums are computed"
    )
    for command in (saving, recording):
        command.add_argument("output", help="the .h5 file to write; record also writes .npz")
        command.add_argument(
            "--key", help="where in the checkpoint the state dict is, for example model"
        )
        command.add_argument("--force", action="store_true", help="replace an existing output")
    return parser


def _state_dict(path: str, key: Optional[str]) -> Mapping[str, Any]:
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        # weights_only refuses code inside a checkpoint. That stays on: a weight file needs no code.
        reason = str(error).strip().splitlines()
        raise _Failure(
            f"{path}: torch.load cannot read it as weights: {reason[0] if reason else 'no data'}"
        ) from error
    if key is not None:
        if not isinstance(loaded, Mapping) or key not in loaded:
            present = (
                ", ".join(map(repr, loaded))
                if isinstance(loaded, Mapping)
                else type(loaded).__name__
            )
            raise _Failure(f"{path}: there is no '{key}'; the checkpoint holds {present}")
        loaded = loaded[key]
    if not isinstance(loaded, Mapping):
        raise _Failure(f"{path}: holds a {type(loaded).__name__}, not a state dict")
    inside = [name for name, value in loaded.items() if _is_state_dict(value)]
    if inside and not _is_state_dict(loaded):
        choices = " or ".join(f"--key {name}" for name in inside)
        raise _Failure(f"{path}: the state dict is inside the checkpoint: use {choices}")
    return loaded


def _is_state_dict(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(item, Tensor) for item in value.values())
    )


def _without_prefixes(state: Mapping[str, Any]) -> Dict[str, Any]:
    """Names without the prefixes of `DataParallel` and `torch.compile`, if all have them."""
    names = dict(state)
    for _ in range(8):
        for prefix in ("module.", "_orig_mod."):
            if names and all(name.startswith(prefix) for name in names):
                names = {name[len(prefix) :]: value for name, value in names.items()}
    return names


def _record(arguments: argparse.Namespace) -> None:
    state = _without_prefixes(_state_dict(arguments.checkpoint, arguments.key))
    found, misfits = registry.recognise(state)
    if found is None:
        raise Refused(f"{arguments.checkpoint}: no stages are known for this state dict", misfits)
    try:
        features = numpy.load(arguments.inputs, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise _Failure(f"{arguments.inputs}: not a .npy file: {error}") from error
    if not isinstance(features, numpy.ndarray) or features.dtype != numpy.float32:
        kind = getattr(features, "dtype", type(features).__name__)
        raise _Failure(f"{arguments.inputs}: holds {kind}, and float32 is needed")
    record(
        AttentionClassifier.from_state_dict(state),
        torch.from_numpy(features),
        arguments.output,
        depths=arguments.depths,
    )


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs a command; returns 0, or 2 after one error on stderr."""
    parsed = _parser().parse_args(arguments)
    try:
        if os.path.lexists(parsed.output) and not parsed.force:
            raise _Failure(f"{parsed.output}: exists already; use --force to replace it")
        if parsed.command == "save":
            save(_state_dict(parsed.checkpoint, parsed.key), parsed.output)
        else:
            _record(parsed)
    except (_Failure, Refused, Disagreement, OSError) as error:
        print(f"tensorferry: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
