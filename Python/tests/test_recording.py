"""What `record` writes, and how it reads its inputs."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import h5py
import pytest
import torch
from models import AttentionClassifier, Positions
from torch.utils.data import DataLoader, TensorDataset

import tensorferry

STAGES = ["fc", "attention_scores", "attention_weights", "attended_x", "output"]


@pytest.fixture
def bundle(tmp_path):
    """Records and opens the bundle with h5py."""
    opened = []

    def record(model, inputs, **options):
        tensorferry.record(model, inputs, tmp_path / "reference.h5", **options)
        opened.append(h5py.File(tmp_path / "reference.h5"))
        return opened[-1]

    yield record
    for each in opened:
        each.close()


def manifest(file):
    return json.loads(file.attrs["manifest"])


def shapes(file, case="0000"):
    return {name: stage["f32"].shape for name, stage in file[f"cases/{case}/stages"].items()}


def test_a_vector_has_the_stages_that_the_articles_code_computes(bundle):
    file = bundle(AttentionClassifier(7, 5, 3), torch.randn(4, 7))
    assert shapes(file) == dict(zip(STAGES, [(4, 5), (4, 1), (4, 1), (4, 5), (4, 3)]))
    assert list(file["cases/0000/stages"]) == STAGES


def test_positions_have_stages_over_positions(bundle):
    file = bundle(Positions(7, 5, 3), torch.randn(4, 6, 7))
    assert shapes(file) == dict(zip(STAGES, [(4, 6, 5), (4, 6, 1), (4, 6, 1), (4, 5), (4, 3)]))


def test_the_float32_stages_are_what_pytorch_computes(bundle):
    model, x = Positions(7, 5, 3), torch.randn(4, 6, 7)
    stages = bundle(model, x)["cases/0000/stages"]
    with torch.no_grad():
        fc = model.fc(x)
        scores = model.attention(fc)
        expected = [
            fc,
            scores,
            torch.softmax(scores, 1),
            (torch.softmax(scores, 1).mT @ fc)[:, 0],
            model(x),
        ]
    for name, value in zip(STAGES, expected):
        assert stages[name]["f32"].dtype == "<f4"
        assert stages[name]["f32"][...].tobytes() == value.contiguous().numpy().tobytes(), name


def test_the_float64_stages_are_what_the_model_computes_in_float64(bundle):
    model, x = Positions(7, 5, 3), torch.randn(4, 6, 7)
    stages = bundle(model, x)["cases/0000/stages"]
    with torch.no_grad():
        expected = model.double()(x.double())
    assert stages["output"]["f64"].dtype == "<f8"
    assert stages["output"]["f64"][...].tobytes() == expected.numpy().tobytes()


def test_the_input_is_recorded_bit_for_bit(bundle):
    x = torch.randn(4, 7)
    recorded = bundle(AttentionClassifier(), x)["cases/0000/inputs/x"]
    assert recorded[...].tobytes() == x.numpy().tobytes()


@pytest.mark.parametrize("positions", [1, 2, 49])
@pytest.mark.parametrize("sizes", [(7, 5, 3), (784, 256, 10), (768, 512, 100)], ids=str)
def test_models_of_any_size_are_recorded(bundle, sizes, positions):
    file = bundle(Positions(*sizes), torch.randn(3, positions, sizes[0]))
    assert manifest(file)["cases"] == [
        {"inputs": {"x": [3, positions, sizes[0]]}, "model_output": "identical"}
    ]


def test_the_bundle_names_its_format_its_model_and_its_sizes(bundle):
    file = bundle(AttentionClassifier(7, 5, 3), torch.randn(4, 7))
    assert file.attrs["format"] == "tensorferry.reference/1"
    assert file.attrs["model"] == "AttentionClassifier/1"
    configuration = {"input_size": 7, "hidden_size": 5, "num_classes": 3}
    assert json.loads(file.attrs["configuration"]) == configuration


def test_the_manifest_has_the_circumstances(bundle):
    facts = manifest(bundle(AttentionClassifier(), torch.randn(4, 7), seed=11))
    assert facts["seed"] == 11
    assert facts["torch"] == torch.__version__
    assert facts["threads"] == torch.get_num_threads()
    assert facts["matmul_precision"] == torch.get_float32_matmul_precision()
    assert facts["cpu_capability"] == torch.backends.cpu.get_cpu_capability()
    assert facts["flush_denormal"] is False and facts["deterministic_algorithms"] is False
    assert facts["blas"]["name"].upper() in torch.__config__.show().upper()
    assert facts["class"] == "AttentionClassifier"


@pytest.mark.parametrize("value", ["ieee", "tf32", "bf16"])
def test_the_manifest_tells_a_precision_that_was_set_by_backend(value):
    # In a process of its own, because torch does not forget which of the two ways was used.
    program = f"""
