"""The operations that stages are made of: what they compute, and how far rounding can carry them.

`forward` is written with torch's own functions and runs in the type of its operands. `error`
bounds, element by element, how far *any* way of writing the operation in float32 or float64
(another order of summation, fused multiply-add, a fused kernel) can end from the exact value, given
how far its operands may already be off.

With u = 2^-24 or 2^-53 and gamma(k) = k u / (1 - k u), a sum of n products in any order is off by
at most gamma(n) times the sum of their magnitudes (Higham, Accuracy and Stability of Numerical
Algorithms, section 3.1), plus underflow.

Operations that sum products have `summed_axis`: the axis of the first operand along which they sum,
where the second operand has a factor for each term, and a third one is a bias. `summed_scale` is
what they multiply the first operand by before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rounding:
    """The unit roundoff of a type, and the smallest normal number of it."""

    unit: float
    tiny: float  # covers gradual underflow and flush to zero

    @property
    def exp(self) -> float:
        """The least accurate exp in torch's kernels is good to 20 units in the last place."""
        return 40 * self.unit

    def gamma(self, count: int) -> float:
        return count * self.unit / (1 - count * self.unit)

    def sum_error(self, count: int, magnitudes: Tensor) -> Tensor:
        """Rounding of sums of `count` products with the given sums of magnitudes."""
        return self.gamma(count) * magnitudes + 3 * count * self.tiny


FLOAT32 = Rounding(2.0**-24, 2.0**-126)
FLOAT64 = Rounding(2.0**-53, 2.0**-1022)

Operands = Sequence[Tensor]


class _Unscaled:
    def summed_scale(self, count: int) -> float:
        return 1.0


@dataclass(frozen=True)
class Linear(_Unscaled):
    """`input [..., n]`, `weight [m, n]` and perhaps `bias [m]` -> `[..., m]`.

    `weight_part` and `bias_part` are (index, count) where a parameter holds several layers, one
    above the other: the rows of one of `count` equal parts.
    """

    weight_part: Tuple[int, int] = (0, 1)
    bias_part: Tuple[int, int] = (0, 1)

    @property
    def summed_axis(self) -> int:
        return -1

    def _rows(
        self, weight: Tensor, bias: Optional[Tensor] = None
    ) -> Tuple[Tensor, Optional[Tensor]]:
        (w, weights), (b, biases) = self.weight_part, self.bias_part
        return weight.chunk(weights)[w], None if bias is None else bias.chunk(biases)[b]

    def forward(self, x: Tensor, *parameters: Tensor) -> Tensor:
        return torch.nn.functional.linear(x, *self._rows(*parameters))

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        weight, bias = self._rows(*operands[1:])
        weight = weight.abs()
        magnitudes = (operands[0].abs() + errors[0]) @ weight.T
        if bias is not None:
            magnitudes = magnitudes + bias.abs()
        return errors[0] @ weight.T + r.sum_error(weight.shape[1] + 1, magnitudes)


@dataclass(frozen=True)
class Softmax:
    """Scores -> weights of the same shape that sum to 1 along `axis`."""

    axis: int

    def forward(self, scores: Tensor) -> Tensor:
        return torch.softmax(scores, dim=self.axis)

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        scores, error = operands[0], errors[0]
        axis = self.axis
        # The distance from the largest score, as it may have been computed.
        distance = scores.amax(axis, keepdim=True) - scores
        shift = error + 2 * r.unit * error.amax(axis, keepdim=True)
        high = torch.exp(-distance * (1 - r.unit) + shift) * (1 + r.exp)
        low = torch.exp(-distance * (1 + r.unit) - shift) * (1 - r.exp)
        divisions = (1 + r.unit) ** 2 * (1 + r.gamma(scores.shape[axis]))
        up = high * divisions / low.sum(axis, keepdim=True)
        down = low / (divisions * high.sum(axis, keepdim=True))
        bound = torch.maximum(up - result, result - down) + r.tiny
        # Whatever happened to the scores, a weight lies between 0 and 1.
        return torch.nan_to_num(bound, nan=math.inf).clamp(max=1 + 8 * r.unit)


