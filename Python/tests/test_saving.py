"""What `save` writes, read back by plain h5py."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time

import h5py
import numpy
import pytest
import torch
from models import AttentionClassifier

import tensorferry

FLOATS = torch.tensor([[0.0, -0.0, 1.5], [float("inf"), -2.75, 3e-8]])
READABLE = {
    torch.bool: ("?", torch.tensor([True, False, True])),
    torch.uint8: ("<u1", torch.tensor([0, 255])),
    torch.int8: ("<i1", torch.tensor([-128, 127])),
    torch.uint16: ("<u2", torch.tensor([0, 65535])),
    torch.int16: ("<i2", torch.tensor([-32768, 32767])),
    torch.uint32: ("<u4", torch.tensor([0, 2**32 - 1])),
    torch.int32: ("<i4", torch.tensor([-(2**31), 2**31 - 1])),
    torch.uint64: ("<u8", torch.tensor([0, 2**62])),
    torch.int64: ("<i8", torch.tensor([-(2**63), 2**63 - 1])),
    torch.float16: ("<f2", FLOATS),
    torch.float32: ("<f4", FLOATS),
    torch.float64: ("<f8", FLOATS),
    torch.complex64: ("<c8", torch.tensor([1 + 2j, -3.5j])),
    torch.complex128: ("<c16", torch.tensor([1 + 2j, -3.5j])),
}


@pytest.fixture
def file(tmp_path):
    """Saves a state dict and opens it with h5py."""
    opened = []

    def save(state):
        tensorferry.save(state, tmp_path / "weights.h5")
        opened.append(h5py.File(tmp_path / "weights.h5"))
        return opened[-1]

    yield save
    for each in opened:
        each.close()


@pytest.mark.parametrize("dtype", READABLE, ids=str)
def test_each_type_reads_back_in_h5py_with_its_own_type_and_values(file, dtype):
    expected, values = READABLE[dtype]
    dataset = file({"w": values.to(dtype)})["w"]
    assert dataset.dtype == numpy.dtype(expected)
    assert dataset[...].tobytes() == values.to(dtype).numpy().tobytes()


def test_bfloat16_is_a_16_bit_float_that_h5py_reads_as_numbers(file):
    values = torch.tensor([1.0, -2.5, 3.0e38, float("inf"), 0.3]).bfloat16()
    dataset = file({"w": values})["w"]
    kind = dataset.id.get_type()
    assert (kind.get_size(), kind.get_fields(), kind.get_ebias()) == (2, (15, 7, 8, 0, 7), 127)
    assert torch.equal(torch.from_numpy(dataset[...]), values.float())


@pytest.mark.parametrize(
    "dtype, name",
    [
        (torch.float8_e4m3fn, "F8_E4M3"),
        (torch.float8_e5m2, "F8_E5M2"),
        (torch.float8_e8m0fnu, "F8_E8M0"),
        (torch.float8_e4m3fnuz, "F8_E4M3FNUZ"),
        (torch.float8_e5m2fnuz, "F8_E5M2FNUZ"),
    ],
    ids=str,
)
def test_8_bit_floats_are_bytes_with_their_type_as_an_attribute(file, dtype, name):
    bits = torch.arange(256).to(torch.uint8)
    dataset = file({"w": bits.view(dtype)})["w"]
    assert (dataset.dtype, dataset.attrs["dtype"]) == (numpy.uint8, name)
    assert dataset[...].tolist() == list(range(256))


def test_types_that_hdf5_can_name_carry_no_type_attribute(file):
    assert list(file({"w": torch.zeros(2)})["w"].attrs) == ["sha256"]


def test_names_keep_the_order_of_the_state_dict(file):
    names = [f"layer.{i}.weight" for i in (10, 9, 2, 1, 30)] + ["Z", "a", "ä ö"]
    assert list(file({name: torch.zeros(2, 3) for name in names})) == names


def test_scalars_and_empty_tensors_keep_their_shape(file):
    saved = file({"scalar": torch.tensor(7), "empty": torch.zeros(0, 3), "none": torch.zeros(4, 0)})
    assert [saved[name].shape for name in saved] == [(), (0, 3), (4, 0)]
    assert saved["scalar"][()] == 7


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(12.0).reshape(3, 4).T,
        torch.arange(12.0)[1::3],
        torch.arange(3.0).expand(4, 3),
        torch.tensor([1 + 2j, 3 - 1j]).conj(),
        torch.tensor([1 + 2j, 3 - 1j]).conj().imag,
        torch.arange(6.0).reshape(2, 3).requires_grad_(),
    ],
    ids=["transposed", "strided", "expanded", "conjugated", "negated", "grad"],
)
def test_views_are_saved_as_the_values_that_they_show(file, tensor):
    assert file({"w": tensor})["w"][...].tolist() == tensor.tolist()


def test_tied_weights_are_one_dataset_with_two_names(file):
    tied = torch.randn(5, 3)
    saved = file({"a": tied, "b": torch.randn(5, 3), "c": tied})
    assert saved["a"] == saved["c"] and saved["a"] != saved["b"]
    assert h5py.h5o.get_info(saved["a"].id).rc == 2


@pytest.mark.parametrize(
    "other",
    [lambda t: t.clone(), lambda t: t.T, lambda t: t[:2], lambda t: t.view(torch.int32)],
    ids=["equal copy", "transposed", "slice", "other type"],
)
def test_tensors_that_share_storage_or_values_but_are_not_the_same_are_two_datasets(file, other):
    tensor = torch.ones(4, 4)
    saved = file({"a": tensor, "b": other(tensor)})
    assert saved["a"] != saved["b"]


def test_views_of_one_storage_with_other_signs_are_not_tied(file):
    z = torch.tensor([1 + 2j, 3 - 1j])
    saved = file({"z": z, "conj": z.conj(), "imag": z.imag, "minus": z.conj().imag, "again": z})
    assert saved["conj"][...].tolist() == z.conj().tolist()
    assert saved["minus"][...].tolist() == [-2.0, 1.0]
    assert saved["again"] == saved["z"]


def test_each_tensor_carries_the_sha256_of_its_bytes(file):
    tensor = torch.randn(3, 5).T
    digest = hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()
    assert file({"w": tensor})["w"].attrs["sha256"] == digest


@pytest.mark.parametrize("size, alignment", [(1, 64), (700, 64), (1 << 18, 4096), (300_001, 4096)])
def test_data_is_contiguous_and_aligned(file, size, alignment):
    saved = file({f"w{i}": torch.full((size,), i, dtype=torch.float32) for i in range(3)})
    for i, dataset in enumerate(saved.values()):
        assert dataset.chunks is None
        assert dataset.id.get_offset() % alignment == 0
        assert (dataset[...] == i).all()


def test_a_known_model_is_named_with_its_sizes(file):
    saved = file(AttentionClassifier(7, 5, 3))
    assert saved.attrs["model"] == "AttentionClassifier/1"
    configuration = {"input_size": 7, "hidden_size": 5, "num_classes": 3}
    assert json.loads(saved.attrs["configuration"]) == configuration


def test_a_state_dict_with_the_names_and_shapes_of_a_known_model_is_named_too(file):
    assert file(AttentionClassifier().state_dict()).attrs["model"] == "AttentionClassifier/1"


def test_any_other_model_is_not_named(file):
    saved = file(torch.nn.Linear(3, 2))
    assert list(saved.attrs) == ["format", "producer", "provenance"]
    assert saved.attrs["format"] == "tensorferry.weights/1"
    assert json.loads(saved.attrs["provenance"])["class"] == "Linear"


def test_self_attention_is_saved_as_its_configuration(file):
    saved = file(tensorferry.SelfAttention(scaled=False))
    assert (saved.attrs["model"], list(saved)) == ("SelfAttention/1", [])
    assert json.loads(saved.attrs["configuration"]) == {"scaled": False}


@pytest.mark.parametrize("wrap", [torch.nn.DataParallel, torch.compile])
def test_wrapped_models_are_saved_without_the_prefix(file, wrap):
    assert "fc.weight" in file(wrap(AttentionClassifier()))


def test_buffers_are_saved(file):
    saved = file(torch.nn.BatchNorm1d(4))
    assert saved["num_batches_tracked"][()] == 0 and saved["running_var"].shape == (4,)


def test_the_same_weights_give_the_same_bytes_at_another_time(tmp_path):
    state = {"a": torch.randn(600, 500), "b": torch.tensor(True), "c": torch.randn(3).bfloat16()}
    tensorferry.save(state, tmp_path / "1.h5")
    time.sleep(1.1)  # HDF5's time stamps count seconds
    tensorferry.save(state, tmp_path / "2.h5")
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


def test_h5dump_accepts_the_file(tmp_path):
    program = shutil.which("h5dump")
    assert program, "install hdf5-tools"
    state = {
        "w": torch.randn(3, 4).bfloat16(),
        "flag": torch.tensor([True]),
        "z": torch.ones(2) * 1j,
    }
    tensorferry.save({**state, "tied": state["w"]}, tmp_path / "w.h5")
    dumped = subprocess.run([program, tmp_path / "w.h5"], capture_output=True, text=True)
    assert dumped.returncode == 0 and not dumped.stderr
    assert "HARDLINK" in dumped.stdout
