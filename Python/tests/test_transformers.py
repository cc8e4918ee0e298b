"""`MultiheadAttention` and `TransformerClassifier`: what is recorded, and what is refused."""

from __future__ import annotations

import json

import h5py
import pytest
import torch
from torch import nn

import tensorferry
from tensorferry import operations, registry

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # nested tensors are a prototype


@pytest.fixture
def bundle(tmp_path):
    """Records a model; returns its configuration, how its output agrees, and its inputs."""

    def record(model, inputs):
        tensorferry.record(model, inputs, tmp_path / "reference.h5")
        with h5py.File(tmp_path / "reference.h5") as file:
            cases = json.loads(file.attrs["manifest"])["cases"]
            return (
                json.loads(file.attrs["configuration"]),
                [case["model_output"] for case in cases],
                [list(case["inputs"]) for case in file["cases"].values()],
            )

    return record


def mask(batch, positions, *ignored):
    result = torch.zeros(batch, positions, dtype=torch.bool)
    for sample, position in ignored:
        result[sample, position] = True
    return result


def padded(batch=3, positions=7):
    return mask(batch, positions, (0, 5), (0, 6), (1, 6))


def transformer(**options):
    torch.manual_seed(2)
    return tensorferry.TransformerClassifier(12, 4, 20, 2, 5, **options)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sizes", [{}, {"kdim": 7, "vdim": 9}, {"kdim": 7}], ids=str)
