"""The probe rows: their generator, what is stored of them, and when there are none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import h5py
import numpy
import pytest
import torch
from models import AttentionClassifier

import tensorferry
from tensorferry import probes

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/formats/reference.md"


def splitmix64(seed, count):
    """With Python's integers, as the reference writes it."""
    for k in range(count):
        z = (seed + (k + 1) * 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        yield z ^ (z >> 31)


def recorded(tmp_path, model, *inputs, **options):
    path = tmp_path / "reference.h5"
    tensorferry.record(model, *inputs, path, **options)
    return h5py.File(path)


def test_the_generator_is_splitmix64():
    # The first results for this seed that Vigna's splitmix64.c gives.
    assert list(splitmix64(1234567, 2)) == [6457827717110365317, 3203168211198807973]


@pytest.mark.parametrize("seed", [0, 1, 1234567, 2**53 - 1])
def test_inputs_are_the_high_bits_of_the_generator(seed):
    made = probes.inputs(seed, 102, 50)
    expected = [(2 * (z >> 40) + 1 - 2**24) / 2**24 for z in splitmix64(seed, 102 * 50)]
    assert made.dtype == numpy.float32 and made.shape == (102, 50)
    assert made.ravel().tolist() == expected


def test_inputs_are_the_test_vectors_of_the_reference():
    vectors = re.findall(r"\| `(\d+)` \| `([-\d, ]+)` \|", PAGE.read_text())
    assert len(vectors) == 3
    for seed, numerators in vectors:
        made = probes.inputs(int(seed), 2, 3).ravel() * 2.0**24
        assert made.tolist() == [int(each) for each in numerators.split(", ")]


def test_results_are_what_torch_computes_in_float64(tmp_path):
    model = AttentionClassifier(7, 5, 3)
    with recorded(tmp_path, model, torch.randn(4, 7)) as file:
        assert json.loads(file.attrs["probes"]) == {"generator": "splitmix64/1", "seed": 0}
        assert set(file["probes"]) == {"fc", "attention_scores", "output"}
        layers = {"fc": "fc", "attention_scores": "attention", "output": "classifier"}
        for stage, layer in layers.items():
            linear = model.double().get_submodule(layer)
            rows = 2 * (linear.in_features + 1)
            x = torch.from_numpy(probes.inputs(0, rows, linear.in_features)).double()
            held = file[f"probes/{stage}/f64"]
            assert held.dtype == "<f8"
            assert held[...].tobytes() == linear(x).detach().numpy().tobytes()
        assert json.loads(file.attrs["manifest"])["probes"] == {
            "fc": {"rows": 16},
            "attention_scores": {"rows": 12},
            "output": {"rows": 12},
        }


def test_each_part_of_a_joint_projection_has_its_own(tmp_path):
    model = torch.nn.MultiheadAttention(6, 2, batch_first=True)
    torch.nn.init.normal_(model.in_proj_bias)
    x = torch.randn(2, 3, 6)
    with recorded(tmp_path, model, {"query": x, "key": x, "value": x}) as file:
        wide = torch.from_numpy(probes.inputs(0, 14, 6)).double()
        weights = model.in_proj_weight.double().chunk(3)
        biases = model.in_proj_bias.double().chunk(3)
        for stage, weight, bias in zip("qkv", weights, biases):
            expected = torch.nn.functional.linear(wide, weight, bias).detach()
            held = torch.from_numpy(file[f"probes/{stage}/f64"][...])
            assert torch.allclose(held, expected, 0, 1e-14)


def test_they_can_be_left_out(tmp_path):
    model = AttentionClassifier(7, 5, 3)
    with recorded(tmp_path, model, torch.randn(4, 7), probes=False) as file:
        assert "probes" not in file and "probes" not in file.attrs
        assert "probes" not in json.loads(file.attrs["manifest"])


def test_stages_beyond_a_limit_have_none_and_the_manifest_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(probes, "MOST_BYTES_OF_STAGE", 16 * 5 * 8 - 1)
    with recorded(tmp_path, AttentionClassifier(7, 5, 3), torch.randn(4, 7)) as file:
        assert set(file["probes"]) == {"attention_scores", "output"}
        assert json.loads(file.attrs["manifest"])["probes"]["fc"] == {"rows": 0, "omitted_bytes": 640}
    # The first fits, the second does, and nothing is left for the third.
    monkeypatch.undo()
    monkeypatch.setattr(probes, "MOST_BYTES", 640 + 96)
    with recorded(tmp_path, AttentionClassifier(7, 5, 3), torch.randn(4, 7)) as file:
        assert set(file["probes"]) == {"fc", "attention_scores"}
    monkeypatch.setattr(probes, "MOST_BYTES", 0)
    with recorded(tmp_path, AttentionClassifier(7, 5, 3), torch.randn(4, 7)) as file:
        assert "probes" not in file and "probes" not in file.attrs


def test_a_model_without_linear_stages_has_none(tmp_path):
    with recorded(tmp_path, tensorferry.SelfAttention(), torch.randn(2, 3, 5)) as file:
        assert "probes" not in file
        assert json.loads(file.attrs["manifest"])["probes"] == {}
