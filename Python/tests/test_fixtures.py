"""The fixtures are what their generators make, and show what they are meant to show."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from tensorferry import registry

FIXTURES = Path(__file__).resolve().parents[2] / "Fixtures"
MODELS = FIXTURES / "models/attention-classifier"


def loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(script, *arguments):
    subprocess.run([sys.executable, FIXTURES / script, *map(str, arguments)], check=True)


def state_dict(path):
    with h5py.File(path) as file:
        return {name: torch.from_numpy(dataset[...]) for name, dataset in file.items()}


def test_the_fixtures_are_what_their_generators_make():
    done = subprocess.run(
        [sys.executable, FIXTURES / "check.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """check.py over a copy of the fixtures."""
    check = loaded(FIXTURES / "check.py")
    shutil.copytree(FIXTURES, tmp_path / "Fixtures")
    monkeypatch.setattr(check, "HERE", tmp_path / "Fixtures")
    monkeypatch.setattr(check, "MANIFEST", tmp_path / "Fixtures/manifest.json")
    return check


def test_the_check_finds_changed_missing_and_unlisted_files(copy):
    assert copy.listed_differences() == []
    (copy.HERE / "hdf5/tied.h5").write_bytes(b"changed")
    (copy.HERE / "hdf5/checkpoint.h5").unlink()
    (copy.HERE / "hdf5/new.h5").touch()
    assert copy.listed_differences() == [
        "hdf5/checkpoint.h5: is missing",
        "hdf5/new.h5: is not in manifest.json",
        "hdf5/tied.h5: differs from manifest.json",
    ]


def test_the_check_compares_with_what_the_generator_makes(copy):
    shutil.copy(FIXTURES / "hdf5/generate.py", copy.HERE / "hdf5/generate.py")
    (copy.HERE / "hdf5/tied.h5").write_bytes(b"changed")
    expected = ["hdf5/tied.h5: the generator makes another file"]
    assert copy.generated_differences("hdf5/generate.py") == expected


def test_the_fixtures_take_less_than_5_megabytes():
    assert sum(path.stat().st_size for path in FIXTURES.rglob("*") if path.is_file()) < 5_000_000


def predicted(weights, x):
    """The classes, by numpy alone and in float64."""
    w = {name: value.numpy().astype(np.float64) for name, value in weights.items()}
    x = x.astype(np.float64).reshape(len(x), -1, x.shape[-1])
    h = x @ w["fc.weight"].T + w["fc.bias"]
    scores = h @ w["attention.weight"].T + w["attention.bias"]
    weights = np.exp(scores - scores.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    logits = (weights * h).sum(1) @ w["classifier.weight"].T + w["classifier.bias"]
    return logits.argmax(1).tolist()


@pytest.mark.parametrize("form", ["vector", "positions"])
def test_the_expected_classes_follow_from_the_weights_and_the_test_split(form):
    expected = json.loads((MODELS / form / "expected.json").read_text())
    with h5py.File(MODELS / form / "test.h5") as file:
        x, labels = file["x"][...], file["labels"][...]
    classes = predicted(state_dict(MODELS / form / "weights.h5"), x)
    assert classes == expected["classes"]
    assert expected["total"] == len(labels) == len(classes)
    assert expected["correct"] == int((np.array(classes) == labels).sum())
    assert expected["accuracy"] == expected["correct"] / expected["total"] >= 0.85


def test_in_the_positions_form_attention_matters():
    expected = json.loads((MODELS / "positions/expected.json").read_text())
    assert expected["correct_without_attention"] < 0.5 * expected["correct"]


@pytest.mark.parametrize("form", ["vector", "positions"])
def test_the_checkpoint_holds_the_weights(form):
    checkpoint = torch.load(MODELS / form / "checkpoint.pt", weights_only=True)
    weights = state_dict(MODELS / form / "weights.h5")
    assert checkpoint.keys() == weights.keys()
    assert all(torch.equal(checkpoint[name], weights[name]) for name in weights)


def first_difference(weights, reference):
    """The first stage that the weights do not reproduce from the reference's own float64 stages."""
    (known,) = (each for each in registry.MODELS if each.name == "AttentionClassifier")
    with h5py.File(reference) as file:
        case = file["cases/0000"]
        recorded = {name: torch.from_numpy(s["f64"][...]) for name, s in case["stages"].items()}
        x = torch.from_numpy(case["inputs/x"][...]).double()
    values = {**{name: value.double() for name, value in weights.items()}, **recorded, "x": x}
    for stage in known.stages({}):
        result = stage.operation.forward(*(values[name] for name in stage.operands))
        if not torch.allclose(result, recorded[stage.name], rtol=1e-12, atol=1e-13):
            return stage.name
    return None


@pytest.mark.parametrize("form, positions", [("vector", 0), ("positions", 1), ("positions", 5)])
def test_each_mutant_differs_first_at_the_stage_that_is_named(tmp_path, form, positions):
    weights = MODELS / form / "weights.h5"
    run("parity/mutants.py", weights, tmp_path, "--positions", positions)
    mutants = json.loads((tmp_path / "mutants.json").read_text())
    assert len(mutants) == 8
    assert first_difference(state_dict(weights), tmp_path / "reference.h5") is None
    for mutant in mutants:
        changed = state_dict(tmp_path / mutant["weights"] if mutant["weights"] else weights)
        found = first_difference(changed, tmp_path / mutant["reference"])
        assert found == mutant["first_stage"], mutant


def test_mutants_that_change_nothing_are_an_error(tmp_path):
    state = state_dict(MODELS / "vector/weights.h5")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for name, value in state.items():
            file[name] = value.numpy() * (name != "classifier.bias")
    with pytest.raises(subprocess.CalledProcessError):
        run("parity/mutants.py", tmp_path / "w.h5", tmp_path / "out")


def test_random_pairs_are_of_all_kinds_and_reproduce(tmp_path):
    run("parity/random_pairs.py", tmp_path / "a", "--count", 40, "--seed", 5, "--processes", 2)
    run("parity/random_pairs.py", tmp_path / "b", "--count", 4, "--seed", 5)
    pairs = json.loads((tmp_path / "a/pairs.json").read_text())
    assert json.loads((tmp_path / "b/pairs.json").read_text()) == pairs[:4]
    assert {len(pair["shapes"]["x"]) for pair in pairs if "x" in pair["shapes"]} == {2, 3}
    assert {pair["threads"] for pair in pairs} == {1, 2}
    assert {pair["way"] for pair in pairs} == {"eager", "traced", "compiled", "unfused", "split"}
    for fact in ("masked", "complete"):
        assert {pair[fact] for pair in pairs} == {True, False}
    for pair in pairs:
        with h5py.File(tmp_path / "a" / pair["reference"]) as file:
            inputs = file["cases/0000/inputs"]
            assert {name: list(value.shape) for name, value in inputs.items()} == pair["shapes"]
            assert json.loads(file.attrs["manifest"])["threads"] == pair["threads"]
            for stage in file["cases/0000/stages"].values():
                assert set(stage) == ({"f32", "f64"} if pair["complete"] else {"f32"})
                assert np.isfinite(stage["f32"]).all()
    for pair in pairs[:4]:
        for name in (pair["weights"], pair["reference"]):
            with h5py.File(tmp_path / "a" / name) as one, h5py.File(tmp_path / "b" / name) as two:
                assert same(one, two)


def same(one, two):
    """True if two groups hold the same arrays."""
    if isinstance(one, h5py.Dataset):
        return np.array_equal(one[...], two[...])
    return set(one) == set(two) and all(same(one[name], two[name]) for name in one)