@dataclass(frozen=True)
class WeightedSum(_Unscaled):
    """`weights [B, 1]` and `vectors [B, n]`, or `[B, N, 1]` and `[B, N, n]` -> `[B, n]`."""

    @property
    def summed_axis(self) -> int:
        return 1

    def forward(self, weights: Tensor, vectors: Tensor) -> Tensor:
        if vectors.dim() == 2:
            return torch.bmm(weights.unsqueeze(2), vectors.unsqueeze(1)).squeeze(1)
        return torch.bmm(weights.transpose(1, 2), vectors).squeeze(1)

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        weights, vectors = operands
        high = weights + errors[0]
        magnitudes = self.forward(high, vectors.abs() + errors[1])
        carried = self.forward(errors[0], vectors.abs()) + self.forward(high, errors[1])
        count = 1 if vectors.dim() == 2 else vectors.shape[1]
        return carried + r.sum_error(count + 1, magnitudes)


@dataclass(frozen=True)
class PairwiseScores:
    """`x [B, N, D]` -> `[B, N, N]`: dot products of all pairs, divided by sqrt(D) if `scaled`."""

    scaled: bool

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.bmm(x, x.transpose(1, 2))
        return scores / math.sqrt(x.shape[2]) if self.scaled else scores

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        x, error = operands[0].abs(), errors[0]
        high = x + error
        scale = math.sqrt(x.shape[2]) if self.scaled else 1.0
        magnitudes = torch.bmm(high, high.transpose(1, 2)) / scale
        carried = magnitudes - torch.bmm(x, x.transpose(1, 2)) / scale
        # Three more roundings: the scale, and its product with each factor if those are scaled.
        return carried + r.sum_error(x.shape[2] + 3, magnitudes)


@dataclass(frozen=True)
class PairwiseSum(_Unscaled):
    """`weights [B, N, N]`, `x [B, N, D]` -> `[B, N, D]`: weighted sums of all positions."""

    @property
    def summed_axis(self) -> int:
        return -1

    def forward(self, weights: Tensor, x: Tensor) -> Tensor:
        return torch.bmm(weights, x)

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        weights, x = operands
        high = weights + errors[0]
        magnitudes = torch.bmm(high, x.abs() + errors[1])
        carried = torch.bmm(errors[0], x.abs()) + torch.bmm(high, errors[1])
        return carried + r.sum_error(x.shape[1] + 1, magnitudes)


@dataclass(frozen=True)
class MaskedSoftmax:
    """Scores `[B, ...]` and a mask `[B, n]` -> weights that sum to 1 along `axis` of size n.

    Where the mask is true, the weight is 0.
    """

    axis: int

    def _mask(self, scores: Tensor, mask: Tensor) -> Tensor:
        shape = [1] * scores.dim()
        shape[0], shape[self.axis] = mask.shape
        return mask.bool().reshape(shape)

    def forward(self, scores: Tensor, mask: Tensor) -> Tensor:
        return torch.softmax(
            scores.masked_fill(self._mask(scores, mask), -math.inf), dim=self.axis
        )

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        mask = self._mask(*operands)
        scores, error = operands[0].masked_fill(mask, -math.inf), errors[0].masked_fill(mask, 0)
        return Softmax(self.axis).error([scores], [error], result, r).masked_fill(mask, 0)


@dataclass(frozen=True)
class Product(_Unscaled):
    """`left [..., n, k]`, `right [..., k, m]` -> `[..., n, m]`."""

    @property
    def summed_axis(self) -> int:
        return -1

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return torch.matmul(left, right)

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        left, right = operands[0].abs(), operands[1].abs()
        high = left + errors[0]
        carried = errors[0] @ right + high @ errors[1]
        return carried + r.sum_error(left.shape[-1] + 1, high @ (right + errors[1]))


