"""Inputs for linear stages that a verifier makes from a seed, so that only results are stored.

The rows have full rank whatever the recorded cases look like. So the float64 results tell every
parameter of the stage, where a few similar cases could not.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence, Tuple

import numpy
import torch
from torch import Tensor

from . import operations, registry

GENERATOR = "splitmix64/1"
SEED = 0

MOST_BYTES_OF_STAGE = 64 << 20
MOST_BYTES = 256 << 20


def inputs(seed: int, rows: int, features: int) -> numpy.ndarray:
    """float32 values of shape [rows, features], odd multiples of 2^-24 in (-1, 1).

    Element k in row-major order is made from result k of SplitMix64 (Steele, Lea and Flood 2014).
    """
    k = numpy.arange(1, rows * features + 1, dtype=numpy.uint64)
    z = numpy.uint64(seed) + k * numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    z = z ^ (z >> numpy.uint64(31))
    numerators = 2 * (z >> numpy.uint64(40)).astype(numpy.int64) + 1 - (1 << 24)
    return (numerators * 2.0**-24).astype(numpy.float32).reshape(rows, features)


def plan(
    stages: Sequence[registry.Stage], parameters: Mapping[str, Tensor]
) -> Tuple[Dict[str, int], Dict[str, Dict[str, Any]]]:
    """How many rows each linear stage gets, and for the manifest what each got or why it has none.

    The limits are on stored bytes. Stages come in order, so what fits does not depend on chance.
    """
    chosen: Dict[str, int] = {}
    notes: Dict[str, Dict[str, Any]] = {}
    left = MOST_BYTES
    for stage in stages:
        if not isinstance(stage.operation, operations.Linear):
            continue
        weight = parameters[stage.operands[1]]
        features = weight.shape[1]
        outputs = weight.shape[0] // stage.operation.weight_part[1]
        rows = 2 * (features + 1)
        size = rows * outputs * 8
        if size > min(MOST_BYTES_OF_STAGE, left):
            notes[stage.name] = {"rows": 0, "omitted_bytes": size}
            continue
        left -= size
        chosen[stage.name] = rows
        notes[stage.name] = {"rows": rows}
    return chosen, notes


def result(stage: registry.Stage, parameters: Mapping[str, Tensor], rows: int) -> Tensor:
    """What the stage computes from the probe rows, in float64 from the float32 parameters."""
    wide = [parameters[name].detach().double() for name in stage.operands[1:]]
    x = torch.from_numpy(inputs(SEED, rows, wide[0].shape[1])).double()
    return stage.operation.forward(x, *wide)
