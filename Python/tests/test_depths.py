"""How deep sums are: found from kernels whose order is known, and from torch's."""

from __future__ import annotations

import json
import math

import h5py
import pytest
import torch
from models import Positions

import tensorferry
from tensorferry import depths, operations, registry


class Known:
    """Sums of products in an order that the test chooses."""

    summed_axis = -1

    def __init__(self, order, dtype=torch.float32):
        self.order = order
        self.dtype = dtype

    def summed_scale(self, count):
        return 1.0

    def forward(self, x, weight, bias=None):
        terms = (x[:, None, :] * weight[None, :, :]).to(self.dtype).unbind(-1)
        terms = (
            list(terms) if bias is None else [*terms, bias.to(self.dtype).expand(x.shape[0], -1)]
        )
        return self.order(terms).float()


def forward(terms):
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def backward(terms):
    return forward(terms[::-1])


def pairwise(terms):
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return pairwise(terms[:half]) + pairwise(terms[half:])


def lanes(terms, count=8):
    return pairwise([forward(terms[lane::count]) for lane in range(min(count, len(terms)))])


def blocks(terms):
    return forward([lanes(terms[start : start + 64]) for start in range(0, len(terms), 64)])


def halves(terms):
    """The last row in another order than the others, as at the edge of a tile."""
    whole, edge = lanes(terms), forward(terms)
    return torch.cat([whole[:-1], edge[-1:]])


def height(order, count):
    """The depth of a term, from the order itself: numbers that count additions."""

    class Depth(int):
        def __add__(self, other):
            return Depth(max(int(self), int(other)) + 1)

    return int(order([Depth(0)] * count))


def measured(order, n, m=3, rows=2, bias=True, dtype=torch.float32):
    operands = [torch.randn(rows, n), torch.randn(m, n)] + [torch.randn(m)] * bias
    stage = registry.Stage("s", Known(order, dtype), ("x", "w", "b"))
    return depths.measure(stage, operands)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("n", [2, 3, 7, 64, 130])
@pytest.mark.parametrize("order", [forward, backward, pairwise, lanes, blocks])
def test_the_depth_of_a_known_order_is_found(order, n, bias):
    leaves = n + bias
    found = measured(order, n, bias=bias)
    assert found == {"depth": height(order, leaves), "leaves": leaves, "complete": True}


def test_products_in_float64_are_seen_as_well():
    found = measured(lanes, 130, dtype=torch.float64)
    assert found["depth"] == height(lanes, 131) and found["complete"]


def test_the_deepest_of_orders_that_differ_within_a_result_counts():
    found = measured(halves, 64, rows=3, bias=False)
    assert found == {"depth": 63, "leaves": 64, "complete": True}


def test_a_bound_that_is_not_followed_to_its_end_holds(monkeypatch):
    monkeypatch.setattr(depths, "MOST_CALLS_PER_LEAF", 1)
    # Every term but the first few is in one subtree, which one leaf does not show.
    found = measured(lambda terms: forward([terms[0], pairwise(terms[1:])]), 65, bias=False)
    assert found == {"depth": 64, "leaves": 65, "complete": True}


def test_too_much_work_is_not_begun(monkeypatch):
    monkeypatch.setattr(depths, "MOST_PRODUCTS", 1000)
    assert measured(lanes, 64) == {"depth": None, "leaves": 65, "complete": False}


def test_what_is_no_sum_in_a_fixed_order_is_not_complete():
    calls = []

    def changing(terms):
        calls.append(0)
        return lanes(terms) if len(calls) < 100 else forward(terms)

    # Eight terms at once, exactly, and then rounded: no tree of additions.
    def fused(terms):
        total = terms[0]
        for start in range(1, len(terms), 8):
            group = torch.stack([total, *terms[start : start + 8]]).flatten(1).T.tolist()
            total = torch.tensor([math.fsum(each) for each in group]).reshape(total.shape)
        return total

    for order in (changing, fused, lambda terms: forward(terms[:-1])):
        assert measured(order, 64)["complete"] is False


@pytest.mark.parametrize(
    "operation, shapes",
    [
        (operations.Linear(), [(5, 300), (7, 300), (7,)]),
        (operations.Linear((1, 3), (1, 3)), [(2, 3, 36), (108, 36), (108,)]),
        (operations.WeightedSum(), [(3, 50, 1), (3, 50, 7)]),
        (operations.WeightedSum(), [(3, 1), (3, 7)]),
        (operations.PairwiseSum(), [(2, 20, 20), (2, 20, 7)]),
        (operations.Product(), [(2, 3, 5, 33), (2, 3, 33, 7)]),
        (operations.ScaledScores(), [(2, 3, 5, 33), (2, 3, 8, 33)]),
        (operations.ScaledScores(), [(2, 3, 5, 7), (2, 3, 8, 7)]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_torchs_own_kernels_are_trees(operation, shapes):
    operands = [torch.randn(shape) for shape in shapes]
    stage = registry.Stage("s", operation, ("a",) * len(shapes))
    found = depths.measure(stage, operands)
    leaves = shapes[0][operation.summed_axis] if len(shapes[0]) > 2 or len(shapes) == 3 else 1
    leaves += len(shapes) == 3
    assert found["complete"] and found["leaves"] == leaves
    assert (leaves - 1).bit_length() <= found["depth"] < leaves


def test_operands_are_probed_in_their_own_layout():
    x = torch.randn(4, 3, 50).transpose(0, 1)
    like = depths._like(x[1:])
    assert like.shape == (2, 4, 50) and like.stride() == x.stride()
    assert like.data_ptr() % 64 == x[1:].data_ptr() % 64


def test_record_writes_them_to_the_manifest(tmp_path):
    path = tmp_path / "reference.h5"
    tensorferry.record(
        Positions(37, 29, 3), [torch.randn(2, 6, 37), torch.randn(3, 9, 37)], path, depths=True
    )
    with h5py.File(path) as file:
        found = json.loads(file.attrs["manifest"])["depths"]
    assert list(found) == sorted(found)
    leaves = {"fc": 38, "attention_scores": 30, "attended_x": 9, "output": 30}
    assert {name: entry["leaves"] for name, entry in found.items()} == leaves
    assert all(entry["complete"] and entry["depth"] < entry["leaves"] for entry in found.values())


def test_they_are_left_out_unless_they_are_wanted(tmp_path):
    path = tmp_path / "reference.h5"
    tensorferry.record(Positions(7, 5, 3), torch.randn(2, 6, 7), path)
    with h5py.File(path) as file:
        assert "depths" not in json.loads(file.attrs["manifest"])


def test_they_are_refused_for_products_of_less_precision(tmp_path):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with pytest.raises(tensorferry.Refused, match="'medium'"):
            tensorferry.record(
                Positions(7, 5, 3), torch.randn(2, 6, 7), tmp_path / "r.h5", depths=True
            )
    finally:
        torch.set_float32_matmul_precision(before)
    assert not (tmp_path / "r.h5").exists()
