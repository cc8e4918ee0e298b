"""How many additions one term of a sum goes through, found by asking the kernel that computes it.

A sum in floating point is a tree whose leaves are the products and the bias. The bound on its
rounding grows with the longest path from a leaf to the root, which is far shorter than the sum has
terms where a kernel keeps many partial sums. The order is not documented, but it shows (FPRev: Xie
et al. 2024): with a large M at leaf i, -M at leaf j and 1 everywhere else, all that is added before
the two meet is lost in M, and the result counts the ones that were added later. So it tells how
many leaves lie below the place where i and j meet.

The answers for one i and all j give the path from i to the root, with the number of leaves that
join at each node; a subtree of d leaves is at most d - 1 deep. That bounds the depth of *every*
leaf. The subtree with the largest bound is then asked in the same way, until nothing unknown could
be deeper than what is known. Each call probes every element of the result at once, since kernels
treat the edges of a matrix differently.
"""

from __future__ import annotations

import heapq
import math
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from . import registry
from .errors import Refused

# Loses 1 in float64 and in 64-bit mantissas, too, and is far from an overflow.
LARGE = 2.0**100

MOST_PRODUCTS = 1 << 38
MOST_CALLS_PER_LEAF = 4
MOST_GROUPS = 64

# What probing needs to be exact: a count below this is a float32 number.
_MOST_LEAVES = 1 << 22


class _NoTree(Exception):
    """The answers are not those of a sum of float32 numbers in a fixed order."""


class _Piece(NamedTuple):
    """A subtree whose inside is not known."""

    negative_bound: int  # of the depth of its leaves; heaps give the smallest
    above: int  # nodes above its root
    leaves: Tuple[int, ...]


class _Kernel:
    """The sums of one stage for operands of one layout, each of which has the same leaves."""

    def __init__(self, stage: registry.Stage, operands: Sequence[Tensor]) -> None:
        self.operation = stage.operation
        self.axis = stage.operation.summed_axis
        self.count = operands[0].shape[self.axis]
        self.has_bias = len(operands) > 2
        self.leaves = self.count + self.has_bias
        self.operands = [_like(each) for each in operands]
        self.unit = _unit(self.operation, self.count)
        self.operands[0].fill_(self.unit)
        self.calls = 0
        self.size = self.operation.forward(*self.operands).numel()

    def _put(self, leaf: int, factor: float) -> None:
        if leaf == self.count:
            self.operands[2].fill_(factor)
        else:
            self.operands[0].select(self.axis, leaf).fill_(self.unit * factor)

    def _result(self) -> Tensor:
        self.calls += 1
        return self.operation.forward(*self.operands).reshape(-1)

    def check(self) -> None:
        if bool((self._result() != self.leaves).any()):
            raise _NoTree

    def leaves_below(self, i: int, j: int) -> Tensor:
        """For each element of the result, how many leaves lie below the place where two meet."""
        self._put(i, LARGE)
        self._put(j, -LARGE)
        found = self.leaves - self._result()
        self._put(i, 1)
        self._put(j, 1)
        below = found.to(torch.int64)
        if bool(((below != found) | (below < 2) | (below > self.leaves)).any()):
            raise _NoTree
        return below


def _like(operand: Tensor) -> Tensor:
    """Ones in the layout and at the alignment of another tensor."""
    span = 1 + sum((size - 1) * stride for size, stride in zip(operand.shape, operand.stride()))
    memory = torch.ones(span + 32, dtype=operand.dtype)
    start = (operand.data_ptr() - memory.data_ptr()) % 64 // operand.element_size()
    return memory.as_strided(operand.shape, operand.stride(), start)


def _unit(operation: Any, count: int) -> float:
    """A number that the operation makes 1 of before it sums."""
    scale = operation.summed_scale(count)
    if scale == 1:
        return 1.0
    candidate = torch.tensor(1 / scale)
    for towards in (candidate, torch.tensor(math.inf), torch.tensor(0.0)):
        near = torch.nextafter(candidate, towards)
        if (near * scale).item() == 1:
            return near.item()
    raise _NoTree


