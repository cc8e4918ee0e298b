"""The labels that `record` writes beside the cases, and those that it refuses."""

from __future__ import annotations

import os

import h5py
import numpy
import pytest
import torch
from models import AttentionClassifier
from torch.utils.data import DataLoader, TensorDataset

import tensorferry


def recorded(path, model, inputs, **options):
    tensorferry.record(model, inputs, path / "r.h5", probes=False, **options)
    with h5py.File(path / "r.h5") as file:
        return {
            name: case["labels"][...] for name, case in file["cases"].items() if "labels" in case
        }


def test_there_are_none_without_being_asked_for(tmp_path):
    pairs = [(torch.randn(4, 7), torch.tensor([0, 1, 2, 1]))]
    assert recorded(tmp_path, AttentionClassifier(7, 5, 3), pairs) == {}


@pytest.mark.parametrize("kind", [torch.int64, torch.int32, torch.uint8])
def test_one_tensor_belongs_to_one_case(tmp_path, kind):
    labels = torch.tensor([2, 0, 1, 1]).to(kind)
    found = recorded(tmp_path, AttentionClassifier(7, 5, 3), torch.randn(4, 7), labels=labels)
    assert found["0000"].dtype == "<i8"
    assert found["0000"].tolist() == [2, 0, 1, 1]


def test_an_iterable_has_one_for_each_case(tmp_path):
    labels = [numpy.array([2, 0]), [1, 1, 0]]
    inputs = [torch.randn(2, 7), torch.randn(3, 7)]
    found = recorded(tmp_path, AttentionClassifier(7, 5, 3), inputs, labels=labels)
    assert {name: value.tolist() for name, value in found.items()} == {
        "0000": [2, 0],
        "0001": [1, 1, 0],
    }


def test_true_takes_those_of_a_data_loader(tmp_path):
    y = torch.tensor([2, 0, 1, 1, 0])
    loader = DataLoader(TensorDataset(torch.randn(5, 7), y), batch_size=2)
    found = recorded(tmp_path, AttentionClassifier(7, 5, 3), loader, labels=True)
    assert [value.tolist() for value in found.values()] == [[2, 0], [1, 1], [0]]


def test_true_takes_what_follows_a_mask(tmp_path):
    model = tensorferry.TransformerClassifier(4, 2, 5, 1, 3)
    x, mask, y = torch.randn(2, 3, 4), torch.zeros(2, 3, dtype=torch.bool), torch.tensor([2, 1])
    found = recorded(tmp_path, model, [(x, mask, y), (x, y)], labels=True)
    assert [value.tolist() for value in found.values()] == [[2, 1], [2, 1]]


@pytest.mark.parametrize(
    "labels, reason",
    [
        (torch.tensor([0, 1, 2]), "the labels have shape [3], not [4]"),
        (torch.zeros(4, 3, dtype=torch.int64), "the labels have shape [4, 3], not [4]"),
        (torch.tensor([0, 1, 3, 0]), "hold 3 for sample 2, and the classes are 0 to 2"),
        (torch.tensor([0, -1, 2, 0]), "hold -1 for sample 1"),
        (torch.zeros(4), "the labels are torch.float32, not whole numbers"),
        (torch.zeros(4, dtype=torch.bool), "the labels are torch.bool, not whole numbers"),
        (["abcd"], "the labels are of type str, not a tensor of whole numbers"),
        ([], "the labels are missing"),
        ([torch.zeros(4, dtype=torch.int64)] * 2, "there are labels for more than 1 case(s)"),
        (True, "the labels are missing"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, reason):
    with pytest.raises(tensorferry.Refused) as caught:
        recorded(tmp_path, AttentionClassifier(7, 5, 3), torch.randn(4, 7), labels=labels)
    assert reason in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_a_model_that_is_no_classifier_has_no_labels(tmp_path):
    attention = torch.nn.MultiheadAttention(6, 2, batch_first=True)
    x = torch.randn(2, 3, 6)
    with pytest.raises(tensorferry.Refused, match="MultiheadAttention is no classifier"):
        recorded(tmp_path, attention, (x, x, x), labels=torch.tensor([0, 1]))
