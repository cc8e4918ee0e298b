"""`record` writes nothing unless the stages end in what the model returns."""

from __future__ import annotations

import json
import os
import re

import h5py
import pytest
import torch
from models import (
    AttentionClassifier,
    InHalf,
    Positions,
    SelfAttention,
    WithEinsum,
    WithSum,
    WrongAxis,
)

import tensorferry


def agreement(path):
    with h5py.File(path) as file:
        return json.loads(file.attrs["manifest"])["cases"][0]["model_output"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "reference.h5"


@pytest.mark.parametrize(
    "model, shape", [(AttentionClassifier(), (4, 7)), (Positions(), (4, 6, 7))]
)
def test_the_articles_own_code_agrees_bit_for_bit(path, model, shape):
    tensorferry.record(model, torch.randn(shape), path)
    assert agreement(path) == "identical"


@pytest.mark.parametrize("kind", [WithEinsum, WithSum])
@pytest.mark.parametrize("sizes", [(7, 5, 3), (784, 256, 10)], ids=str)
def test_another_way_of_writing_it_agrees_within_rounding(path, kind, sizes):
    torch.manual_seed(3)
    tensorferry.record(kind(*sizes), torch.randn(8, 49, sizes[0]), path)
    assert agreement(path) == "rounding"


@pytest.mark.parametrize("scaled", [True, False])
def test_fused_attention_agrees(path, scaled):
    torch.manual_seed(4)
    tensorferry.record(SelfAttention(scaled), torch.randn(2, 33, 12), path)
    assert agreement(path) in ("identical", "rounding")  # by the kernel that torch picks


def test_fused_attention_with_the_other_scale_disagrees(path):
    model = SelfAttention(scaled=True)
    model.forward = SelfAttention(scaled=False).forward
    with pytest.raises(tensorferry.Disagreement, match="stage 'context'"):
        tensorferry.record(model, torch.randn(2, 5, 16), path)


def disagreement(model, inputs, path):
    with pytest.raises(tensorferry.Disagreement) as caught:
        tensorferry.record(model, inputs, path)
    assert os.listdir(path.parent) == []
    return str(caught.value)


def test_a_softmax_over_the_batch_disagrees(path):
    disagreement(WrongAxis(), torch.randn(4, 6, 7), path)


def test_a_model_that_computes_in_bfloat16_disagrees(path):
    torch.manual_seed(5)
    assert "less precision than float32" in disagreement(InHalf(), torch.randn(4, 6, 7), path)


@pytest.mark.parametrize("factor", [1.001, float("nan")])
def test_the_message_has_the_place_and_both_numbers(path, factor):
    class Off(Positions):
        def forward(self, x):
            output = super().forward(x)
            output[2, 1] *= factor
            return output

    torch.manual_seed(6)
    message = disagreement(Off(), torch.randn(4, 6, 7), path)
    assert re.match(
        r"case 0, stage 'output'\[2, 1\]: model\(x\) gives \S+, and the stages give -?\d", message
    )
    assert "rounding explains at most" in message and "(1 of 12 values" in message


def test_the_message_names_the_case(path):
    class Moody(Positions):
        def forward(self, x):
            return super().forward(x) + float(x.shape[1] == 2)

    message = disagreement(Moody(), [torch.randn(4, 6, 7), torch.randn(4, 2, 7)], path)
    assert message.startswith("case 1, ")


def test_an_output_of_another_shape_disagrees(path):
    class Transposed(Positions):
        def forward(self, x):
            return super().forward(x).T

    message = disagreement(Transposed(), torch.randn(4, 6, 7), path)
    assert "[3, 4]" in message and "[4, 3]" in message


def test_an_output_that_is_not_a_tensor_disagrees(path):
    class Pair(Positions):
        def forward(self, x):
            return super().forward(x), None

    assert "returned a tuple" in disagreement(Pair(), torch.randn(4, 6, 7), path)