class _Group:
    """Elements of the result whose sums have answered alike."""

    def __init__(self, members: Tensor, height: int, pieces: List[_Piece]) -> None:
        self.members = members
        self.height = height  # the depth of the deepest leaf that is known
        self.pieces = pieces

    @property
    def bound(self) -> int:
        return max(self.height, -self.pieces[0].negative_bound if self.pieces else 0)

    @property
    def is_known(self) -> bool:
        return self.bound == self.height

    def expanded(self, kernel: _Kernel) -> List[_Group]:
        """The same after one leaf of the piece that could be deepest was asked."""
        piece = heapq.heappop(self.pieces)
        first = piece.leaves[0]
        classes = torch.zeros(len(self.members), dtype=torch.int64)
        examples = torch.zeros(1, dtype=torch.int64)
        answers: List[List[int]] = [[]]
        for other in piece.leaves[1:]:
            below = kernel.leaves_below(first, other)[self.members]
            if bool((below != below[examples][classes]).any()):
                keys = classes * (kernel.leaves + 1) + below
                before = classes
                _, classes = torch.unique(keys, return_inverse=True)
                if int(classes.max()) >= MOST_GROUPS:
                    raise _NoTree
                examples = torch.stack(
                    [(classes == c).nonzero()[0, 0] for c in range(int(classes.max()) + 1)]
                )
                answers = [list(answers[int(before[example])]) for example in examples]
            for answer, below_it in zip(answers, below[examples].tolist()):
                answer.append(below_it)
        return [
            self._with(piece, answer, self.members[classes == index])
            for index, answer in enumerate(answers)
        ]

    def _with(self, piece: _Piece, answers: List[int], members: Tensor) -> _Group:
        joining: Dict[int, List[int]] = {}
        for leaf, below in zip(piece.leaves[1:], answers):
            joining.setdefault(below, []).append(leaf)
        group = _Group(members, max(self.height, piece.above + len(joining)), list(self.pieces))
        size = 1
        for index, (below, leaves) in enumerate(sorted(joining.items())):
            size += len(leaves)
            if size != below:
                raise _NoTree
            above = piece.above + len(joining) - index
            if len(leaves) == 1:
                group.height = max(group.height, above)
            else:
                bound = above + len(leaves) - 1
                heapq.heappush(group.pieces, _Piece(-bound, above, tuple(leaves)))
        return group


def measure(stage: registry.Stage, operands: Sequence[Tensor]) -> Dict[str, Any]:
    """The depth of the sums of a stage, for operands of exactly these shapes and strides.

    `complete` is true if every leaf of every sum was accounted for; `depth` is then an upper bound
    of the additions that any term goes through, and usually that number.
    """
    leaves = operands[0].shape[stage.operation.summed_axis] + (len(operands) > 2)
    unknown = {"depth": None, "leaves": leaves, "complete": False}
    if leaves <= 2:
        return {"depth": leaves - 1, "leaves": leaves, "complete": True}
    if leaves > _MOST_LEAVES or operands[0].stride(stage.operation.summed_axis) == 0:
        return unknown
    try:
        kernel = _Kernel(stage, operands)
        most = min(MOST_CALLS_PER_LEAF * leaves, MOST_PRODUCTS // (kernel.size * leaves))
        if most < leaves:
            return unknown
        kernel.check()
        witnesses = [(0, leaf) for leaf in range(1, leaves, max(1, leaves // 8))]
        seen = [kernel.leaves_below(*pair) for pair in witnesses]
        whole = _Piece(1 - leaves, 0, tuple(range(leaves)))
        groups = [_Group(torch.arange(kernel.size), 0, [whole])]
        waiting, depth = groups, 0
        while waiting:
            group = waiting.pop()
            size = len(group.pieces[0].leaves) if group.pieces else 0
            if group.is_known or (size < leaves and kernel.calls + size > most):
                depth = max(depth, group.bound)
            else:
                waiting.extend(group.expanded(kernel))
        # A kernel that takes another order now and then has none that could be relied upon.
        if any(bool((kernel.leaves_below(*p) != s).any()) for p, s in zip(witnesses, seen)):
            return unknown
    except _NoTree:
        return unknown
    return {"depth": depth, "leaves": leaves, "complete": True}


class Depths:
    """What was measured of all stages, over cases of different shapes."""

    def __init__(self, stages: Sequence[registry.Stage]) -> None:
        precision = torch.get_float32_matmul_precision()
        if precision != "highest":
            problem = f"the precision of matrix products is '{precision}', not 'highest'"
            raise Refused("cannot measure depths", [problem])
        self.stages = [each for each in stages if hasattr(each.operation, "summed_axis")]
        self.found: Dict[str, Dict[str, Any]] = {}
        self.known: Dict[Tuple[Any, ...], Dict[str, Any]] = {}

    def add(self, values: Dict[str, Tensor]) -> None:
        """Measures the stages of a case in the layouts that its values have."""
        for stage in self.stages:
            operands = [values[name] for name in stage.operands]
            layout = (stage.operation,) + tuple(
                (tuple(each.shape), each.stride(), each.data_ptr() % 64) for each in operands
            )
            if layout not in self.known:
                self.known[layout] = measure(stage, operands)
            self._merge(stage.name, self.known[layout])

    def _merge(self, name: str, entry: Dict[str, Any]) -> None:
        previous: Optional[Dict[str, Any]] = self.found.get(name)
        if previous is None:
            self.found[name] = dict(entry)
            return
        complete = previous["complete"] and entry["complete"]
        self.found[name] = {
            "depth": max(previous["depth"], entry["depth"]) if complete else None,
            "leaves": max(previous["leaves"], entry["leaves"]),
            "complete": complete,
        }
