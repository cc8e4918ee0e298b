"""The rules of other tools: each tells whether it accepts an output, and how far it is from its
threshold, where 1 is on it."""

from __future__ import annotations

import numpy as np
import torch
from polygraphy.comparator import IterationResult, SimpleCompareFunc
from polygraphy.logger import G_LOGGER

G_LOGGER.module_severity = G_LOGGER.CRITICAL


def torch_rule(actual, expected):
    """`torch.testing.assert_close`, as it comes for float32."""
    try:
        torch.testing.assert_close(torch.from_numpy(actual), torch.from_numpy(expected))
        accepts = True
    except AssertionError:
        accepts = False
    return accepts, np.max(np.abs(actual - expected) / (1e-5 + 1.3e-6 * np.abs(expected)))


def polygraphy_rule(actual, expected):
    """`SimpleCompareFunc()`: an element fails if both its differences are above 1e-5."""
    results = [IterationResult({"output": each}, runner_name="") for each in (actual, expected)]
    accepts = bool(SimpleCompareFunc()(*results)["output"])
    absolute = np.abs(actual - expected)
    divisor = np.where(expected == 0, np.finfo(np.float64).eps, np.abs(expected))
    return accepts, np.max(np.minimum(absolute, absolute / divisor)) / 1e-5


def onnxruntime_rule(actual, expected):
    """The defaults of its ONNX backend tests: rtol 1e-3, atol 1e-5."""
    try:
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-5)
        accepts = True
    except AssertionError:
        accepts = False
    return accepts, np.max(np.abs(actual - expected) / (1e-5 + 1e-3 * np.abs(expected)))


def burn_rule(actual, expected):
    """`Tolerance::default()`: |x - y| < max(0.005 |x + y|, 1e-5)."""
    limit = np.maximum(0.005 * np.abs(actual + expected), 1e-5)
    excess = np.max(np.abs(actual - expected) / limit)
    return bool(excess < 1), excess


def cosine_rule(actual, expected):
    """The cosine of the two is above 0.999."""
    lengths = np.linalg.norm(actual) * np.linalg.norm(expected)
    cosine = np.sum(actual * expected) / lengths if lengths > 0 else 0.0
    return bool(cosine > 0.999), (1 - cosine) / 0.001


def nmse_rule(actual, expected):
    """The mean square of the difference is at most 5e-4 of that of the output, as in ggml."""
    nmse = np.sum((actual - expected) ** 2) / np.sum(expected**2)
    return bool(nmse <= 5e-4), nmse / 5e-4


RULES = {
    "assert_close": torch_rule,
    "Polygraphy": polygraphy_rule,
    "onnxruntime": onnxruntime_rule,
    "Burn": burn_rule,
    "cosine > 0.999": cosine_rule,
    "NMSE 5e-4": nmse_rule,
}
WIDE = {burn_rule, cosine_rule, nmse_rule}  # computed here, in float64


def judgements(name, actual, expected):
    """Whether each rule accepts; none may depend on a rounding."""
    accepted = {}
    for rule, judge in RULES.items():
        pair = [
            np.asarray(each, np.float64 if judge in WIDE else np.float32)
            for each in (actual, expected)
        ]
        with np.errstate(all="ignore"):
            accepts, excess = judge(*pair)
        finite = bool(np.isfinite(actual).all())
        if finite and name and 2 / 3 < excess < 1.5:
            raise SystemExit(f"comparators.py: {rule} says {excess:.3} of {name}; choose another")
        accepted[rule] = accepts
    return accepted
