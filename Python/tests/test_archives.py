"""References in archives of numpy."""

from __future__ import annotations

import h5py
import numpy
import pytest
import torch
from models import Positions

import tensorferry


def held(path):
    """Names and bytes of everything in an HDF5 file, with the attributes of the root."""
    arrays = {}
    with h5py.File(path) as file:

        def visit(name, item):
            if isinstance(item, h5py.Dataset):
                arrays[name.replace("/", ".")] = item[...]

        file.visititems(visit)
        return arrays, dict(file.attrs)


def test_an_archive_holds_what_the_hdf5_file_holds(tmp_path):
    model, x = Positions(7, 5, 3), [torch.randn(4, 6, 7), torch.randn(1, 2, 7)]
    for name in ("reference.h5", "reference.npz"):
        tensorferry.record(model, x, tmp_path / name, seed=3)
    arrays, texts = held(tmp_path / "reference.h5")
    archive = numpy.load(tmp_path / "reference.npz", allow_pickle=False)
    assert sorted(archive.files) == sorted([*arrays, *texts])
    for name, array in arrays.items():
        assert archive[name].dtype == array.dtype and archive[name].shape == array.shape
        assert archive[name].tobytes() == array.tobytes(), name
    for name, text in texts.items():
        assert archive[name].shape == () and str(archive[name]) == text


def test_masks_are_bool(tmp_path):
    model = tensorferry.TransformerClassifier(4, 2, 5, 1, 3)
    mask = torch.tensor([[False, False, True], [False, False, False]])
    inputs = {"x": torch.randn(2, 3, 4), "padding_mask": mask}
    tensorferry.record(model, inputs, tmp_path / "reference.npz")
    archive = numpy.load(tmp_path / "reference.npz")
    assert archive["cases.0000.inputs.padding_mask"].dtype == bool


def test_the_same_input_gives_the_same_bytes(tmp_path):
    model, x = Positions(7, 5, 3), torch.randn(4, 6, 7)
    for name in ("a.npz", "b.npz"):
        tensorferry.record(model, x, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_refusal_leaves_nothing_behind(tmp_path):
    (tmp_path / "reference.npz").write_text("before")
    with pytest.raises(tensorferry.Refused):
        tensorferry.record(Positions(7, 5, 3), torch.randn(4, 6, 8), tmp_path / "reference.npz")
    assert [each.name for each in tmp_path.iterdir()] == ["reference.npz"]
    assert (tmp_path / "reference.npz").read_text() == "before"
