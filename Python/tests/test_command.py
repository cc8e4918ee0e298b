"""`python -m tensorferry`, in its own process."""

from __future__ import annotations

import json
import subprocess
import sys

import h5py
import numpy
import pytest
import torch
from models import AttentionClassifier

import tensorferry


@pytest.fixture
def command(tmp_path):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "tensorferry", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    return run


@pytest.fixture
def checkpoint(tmp_path):
    def write(value):
        torch.save(value, tmp_path / "checkpoint.pt")

    return write


def attributes(path):
    with h5py.File(path) as file:
        return dict(file.attrs)


def test_save_writes_what_the_function_writes(command, checkpoint, tmp_path):
    state = AttentionClassifier().state_dict()
    checkpoint(state)
    done = command("save", "checkpoint.pt", "w.h5")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    tensorferry.save(state, tmp_path / "expected.h5")
    assert (tmp_path / "w.h5").read_bytes() == (tmp_path / "expected.h5").read_bytes()


def test_save_finds_a_nested_state_dict_by_its_key(command, checkpoint, tmp_path):
    checkpoint({"epoch": 3, "model": AttentionClassifier().state_dict()})
    assert command("save", "checkpoint.pt", "w.h5", "--key", "model").returncode == 0
    assert attributes(tmp_path / "w.h5")["model"] == "AttentionClassifier/1"


def test_record_takes_the_sizes_from_the_checkpoint(command, checkpoint, tmp_path):
    model = AttentionClassifier(7, 5, 3)
    checkpoint({f"module._orig_mod.{name}": value for name, value in model.state_dict().items()})
    numpy.save(tmp_path / "x.npy", numpy.ones((4, 7), "float32"))
    done = command("record", "checkpoint.pt", "x.npy", "r.h5")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    configuration = {"input_size": 7, "hidden_size": 5, "num_classes": 3}
    assert json.loads(attributes(tmp_path / "r.h5")["configuration"]) == configuration
    with h5py.File(tmp_path / "r.h5") as file:
        output = file["cases/0000/stages/output/f32"][...]
    assert output.tobytes() == model(torch.ones(4, 7)).detach().numpy().tobytes()


@pytest.mark.parametrize(
    "value, arguments, message",
    [
        (
            {"model": {"w": torch.ones(2)}},
            [],
            "the state dict is inside the checkpoint: use --key model",
        ),
        ({"w": torch.ones(2)}, ["--key", "model"], "there is no 'model'; the checkpoint holds 'w'"),
        (torch.ones(2), [], "holds a Tensor, not a state dict"),
        (
            AttentionClassifier(),
            [],
            "torch.load cannot read it as weights: Weights only load failed",
        ),
        ({"w": torch.ones(2), "epoch": 3}, [], "'epoch': of type int, not a tensor"),
    ],
)
def test_save_says_what_is_wrong_with_a_checkpoint(
    command, checkpoint, tmp_path, value, arguments, message
):
    checkpoint(value)
    done = command("save", "checkpoint.pt", "w.h5", *arguments)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "w.h5").exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint\n", b"PK\x03\x04"])
def test_a_file_that_is_no_checkpoint_gives_one_error(command, tmp_path, content):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    done = command("save", "checkpoint.pt", "w.h5")
    assert done.returncode == 2 and done.stderr.startswith(
        "tensorferry: checkpoint.pt: torch.load cannot"
    )


def test_a_missing_checkpoint_gives_one_error(command):
    done = command("save", "none.pt", "w.h5")
    assert done.returncode == 2 and "none.pt" in done.stderr and "Traceback" not in done.stderr


def test_record_writes_an_archive_and_probes_depths_on_request(command, checkpoint, tmp_path):
    checkpoint(AttentionClassifier(7, 5, 3).state_dict())
    numpy.save(tmp_path / "x.npy", numpy.ones((4, 7), "float32"))
    done = command("record", "checkpoint.pt", "x.npy", "r.npz", "--depths")
    assert done.returncode == 0, done.stderr
    manifest = json.loads(str(numpy.load(tmp_path / "r.npz")["manifest"]))
    found = manifest["depths"]["fc"]
    assert found["complete"] and found["leaves"] == 8 and 3 <= found["depth"] <= 7


@pytest.mark.parametrize(
    "array, message",
    [
        (numpy.ones((4, 7)), "holds float64, and float32 is needed"),
        (numpy.ones((4, 8), "float32"), "has shape [4, 8], not [batch, 7]"),
        (b"text", "not a .npy file"),
    ],
    ids=["float64", "shape", "text"],
)
def test_record_says_what_is_wrong_with_the_inputs(command, checkpoint, tmp_path, array, message):
    checkpoint(AttentionClassifier(7, 5, 3).state_dict())
    if isinstance(array, bytes):
        (tmp_path / "x.npy").write_bytes(array)
    else:
        numpy.save(tmp_path / "x.npy", array)
    done = command("record", "checkpoint.pt", "x.npy", "r.h5")
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_record_names_what_an_unknown_model_lacks(command, checkpoint, tmp_path):
    checkpoint(torch.nn.Linear(3, 2).state_dict())
    done = command("record", "checkpoint.pt", "x.npy", "r.h5")
    assert done.returncode == 2 and "'fc.weight' is missing" in done.stderr


def test_an_existing_output_is_replaced_only_by_force(command, checkpoint, tmp_path):
    checkpoint({"w": torch.ones(2)})
    (tmp_path / "w.h5").write_text("old")
    refused = command("save", "checkpoint.pt", "w.h5")
    assert refused.returncode == 2 and "use --force" in refused.stderr
    assert (tmp_path / "w.h5").read_text() == "old"
    assert command("save", "checkpoint.pt", "w.h5", "--force").returncode == 0


def test_the_version_is_that_of_the_package(command):
    assert command("--version").stdout == f"tensorferry-python {tensorferry.__version__}\n"
