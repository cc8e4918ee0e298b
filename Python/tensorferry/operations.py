"""The operations that stages are made of: what they compute, and how far rounding can carry them.

`forward` is written with torch's own functions and runs in the type of its operands. `error`
bounds, element by element, how far *any* float32 way of writing the operation (another order of
summation, fused multiply-add, a fused kernel) can end from the exact value, given how far its
operands may already be off.

With u = 2^-24 and gamma(k) = k u / (1 - k u), a sum of n products in any order is off by at most
gamma(n) times the sum of their magnitudes (Higham, Accuracy and Stability of Numerical Algorithms,
section 3.1), plus underflow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

import torch
from torch import Tensor

_U = 2.0**-24
_TINY = 2.0**-126  # covers gradual underflow and flush to zero
_EXP = 40 * _U  # the least accurate exp in torch's kernels is good to 20 units in the last place


def gamma(count: int) -> float:
    return count * _U / (1 - count * _U)


def _sum_error(count: int, magnitudes: Tensor) -> Tensor:
    """Rounding of sums of `count` products with the given sums of magnitudes."""
    return gamma(count) * magnitudes + 3 * count * _TINY


@dataclass(frozen=True)
class Linear:
    """`input [..., n]`, `weight [m, n]`, `bias [m]` -> `[..., m]`."""

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.nn.functional.linear(x, weight, bias)

    def error(self, operands: Sequence[Tensor], errors: Sequence[Tensor], result: Tensor) -> Tensor:
        x, weight, bias = operands
        weight = weight.abs()
        magnitudes = (x.abs() + errors[0]) @ weight.T + bias.abs()
        return errors[0] @ weight.T + _sum_error(weight.shape[1] + 1, magnitudes)


@dataclass(frozen=True)
class Softmax:
    """Scores -> weights of the same shape that sum to 1 along `axis`."""

    axis: int

    def forward(self, scores: Tensor) -> Tensor:
        return torch.softmax(scores, dim=self.axis)

    def error(self, operands: Sequence[Tensor], errors: Sequence[Tensor], result: Tensor) -> Tensor:
        scores, error = operands[0], errors[0]
        axis = self.axis
        # The distance from the largest score, as it may have been computed.
        distance = scores.amax(axis, keepdim=True) - scores
        shift = error + 2 * _U * error.amax(axis, keepdim=True)
        high = torch.exp(-distance * (1 - _U) + shift) * (1 + _EXP)
        low = torch.exp(-distance * (1 + _U) - shift) * (1 - _EXP)
        divisions = (1 + _U) ** 2 * (1 + gamma(scores.shape[axis]))
        up = high * divisions / low.sum(axis, keepdim=True)
        down = low / (divisions * high.sum(axis, keepdim=True))
        bound = torch.maximum(up - result, result - down) + _TINY
        # Whatever happened to the scores, a weight lies between 0 and 1.
        return torch.nan_to_num(bound, nan=math.inf).clamp(max=1 + 8 * _U)


@dataclass(frozen=True)
class WeightedSum:
    """`weights [B, 1]` and `vectors [B, n]`, or `[B, N, 1]` and `[B, N, n]` -> `[B, n]`."""

    def forward(self, weights: Tensor, vectors: Tensor) -> Tensor:
        if vectors.dim() == 2:
            return torch.bmm(weights.unsqueeze(2), vectors.unsqueeze(1)).squeeze(1)
        return torch.bmm(weights.transpose(1, 2), vectors).squeeze(1)

    def error(self, operands: Sequence[Tensor], errors: Sequence[Tensor], result: Tensor) -> Tensor:
        weights, vectors = operands
        high = weights + errors[0]
        magnitudes = self.forward(high, vectors.abs() + errors[1])
        carried = self.forward(errors[0], vectors.abs()) + self.forward(high, errors[1])
        count = 1 if vectors.dim() == 2 else vectors.shape[1]
        return carried + _sum_error(count + 1, magnitudes)


@dataclass(frozen=True)
class PairwiseScores:
    """`x [B, N, D]` -> `[B, N, N]`: dot products of all pairs, divided by sqrt(D) if `scaled`."""

    scaled: bool

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.bmm(x, x.transpose(1, 2))
        return scores / math.sqrt(x.shape[2]) if self.scaled else scores

    def error(self, operands: Sequence[Tensor], errors: Sequence[Tensor], result: Tensor) -> Tensor:
        x, error = operands[0].abs(), errors[0]
        high = x + error
        scale = math.sqrt(x.shape[2]) if self.scaled else 1.0
        magnitudes = torch.bmm(high, high.transpose(1, 2)) / scale
        carried = magnitudes - torch.bmm(x, x.transpose(1, 2)) / scale
        # Three more roundings: the scale, and its product with each factor if those are scaled.
        return carried + _sum_error(x.shape[2] + 3, magnitudes)


@dataclass(frozen=True)
class PairwiseSum:
    """`weights [B, N, N]`, `x [B, N, D]` -> `[B, N, D]`: weighted sums of all positions."""

    def forward(self, weights: Tensor, x: Tensor) -> Tensor:
        return torch.bmm(weights, x)

    def error(self, operands: Sequence[Tensor], errors: Sequence[Tensor], result: Tensor) -> Tensor:
        weights, x = operands
        high = weights + errors[0]
        magnitudes = torch.bmm(high, x.abs() + errors[1])
        carried = torch.bmm(errors[0], x.abs()) + torch.bmm(high, errors[1])
        return carried + _sum_error(x.shape[1] + 1, magnitudes)
