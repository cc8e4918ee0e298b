"""What `save` refuses, by name, and what it leaves behind when it does."""

from __future__ import annotations

import os

import numpy
import pytest
import torch

import tensorferry


class Peculiar(torch.Tensor):
    """A subclass that may mean anything."""


def quantised():
    return torch.quantize_per_tensor(torch.ones(3), 0.5, 0, torch.qint8)


VALUES = {
    "sparse": (lambda: torch.eye(3).to_sparse(), "not dense (torch.sparse_coo)"),
    "csr": (lambda: torch.eye(3).to_sparse_csr(), "not dense (torch.sparse_csr)"),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "not dense"),
    "quantised": (quantised, "quantised (torch.qint8)"),
    "meta": (lambda: torch.ones(3, device="meta"), "on the meta device"),
    "subclass": (lambda: torch.ones(3).as_subclass(Peculiar), "a Peculiar, whose elements"),
    "lazy": (lambda: torch.nn.LazyLinear(3).weight, "not initialised yet"),
    "half complex": (lambda: torch.ones(3).to(torch.complex32), "of type torch.complex32"),
    "number": (lambda: 7, "of type int, not a tensor"),
    "array": (lambda: numpy.ones(3), "of type ndarray, not a tensor"),
    "group": (lambda: {"fc.weight": torch.ones(3)}, "save it instead of what is around it"),
}

NAMES = {
    "": "is empty",
    ".": "consists of dots alone",
    "..": "consists of dots alone",
    "a/b": "contains '/'",
    "a\0b": "contains NUL",
    "\ud800": "is not valid Unicode",
    7: "is of type int, not str",
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch announces prototypes
@pytest.mark.parametrize("case", VALUES)
def test_a_value_that_is_not_a_dense_tensor_is_refused_by_name(tmp_path, case):
    make, reason = VALUES[case]
    with pytest.raises(tensorferry.Refused) as caught:
        tensorferry.save({"layer.weight": make()}, tmp_path / "w.h5")
    (problem,) = caught.value.problems
    assert problem.startswith("'layer.weight': ") and reason in problem


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_name_that_hdf5_cannot_hold_is_refused(tmp_path, name):
    with pytest.raises(tensorferry.Refused) as caught:
        tensorferry.save({name: torch.ones(2)}, tmp_path / "w.h5")
    (problem,) = caught.value.problems
    assert problem.startswith(repr(name)) and NAMES[name] in problem


def test_names_that_are_equal_after_unicode_normalisation_are_refused(tmp_path):
    with pytest.raises(tensorferry.Refused, match="after Unicode normalisation"):
        tensorferry.save({"\u00e9": torch.ones(2), "e\u0301": torch.ones(2)}, tmp_path / "w.h5")


def test_every_problem_is_in_one_error(tmp_path):
    state = {"a/b": torch.eye(2).to_sparse(), "good": torch.ones(2), "epoch": 3}
    with pytest.raises(tensorferry.Refused) as caught:
        tensorferry.save(state, tmp_path / "w.h5")
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "'a/b'",
        "'a/b'",
        "'epoch'",
    ]
    assert all(problem in str(caught.value) for problem in caught.value.problems)


def test_an_empty_state_dict_is_refused(tmp_path):
    with pytest.raises(tensorferry.Refused, match="it is empty"):
        tensorferry.save({}, tmp_path / "w.h5")


def test_anything_but_a_model_or_a_state_dict_is_a_type_error(tmp_path):
    with pytest.raises(TypeError, match="not a Tensor"):
        tensorferry.save(torch.ones(2), tmp_path / "w.h5")


def test_a_refusal_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "w.h5").write_text("old")
    with pytest.raises(tensorferry.Refused):
        tensorferry.save({"a": 1}, tmp_path / "w.h5")
    assert os.listdir(tmp_path) == ["w.h5"] and (tmp_path / "w.h5").read_text() == "old"


def test_a_failure_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "w.h5").write_text("old")

    def fail(tensor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensorferry.container, "data_of", fail)
    with pytest.raises(OSError, match="No space left"):
        tensorferry.save({"a": torch.ones(3)}, tmp_path / "w.h5")
    assert os.listdir(tmp_path) == ["w.h5"] and (tmp_path / "w.h5").read_text() == "old"


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    os.symlink(tmp_path / "real.h5", tmp_path / "link.h5")
    tensorferry.save({"a": torch.ones(3)}, tmp_path / "link.h5")
    assert os.path.islink(tmp_path / "link.h5") and (tmp_path / "real.h5").is_file()


def test_the_file_has_the_permissions_that_the_process_gives_new_files(tmp_path):
    tensorferry.save({"a": torch.ones(3)}, tmp_path / "w.h5")
    (tmp_path / "plain").touch()
    assert (tmp_path / "w.h5").stat().st_mode == (tmp_path / "plain").stat().st_mode