@dataclass(frozen=True)
class ScaledScores:
    """`queries [..., n, k]`, `keys [..., m, k]` -> dot products / sqrt(k), `[..., n, m]`."""

    @property
    def summed_axis(self) -> int:
        return -1

    def summed_scale(self, count: int) -> float:
        return math.sqrt(1.0 / count)

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        # The queries are scaled, as torch.nn.functional.multi_head_attention_forward does it.
        return torch.matmul(queries * math.sqrt(1.0 / queries.shape[-1]), keys.mT)

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        left, right = operands[0].abs(), operands[1].abs().mT
        high, scale = left + errors[0], math.sqrt(left.shape[-1])
        carried = errors[0] @ right + high @ errors[1].mT
        magnitudes = high @ (right + errors[1].mT)
        # Fused attention scales both factors: six roundings more.
        return (carried + r.sum_error(left.shape[-1] + 6, magnitudes)) / scale


@dataclass(frozen=True)
class SplitHeads:
    """`[B, n, heads * k]` -> `[B, heads, n, k]`; head h has the features from h * k on."""

    heads: int

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        return self.forward(errors[0])


@dataclass(frozen=True)
class MergeHeads:
    """`[B, heads, n, k]` -> `[B, n, heads * k]`."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).flatten(2)

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        return self.forward(errors[0])


@dataclass(frozen=True)
class MeanOverHeads:
    """`[B, heads, n, m]` -> `[B, n, m]`."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=1)

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        heads = operands[0].shape[1]
        magnitudes = (operands[0].abs() + errors[0]).mean(dim=1)
        return errors[0].mean(dim=1) + r.sum_error(heads + 2, magnitudes)


@dataclass(frozen=True)
class Add:
    """The sum of two tensors of one shape."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        carried = errors[0] + errors[1]
        return carried + r.unit * (result.abs() + carried) + r.tiny


@dataclass(frozen=True)
class ReLU:
    """The larger of 0 and x."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x)

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        return errors[0]


@dataclass(frozen=True)
class GELU:
    """x / 2 * (1 + erf(x / sqrt(2)))."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.nn.functional.gelu(x)

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        # The slope is at most 1.13; the vectorised erf is good to 32 u of 1, whatever it is.
        return 1.13 * errors[0] + 40 * r.unit * (operands[0].abs() + errors[0]) + r.tiny


@dataclass(frozen=True)
class LayerNorm:
    """(x - mean) / sqrt(variance + eps) * weight + bias over the last axis."""

    eps: float

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.nn.functional.layer_norm(x, x.shape[-1:], weight, bias, self.eps)

    def error(
        self, operands: Operands, errors: Operands, result: Tensor, r: Rounding
    ) -> Tensor:
        x, weight, bias = operands
        error, count = errors[0], x.shape[-1]
        variance, mean = torch.var_mean(x, -1, unbiased=False, keepdim=True)
        scale = torch.sqrt(variance + self.eps)
        distance = (x - mean).abs()
        # What an error of x does: the scale is the length of the distances, so it changes by no
        # more than their errors are long.
        moved = error + error.mean(-1, keepdim=True)
        length = moved.square().mean(-1, keepdim=True).sqrt()
        least = (scale - length).clamp(min=math.sqrt(self.eps))
        carried = (moved + distance * length / scale) / least
        # What rounding does, for two passes and for merged moments: first the mean, then the
        # variance, in which the mean counts once for each of the merges.
        log = max(1, (count - 1).bit_length())
        largest = (x.abs() + error).amax(-1, keepdim=True)
        of_mean = r.gamma(count + 6 * log + 18) * largest
        merges = max(1.0, log / 2)
        factor = 2 * math.sqrt(2) + 4 * math.sqrt(merges)
        of_variance = factor * of_mean * (scale + length) + (1 + 4 * merges) * of_mean.square()
        of_variance = of_variance + r.gamma(2 * count + 12) * (
            (scale + length).square() + of_variance
        )
        share = of_variance / least.square()
        root = torch.sqrt((1 - share).clamp(min=0))
        relative = share / ((1 + root) * root) + r.gamma(8)
        high = distance + moved
        rounded = (high * relative + (of_mean + r.gamma(4) * (2 * largest + of_mean))) / least
        total = carried + rounded * (1 + relative)
        weight = weight.abs()
        bound = weight * total + r.gamma(4) * (weight * (high / least + total) + bias.abs())
        bound = bound + r.tiny
        return torch.nan_to_num(bound, nan=math.inf, posinf=math.inf)
