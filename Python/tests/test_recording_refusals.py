"""Models and inputs that `record` refuses, by name."""

from __future__ import annotations

import os

import pytest
import torch
from models import AttentionClassifier
from torch import nn

import tensorferry


@pytest.fixture
def problems(tmp_path):
    """The problems with a model and inputs; nothing may be left behind."""

    def record(model, inputs):
        with pytest.raises(tensorferry.Refused) as caught:
            tensorferry.record(model, inputs, tmp_path / "r.h5")
        assert os.listdir(tmp_path) == []
        return str(caught.value)

    return record


def changed(**modules):
    model = AttentionClassifier(7, 5, 3)
    for name, module in modules.items():
        setattr(model, name, module)
    return model


@pytest.mark.parametrize(
    "model, reason",
    [
        (nn.Linear(7, 3), "no stages are known for this Linear"),
        (nn.Linear(7, 3), "'fc.weight' is missing"),
        (nn.Linear(7, 3), "'weight' is not one of its parameters"),
        (changed(norm=nn.LayerNorm(5)), "'norm.weight' is not one of its parameters"),
        (changed(fc=nn.Linear(7, 5, bias=False)), "'fc.bias' is missing"),
        (changed(attention=nn.Linear(5, 2)), "'attention.weight' has shape [2, 5], not [1, 5]"),
        (changed(classifier=nn.Linear(4, 3)), "has shape [3, 4], not [num_classes, 5]"),
        (nn.ReLU(), "known by its class, which is not SelfAttention"),
        (type("SelfAttention", (nn.Module,), {})(), "the attribute 'scaled' is None, not a bool"),
        (AttentionClassifier().half(), "'fc.weight' is F16"),
        (AttentionClassifier().bfloat16(), "'fc.weight' is BF16"),
        (AttentionClassifier().double(), "'fc.weight' is F64"),
        (AttentionClassifier().to("meta"), "'fc.weight' is on device meta"),
    ],
)
def test_a_model_without_known_stages_is_refused(problems, model, reason):
    assert reason in problems(model, torch.randn(4, 7))


@pytest.mark.parametrize(
    "inputs, reason",
    [
        (torch.randn(4, 7).double(), "input 'x' is torch.float64, not torch.float32"),
        (torch.randn(4, 7).half(), "input 'x' is torch.float16, not torch.float32"),
        (torch.zeros(4, 7, dtype=torch.long), "input 'x' is torch.int64"),
        (torch.randn(4, 8), "has shape [4, 8], not [batch, 7] or [batch, positions, 7]"),
        (torch.randn(7), "has shape [7]"),
        (torch.zeros(0, 7), "has shape [0, 7]"),
        (torch.full((4, 7), float("nan")), "holds values that are not finite"),
        (torch.ones(4, 7).to_sparse(), "not a dense tensor"),
        (torch.full((4, 7), 3e38), "stage 'fc' holds"),
        ({}, "input 'x' is missing"),
        ({"x": torch.randn(4, 7), "mask": torch.ones(4)}, "has no input 'mask'"),
        ([], "the inputs hold no case"),
        ([torch.randn(4, 7), [3]], "cannot record case 1"),
        ([torch.randn(4, 7), 3], "a case is a tensor, a tuple, a list or a dict, not int"),
        ((torch.randn(4, 7), [1, 2]), "a tuple holds the arguments of one case, not a list"),
        ((torch.randn(4, 7), torch.randn(4, 7)), "takes 1 argument(s), and the tuple holds 2"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_inputs_that_do_not_fit_are_refused(problems, inputs, reason):
    model = AttentionClassifier(7, 5, 3)
    # So that the largest numbers overflow whatever the other parameters are.
    nn.init.ones_(model.fc.weight)
    assert reason in problems(model, inputs)


@pytest.mark.parametrize("inputs", ["x.npy", 3, None])
def test_inputs_of_another_kind_are_a_type_error(tmp_path, inputs):
    with pytest.raises(TypeError, match="inputs are tensors"):
        tensorferry.record(AttentionClassifier(), inputs, tmp_path / "r.h5")


def test_a_state_dict_is_a_type_error(tmp_path):
    with pytest.raises(TypeError, match="takes a torch.nn.Module"):
        tensorferry.record(AttentionClassifier().state_dict(), torch.randn(4, 7), tmp_path / "r.h5")