@pytest.mark.parametrize("masked", [True, False])
def test_torchs_attention_is_recorded(bundle, bias, sizes, masked):
    model = nn.MultiheadAttention(12, 3, bias=bias, batch_first=True, **sizes)
    key, value = (torch.randn(2, 5, sizes.get(name, 12)) for name in ("kdim", "vdim"))
    inputs = (torch.randn(2, 4, 12), key, value, *([mask(2, 5, (0, 0))] * masked))
    configuration, agreement, names = bundle(model, inputs)
    assert configuration == {
        "model_size": 12,
        "key_size": sizes.get("kdim", 12),
        "value_size": sizes.get("vdim", 12),
        "num_heads": 3,
        "bias": bias,
    }
    assert agreement[0] in ("identical", "rounding")
    assert names == [["query", "key", "value", "key_padding_mask"][: 3 + masked]]


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("final_norm", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("nested", [True, False])
def test_transformers_are_recorded(bundle, norm_first, final_norm, activation, nested):
    model = transformer(
        norm_first=norm_first, final_norm=final_norm, activation=activation, layer_norm_eps=1e-6
    )
    # With nested tensors, what is padding is 0 behind the encoder.
    model.encoder.use_nested_tensor = nested and not norm_first
    x = torch.randn(3, 7, 12)
    configuration, agreement, names = bundle(model, [(x, padded()), (x,), x])
    assert configuration == {
        "model_size": 12,
        "num_heads": 4,
        "feedforward_size": 20,
        "num_layers": 2,
        "num_classes": 5,
        "activation": activation,
        "norm_first": norm_first,
        "final_norm": final_norm,
        "layer_norm_eps": 1e-6,
    }
    assert set(agreement) <= {"identical", "rounding"}
    assert names == [["x", "padding_mask"], ["x"], ["x"]]


def test_labels_behind_the_features_are_not_taken_for_a_mask(bundle):
    assert bundle(transformer(), [(torch.randn(3, 7, 12), torch.tensor([1, 2, 3]))])[2] == [["x"]]


class WithoutMask(tensorferry.TransformerClassifier):
    def forward(self, x, padding_mask=None):
        return super().forward(x)


class NormTwice(tensorferry.TransformerClassifier):
    def forward(self, x, padding_mask=None):
        return super().forward(nn.functional.layer_norm(x, x.shape[-1:]), padding_mask)


class ByTanh(tensorferry.TransformerClassifier):
    """GELU by tanh in the place of the exact one, unseen by the attribute."""

    def forward(self, x, padding_mask=None):
        exact = nn.functional.gelu
        for layer in self.encoder.layers:
            layer.activation_relu_or_gelu = 0
            layer.activation = lambda value: exact(value, approximate="tanh")
        try:
            return super().forward(x, padding_mask)
        finally:
            for layer in self.encoder.layers:
                layer.activation = exact


@pytest.mark.parametrize("kind", [WithoutMask, NormTwice, ByTanh])
@pytest.mark.parametrize("layers", [1, 4])
def test_a_model_that_computes_something_else_disagrees_however_deep(tmp_path, kind, layers):
    torch.manual_seed(3)
    model = kind(12, 4, 20, layers, 5, activation="gelu")
    with pytest.raises(tensorferry.Disagreement, match="stage 'output'"):
        tensorferry.record(model, (torch.randn(3, 7, 12), padded()), tmp_path / "r.h5")


def problems(tmp_path, model, inputs):
    with pytest.raises(tensorferry.Refused) as caught:
        tensorferry.record(model, inputs, tmp_path / "r.h5")
    return str(caught.value)


def changed(path, value):
    model = transformer()
    *parents, name = path.split(".")
    module = model
    for parent in parents:
        module = getattr(module, parent)
    setattr(module, name, value)
    return model


@pytest.mark.parametrize(
    "model, reason",
    [
        (nn.MultiheadAttention(12, 3, batch_first=False), "'batch_first' is False, only True"),
        (
            nn.MultiheadAttention(12, 3, batch_first=True, add_bias_kv=True),
            "'bias_k' is not one of its parameters",
        ),
        (
            nn.MultiheadAttention(12, 3, batch_first=True, add_zero_attn=True),
            "'add_zero_attn' is True, only False",
        ),
        (changed("encoder.layers.1.norm_first", True), "'norm_first' differs"),
        (changed("encoder.layers.1.norm2.eps", 1e-3), "'layer_norm_eps' differs"),
        (changed("encoder.layers.0.activation", torch.tanh), "'activation' differs"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(tmp_path, model, reason):
    assert reason in problems(tmp_path, model, torch.randn(3, 7, 12))


def test_an_activation_that_is_not_supported_is_refused(tmp_path):
    model = transformer(activation=torch.tanh)
    assert "a str that is supported" in problems(tmp_path, model, torch.randn(3, 7, 12))


@pytest.mark.parametrize(
    "given, reason",
    [
        (torch.zeros(3, 7), "'padding_mask' is torch.float32, not torch.bool"),
        (torch.zeros(3, 6, dtype=torch.bool), "has shape [3, 6], not [3, 7]"),
        (torch.zeros(2, 7, dtype=torch.bool), "has shape [2, 7], not [3, 7]"),
        (mask(3, 7, *[(1, i) for i in range(7)]), "ignores every position of a sample"),
        (3, "is of type int"),
    ],
)
def test_masks_that_do_not_fit_are_refused(tmp_path, given, reason):
    inputs = {"x": torch.randn(3, 7, 12), "padding_mask": given}
    assert reason in problems(tmp_path, transformer(), inputs)


def test_keys_and_values_must_be_as_many(tmp_path):
    model = nn.MultiheadAttention(12, 3, batch_first=True)
    inputs = (torch.randn(2, 4, 12), torch.randn(2, 5, 12), torch.randn(2, 6, 12))
    assert "input 'value' has shape [2, 6, 12]" in problems(tmp_path, model, inputs)


@pytest.mark.parametrize(
    "model", [transformer(final_norm=True), nn.MultiheadAttention(12, 3, batch_first=True)]
)
def test_a_saved_model_names_itself_and_a_state_dict_cannot(tmp_path, model):
    tensorferry.save(model, tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5") as file:
        assert file.attrs["model"].endswith("/1")
        assert json.loads(file.attrs["configuration"])["num_heads"] in (3, 4)
    tensorferry.save(model.state_dict(), tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5") as file:
        assert "model" not in file.attrs


@pytest.mark.parametrize("sizes", [{}, {"kdim": 7, "vdim": 9}], ids=str)
def test_models_come_back_from_state_dicts(sizes):
    attention = tensorferry.MultiheadAttention(12, 3, bias=False, **sizes).eval()
    again = tensorferry.MultiheadAttention.from_state_dict(attention.state_dict(), 3).eval()
    inputs = [torch.randn(2, 4, sizes.get(name, 12)) for name in ("edim", "kdim", "vdim")]
    assert torch.equal(attention(*inputs)[0], again(*inputs)[0])
    model = transformer(final_norm=True, activation="gelu").eval()
    other = tensorferry.TransformerClassifier.from_state_dict(
        model.state_dict(), 4, activation="gelu"
    ).eval()
    x = torch.randn(3, 7, 12)
    assert torch.equal(model(x, padded()), other(x, padded()))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rounding", [operations.FLOAT32, operations.FLOAT64], ids=["f32", "f64"])
def test_every_stage_is_inside_its_bound(seed, rounding):
    torch.manual_seed(seed)
    model = tensorferry.TransformerClassifier(
        12,
        4,
        20,
        1,
        5,
        activation=("relu", "gelu")[seed % 2],
        norm_first=seed % 4 > 1,
        final_norm=True,
    ).eval()
    state = dict(model.state_dict())
    (known, configuration), _ = registry.recognise(state, model)
    stages = known.stages(configuration)
    x = torch.randn(3, 7, 12) * 10.0 ** (seed % 5 - 2)
    values = {**state, "x": x, "padding_mask": padded()}
    wide = {name: value.double() for name, value in values.items()}
    exact = registry.run(stages, wide)
    # In float64 there is no exact value to compare with, but another order of the same sums.
    features = torch.randperm(20)
    if rounding is operations.FLOAT64:
        for name in ("linear1.weight", "linear1.bias"):
            wide["encoder.layers.0." + name] = wide["encoder.layers.0." + name][features]
        name = "encoder.layers.0.linear2.weight"
        wide[name] = wide[name][:, features]
        results = registry.run(stages, wide)
        checked = ["output"]
    else:
        results = registry.run(stages, values)
        checked = list(results)
    bounds = registry.stage_errors(
        stages, {name: value.double() for name, value in values.items()}, exact, rounding
    )
    for name in checked:
        difference = (results[name].double() - exact[name]).abs()
        assert bool((difference <= 2 * bounds[name]).all()), name
    if rounding is operations.FLOAT64:
        assert float(bounds["output"].max()) < 1e-6