import json, torch
from tensorferry.manifest import circumstances
torch.backends.mkldnn.matmul.fp32_precision = "{value}"
print(json.dumps(circumstances()))
"""
    printed = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    facts = json.loads(printed)
    assert facts["fp32_precision"] == value
    assert facts["matmul_precision"] in (None, "highest" if value == "ieee" else None)


def test_the_manifest_notices_that_small_numbers_are_flushed(bundle):
    assert torch.set_flush_denormal(True), "this processor cannot flush small numbers"
    try:
        assert manifest(bundle(AttentionClassifier(), torch.randn(4, 7)))["flush_denormal"] is True
    finally:
        torch.set_flush_denormal(False)


def test_the_manifest_has_the_sha256_of_every_parameter(bundle):
    model = AttentionClassifier()
    parameters = manifest(bundle(model, torch.randn(4, 7)))["parameters"]
    assert parameters == {
        name: {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "sha256": hashlib.sha256(tensor.numpy().tobytes()).hexdigest(),
        }
        for name, tensor in model.state_dict().items()
    }


X = torch.arange(3 * 4 * 7).reshape(3, 4, 7).float() / 50
Y = torch.tensor([0, 1, 2])


@pytest.mark.parametrize(
    "inputs, count",
    [
        (X[0], 1),
        ((X[0],), 1),
        ({"x": X[0]}, 1),
        ([X[0], X[1], X[2]], 3),
        ([(X[0], Y), [X[1], Y]], 2),
        ([{"x": X[0]}], 1),
        ((x for x in X), 3),
        (DataLoader(TensorDataset(X.reshape(12, 7)), batch_size=5), 3),
        (DataLoader(TensorDataset(X.reshape(12, 7), torch.arange(12)), batch_size=6), 2),
    ],
    ids=["tensor", "tuple", "dict", "list", "batches", "dicts", "generator", "loader", "labels"],
)
def test_inputs_come_in_many_forms(bundle, inputs, count):
    file = bundle(AttentionClassifier(), inputs)
    assert list(file["cases"]) == [f"{index:04}" for index in range(count)]
    rows = torch.cat([torch.from_numpy(case["inputs/x"][...]) for case in file["cases"].values()])
    assert torch.equal(rows, X.reshape(12, 7)[: len(rows)])


def test_no_more_cases_are_taken_than_asked_for(bundle):
    endless = iter(lambda: torch.randn(2, 7), None)
    assert len(bundle(AttentionClassifier(), endless, cases=3)["cases"]) == 3


def test_cases_may_differ_in_shape(bundle):
    file = bundle(Positions(), [torch.randn(2, 3, 7), torch.randn(1, 5, 7)])
    assert shapes(file, "0001")["fc"] == (1, 5, 5)


def test_a_model_in_training_is_recorded_in_eval_mode_and_given_back_in_training(bundle):
    class WithDropout(AttentionClassifier):
        def __init__(self):
            super().__init__()
            self.dropout = torch.nn.Dropout(0.5)
            self.dropout_off = torch.nn.Dropout(0.5).eval()

        def forward(self, x):
            return self.dropout_off(self.dropout(super().forward(x)))

    model = WithDropout().train()
    model.dropout_off.eval()
    assert manifest(bundle(model, torch.randn(4, 7)))["cases"][0]["model_output"] == "identical"
    assert model.training and model.dropout.training and not model.dropout_off.training


def test_the_mode_comes_back_after_an_error(tmp_path):
    model = AttentionClassifier().train()
    with pytest.raises(tensorferry.Refused):
        tensorferry.record(model, torch.randn(4, 8), tmp_path / "r.h5")
    assert model.training


def test_recording_leaves_no_gradients(bundle):
    model, x = AttentionClassifier(), torch.randn(4, 7, requires_grad=True)
    bundle(model, x)
    assert x.grad is None and all(p.grad is None and p.requires_grad for p in model.parameters())


def test_recording_happens_without_autocast(bundle):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        file = bundle(AttentionClassifier(), torch.randn(4, 7))
    assert manifest(file)["cases"][0]["model_output"] == "identical"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # inside torch.compile
@pytest.mark.parametrize("wrap", [torch.nn.DataParallel, torch.compile])
def test_wrapped_models_are_recorded_as_the_model_inside(bundle, wrap):
    assert (
        "fc.weight"
        in manifest(bundle(wrap(AttentionClassifier()), torch.randn(4, 7)))["parameters"]
    )


def test_the_same_model_and_inputs_give_the_same_bytes(tmp_path):
    model, x = AttentionClassifier(), torch.randn(4, 7)
    for name in ("1.h5", "2.h5"):
        tensorferry.record(model, x, tmp_path / name)
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


@pytest.mark.parametrize("scaled", [True, False])
def test_self_attention_has_its_own_stages(bundle, scaled):
    file = bundle(tensorferry.SelfAttention(scaled), torch.randn(2, 6, 4))
    expected = {"attention_scores": (2, 6, 6), "attention_weights": (2, 6, 6), "context": (2, 6, 4)}
    assert shapes(file) == expected
    assert json.loads(file.attrs["configuration"]) == {"scaled": scaled}
