"""Writes models and references with one thing wrong each, and what is wrong, for a verifier to name.

    cause_mutants.py OUT [--seed S]

For each entry of `mutants.json` in `OUT`: `name`; the `weights` that are verified, the
`reference` and the `options` that belong together; the `class` of what is wrong, whose `fault` it
is, the first stage at which it shows and the `parameter`. `also` are classes that say less of the
same, which is true as well. The entries of class `none` have nothing wrong.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from pathlib import Path
from unittest import mock

import h5py
import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Python"))

import tensorferry
from tensorferry import operations, registry

LAYER = "encoder.layers.0."


# What is done to a parameter. Each takes the tensor and returns another one.


def swapped(*pairs):
    def mutate(tensor):
        order = list(range(len(tensor)))
        for a, b in pairs:
            order[a], order[b] = order[b], order[a]
        return tensor[order]

    return mutate


def columns(mutate):
    return lambda tensor: mutate(tensor.T).T


def blocks(*order):
    def mutate(tensor):
        parts = tensor.chunk(len(order))
        return torch.cat([parts[index] for index in order])

    return mutate


def through(dtype):
    return lambda tensor: tensor.to(dtype).float()


def truncated(bits):
    return lambda tensor: (tensor.view(torch.int32) & -(1 << bits)).view(torch.float32)


def tf32(tensor):
    bits = tensor.view(torch.int32)
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & -(1 << 13)).view(torch.float32)


def int8(tensor):
    return int8_by(tensor.abs().max() / 127, tensor)


def int8_rows(tensor):
    return int8_by(tensor.abs().amax(dim=1, keepdim=True) / 127, tensor)


def int8_by(scale, tensor):
    return (tensor / scale).round().clamp(-128, 127).to(torch.int8).float() * scale


def reinterpreted(tensor):
    """As if the numbers of the transpose had been given the shape."""
    return tensor.T.contiguous().reshape(tensor.shape)


def byte_swapped(tensor):
    return torch.from_numpy(tensor.numpy().byteswap().copy())


def stale(tensor):
    return tensor + torch.randn(tensor.shape) * tensor.std() * 1e-4


def trained_anew(tensor):
    return torch.randn(tensor.shape) * tensor.std()


def at(place, change):
    def mutate(tensor):
        tensor = tensor.clone()
        tensor[place] = change(tensor[place])
        return tensor

    return mutate


def flip_bit(value):
    return (value.view(torch.int32) ^ (1 << 17)).view(torch.float32)


def zero(tensor):
    return torch.zeros_like(tensor)


def factors(dim):
    def mutate(tensor):
        shape = [1, 1]
        shape[dim] = tensor.shape[dim]
        return tensor * torch.empty(shape).uniform_(0.5, 2)

    return mutate


ALSO = {
    "bit_flipped": ["element_changed"],
    "element_zeroed": ["element_changed"],
    "element_sign_flipped": ["element_changed"],
    "row_zeroed": ["row_changed"],
    "row_sign_flipped": ["row_changed"],
    "column_zeroed": ["column_changed"],
    "bias_shifted": ["bias_changed"],
    "bias_missing": ["bias_changed"],
    "rows_swapped": ["rows_permuted"],
    "columns_swapped": ["columns_permuted"],
}


# class, parameters, what is done to them, first stage; the model has it, and the reference is right
SEQUENCE = [
    ("weight_reinterpreted", ["fc.weight"], reinterpreted, "fc"),
    ("rows_swapped", ["fc.weight"], swapped((3, 7)), "fc"),
    ("rows_swapped", ["classifier.weight"], swapped((0, 4)), "output"),
    ("rows_permuted", ["fc.weight"], swapped((3, 7), (1, 5), (2, 8)), "fc"),
    ("units_swapped", ["fc.weight", "fc.bias"], swapped((3, 7)), "fc"),
    ("columns_swapped", ["fc.weight"], columns(swapped((2, 9))), "fc"),
    ("columns_swapped", ["attention.weight"], columns(swapped((1, 6))), "attention_scores"),
    ("rows_shifted", ["fc.weight"], lambda tensor: tensor.roll(5, 0), "fc"),
    ("columns_shifted", ["classifier.weight"], lambda tensor: tensor.roll(2, 1), "output"),
    ("rows_reversed", ["fc.weight"], lambda tensor: tensor.flip(0), "fc"),
    ("row_blocks_permuted", ["fc.weight"], blocks(1, 0, 2), "fc"),
    ("unit_blocks_permuted", ["fc.weight", "fc.bias"], blocks(0, 3, 2, 1), "fc"),
    ("column_blocks_permuted", ["classifier.weight"], columns(blocks(0, 2, 1)), "output"),
    ("bias_missing", ["fc.bias"], zero, "fc"),
    ("bias_missing", ["attention.bias"], zero, "attention_scores"),
    ("bias_shifted", ["classifier.bias"], lambda tensor: tensor + 0.01, "output"),
    ("bias_element_changed", ["fc.bias"], at(4, lambda value: value * 1.01), "fc"),
    ("bias_elements_swapped", ["fc.bias"], swapped((3, 7)), "fc"),
    ("bias_changed", ["fc.bias"], trained_anew, "fc"),
    ("weights_bf16", ["fc.weight"], through(torch.bfloat16), "fc"),
    ("weights_bf16", ["classifier.weight", "classifier.bias"], through(torch.bfloat16), "output"),
    ("weights_bf16_truncated", ["fc.weight"], truncated(16), "fc"),
    ("weights_fp16", ["classifier.weight"], through(torch.float16), "output"),
    ("weights_tf32", ["fc.weight"], tf32, "fc"),
    ("weights_int8", ["fc.weight"], int8, "fc"),
    ("weights_int8_rows", ["classifier.weight"], int8_rows, "output"),
    ("stale_weights", ["fc.weight"], stale, "fc"),
    ("stale_weights", ["classifier.weight", "classifier.bias"], stale, "output"),
    ("other_weights", ["fc.weight", "fc.bias"], trained_anew, "fc"),
    ("bytes_swapped", ["classifier.bias"], byte_swapped, "output"),
    ("sign_flipped", ["attention.weight"], torch.neg, "attention_scores"),
    ("scaled", ["attention.weight"], lambda tensor: tensor * 0.999, "attention_scores"),
    ("scaled", ["fc.weight", "fc.bias"], lambda tensor: tensor / 2, "fc"),
    ("rows_scaled", ["fc.weight"], factors(0), "fc"),
    ("columns_scaled", ["fc.weight"], factors(1), "fc"),
    ("shifted", ["fc.weight"], lambda tensor: tensor + 0.125, "fc"),
    ("element_changed", ["fc.weight"], at((5, 9), lambda value: value * 1.0001), "fc"),
    ("element_zeroed", ["fc.weight"], at((5, 9), zero), "fc"),
    ("element_sign_flipped", ["classifier.weight"], at((2, 9), torch.neg), "output"),
    ("bit_flipped", ["fc.weight"], at((1, 3), flip_bit), "fc"),
    ("elements_changed", ["fc.weight"], at(([5, 2, 7], [9, 0, 3]), lambda v: v * 1.01), "fc"),
    ("row_changed", ["fc.weight"], at(6, trained_anew), "fc"),
    ("row_zeroed", ["fc.weight"], at(6, zero), "fc"),
    ("row_sign_flipped", ["fc.weight"], at(6, torch.neg), "fc"),
    ("column_changed", ["fc.weight"], columns(at(4, trained_anew)), "fc"),
    ("column_zeroed", ["fc.weight"], columns(at(4, zero)), "fc"),
]

SQUARE = [("weight_transposed", ["fc.weight"], lambda tensor: tensor.T, "fc")]

# For vectors, whose attention has nothing to choose from.
VECTOR = [
    ("rows_swapped", ["fc.weight"], swapped((3, 7)), "fc"),
    ("bias_missing", ["attention.bias"], zero, "attention_scores"),
    ("element_changed", ["fc.weight"], at((5, 9), lambda value: value * 1.001), "fc"),
    ("weights_bf16", ["fc.weight"], through(torch.bfloat16), "fc"),
]

TRANSFORMER = [
    ("rows_swapped", ["self_attn.in_proj_weight"], swapped((26, 29)), "self_attn.v"),
    ("row_blocks_permuted", ["self_attn.in_proj_weight"], blocks(1, 0, 2), "self_attn.q"),
    ("weights_bf16", ["self_attn.in_proj_weight"], through(torch.bfloat16), "self_attn.q"),
    ("weights_bf16", ["norm1.weight"], through(torch.bfloat16), "norm1"),
    ("elements_swapped", ["norm1.weight"], swapped((3, 7)), "norm1"),
    ("element_changed", ["norm2.bias"], at(4, lambda value: value * 1.01), "norm2"),
]

# The reference has it, and the model is right.
REFERENCE = [
    ("bias_missing", ["fc.bias"], zero, "fc"),
    ("weights_bf16", ["fc.weight"], through(torch.bfloat16), "fc"),
    ("weights_tf32", ["fc.weight", "fc.bias"], tf32, "fc"),
    ("weights_int8", ["fc.weight"], int8, "fc"),
]


def linear(change, features):
    """A linear layer of so many features that computes otherwise."""
    forward = operations.Linear.forward

    def replaced(self, x, *parameters):
        if x.shape[-1] != features:
            return forward(self, x, *parameters)
        return change(x, *self._rows(*parameters))

    return replaced


def operands_through(round_):
    return lambda x, weight, bias: functional.linear(round_(x), round_(weight), bias)


def autocast(x, weight, bias):
    return functional.linear(x.bfloat16(), weight.bfloat16(), bias.bfloat16()).float()


# class, which operation, what it does instead, first stage, whether in float32 alone
SEQUENCE_OPERATIONS = [
    ("softmax_axis", operations.Softmax, lambda self, x: torch.softmax(x, 0), "attention_weights"),
    (
        "mean_instead_of_attention",
        operations.Softmax,
        lambda self, x: torch.full_like(x, 1 / x.shape[1]),
        "attention_weights",
    ),
    (
        "score_scale",
        operations.Softmax,
        lambda self, x: torch.softmax(x / math.sqrt(12), 1),
        "attention_weights",
    ),
    (
        "softmax_not_normalised",
        operations.Softmax,
        lambda self, x: torch.exp(x - x.amax(1, keepdim=True)),
        "attention_weights",
    ),
    (
        "mean_instead_of_attention",
        operations.WeightedSum,
        lambda self, weights, x: x.mean(1),
        "attended_x",
    ),
    ("relu_added", operations.Linear, linear(lambda *a: functional.linear(*a).relu(), 10), "fc"),
]

SEQUENCE_ARITHMETIC = [
    ("reference_operands_bf16", linear(operands_through(through(torch.bfloat16)), 10), "fc"),
    ("reference_operands_tf32", linear(operands_through(tf32), 10), "fc"),
    ("reference_operands_fp16", linear(operands_through(through(torch.float16)), 10), "fc"),
    ("reference_autocast_bf16", linear(autocast, 10), "fc"),
]


def in_other_order(self, x):
    """Head h gets every third feature."""
    return x.unflatten(2, (-1, self.heads)).permute(0, 3, 1, 2)


def inverted_mask(self, scores, mask):
    # Where that would leave nothing, as it is.
    inverted = ~self._mask(scores, mask)
    inverted = inverted & ~inverted.all(dim=self.axis, keepdim=True)
    return torch.softmax(scores.masked_fill(inverted, -torch.inf), dim=self.axis)


TRANSFORMER_OPERATIONS = [
    ("heads_interleaved", operations.SplitHeads, in_other_order, "self_attn.q_heads"),
    (
        "activation_gelu_tanh",
        operations.GELU,
        lambda self, x: functional.gelu(x, approximate="tanh"),
        "activation",
    ),
    (
        "activation_silu",
        operations.GELU,
        lambda self, x: functional.silu(x),
        "activation",
    ),
    (
        "scale",
        operations.ScaledScores,
        lambda self, queries, keys: torch.matmul(queries, keys.mT),
        "self_attn.attention_scores",
    ),
    (
        "mask_ignored",
        operations.MaskedSoftmax,
        lambda self, scores, mask: torch.softmax(scores, dim=self.axis),
        "self_attn.attention_weights",
    ),
    ("mask_inverted", operations.MaskedSoftmax, inverted_mask, "self_attn.attention_weights"),
]

OPTIONS = {"num_heads": 3, "activation": "gelu", "norm_first": False, "layer_norm_eps": 1e-5}

# class, options of the model that is verified, first stage
CONFIGURATIONS = [
    ("activation_gelu", {"activation": "relu"}, "activation"),
    ("norm_eps", {"layer_norm_eps": 1e-3}, "norm1"),
]


class Base:
    """A model that is right, its weights and its reference."""

    def __init__(self, out, done, name, model, inputs, options=None, prefix=""):
        self.out, self.done, self.name, self.prefix = out, done, name, prefix
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape), alpha=0.2)
        self.model, self.inputs, self.options = model.eval(), inputs, options or {}
        self.state = {key: value.clone() for key, value in model.state_dict().items()}
        tensorferry.save(self.state, out / f"{name}.h5")
        tensorferry.record(model, inputs, out / f"{name}.reference.h5")
        self.note("none", None, None, "model")

    def note(self, kind, stage, parameter, fault, weights=None, reference=None, options=None):
        self.done.append(
            {
                "name": f"{self.name}-{len(self.done):02}-{kind}",
                "class": kind,
                "also": ALSO.get(kind, []),
                "fault": fault,
                "first_stage": stage and self.prefix + stage,
                "parameter": parameter,
                "weights": weights or f"{self.name}.h5",
                "reference": reference or f"{self.name}.reference.h5",
                "options": options or self.options,
            }
        )

    def mutated(self, parameters, mutate):
        """The state with the same done to each of these parameters."""
        state = dict(self.state)
        for name in parameters:
            seed = torch.get_rng_state()
            state[name] = mutate(state[name]).contiguous()
            if len(parameters) > 1 and mutate is not trained_anew:
                torch.set_rng_state(seed)
        if all(torch.equal(state[name], self.state[name]) for name in state):
            raise SystemExit(f"cause_mutants.py: {parameters} of {self.name} stay as they are")
        return state

    def in_model(self, mutants):
        for kind, parameters, mutate, stage in mutants:
            parameters = [self.prefix + name for name in parameters]
            file = f"{self.name}-{len(self.done):02}.h5"
            tensorferry.save(self.mutated(parameters, mutate), self.out / file)
            self.note(kind, stage, parameters[0], "model", weights=file)

    def in_reference(self, mutants):
        for kind, parameters, mutate, stage in mutants:
            file = f"{self.name}-{len(self.done):02}.reference.h5"
            model = type(self.model).from_state_dict(self.mutated(parameters, mutate))
            tensorferry.record(model, self.inputs, self.out / file)
            self.note(kind, stage, parameters[0], "reference", reference=file)

    def in_operations(self, mutants, kinds=("f32", "f64")):
        """As another program would record it that computes one operation otherwise."""
        (known, configuration), _ = registry.recognise(self.state, self.model)
        stages = known.stages(configuration)
        names = [*known.inputs, *known.masks]
        inputs = self.inputs if isinstance(self.inputs, tuple) else (self.inputs,)
        values = {**self.state, **dict(zip(names, inputs))}
        wide = {name: value.double() for name, value in values.items()}
        for kind, operation, forward, stage in mutants:
            file = f"{self.name}-{len(self.done):02}.reference.h5"
            shutil.copy(self.out / f"{self.name}.reference.h5", self.out / file)
            with mock.patch.object(operation, "forward", forward), torch.no_grad():
                results = {"f32": registry.run(stages, values)}
                if "f64" in kinds:
                    results["f64"] = registry.run(stages, wide)
            with h5py.File(self.out / file, "r+") as target:
                for form, trace in results.items():
                    for each, value in trace.items():
                        target[f"cases/0000/stages/{each}/{form}"][...] = value.numpy()
            self.note(kind, stage, None, "reference", reference=file)

    def in_options(self, mutants):
        for kind, options, stage in mutants:
            self.note(kind, stage, None, "reference", options={**self.options, **options})

    def tensors_swapped(self, first, second, stage):
        state = dict(self.state)
        state[first], state[second] = state[second], state[first]
        file = f"{self.name}-{len(self.done):02}.h5"
        tensorferry.save(state, self.out / file)
        self.note("tensors_swapped", stage, None, "model", weights=file)

    def tensor_copied(self, target, source, stage):
        file = f"{self.name}-{len(self.done):02}.h5"
        state = {**self.state, target: self.state[source].reshape(self.state[target].shape)}
        tensorferry.save(state, self.out / file)
        self.note("parameter_foreign", stage, target, "model", weights=file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    done = []

    sequence = Base(
        out, done, "sequence", tensorferry.AttentionClassifier(10, 12, 6), torch.randn(3, 7, 10)
    )
    sequence.in_model(SEQUENCE)
    sequence.in_reference(REFERENCE)
    sequence.in_operations(SEQUENCE_OPERATIONS)
    arithmetic = [(kind, operations.Linear, *rest) for kind, *rest in SEQUENCE_ARITHMETIC]
    sequence.in_operations(arithmetic, kinds=("f32",))
    sequence.tensor_copied("fc.bias", "attention.weight", "fc")

    square = tensorferry.AttentionClassifier(12, 12, 6)
    Base(out, done, "square", square, torch.randn(3, 5, 12)).in_model(SQUARE)
    vector = tensorferry.AttentionClassifier(14, 9, 5)
    Base(out, done, "vector", vector, torch.randn(4, 14)).in_model(VECTOR)

    mask = torch.zeros(3, 7, dtype=torch.bool)
    mask[0, -3:] = mask[1, 0] = True
    model = tensorferry.TransformerClassifier(12, 3, 20, 2, 5, activation="gelu", final_norm=True)
    transformer = Base(
        out, done, "transformer", model, (torch.randn(3, 7, 12), mask), OPTIONS, prefix=LAYER
    )
    transformer.in_model(TRANSFORMER)
    transformer.in_operations(TRANSFORMER_OPERATIONS)
    transformer.in_options(CONFIGURATIONS)
    transformer.tensors_swapped(
        LAYER + "linear1.weight", "encoder.layers.1.linear1.weight", "linear1"
    )
    transformer.tensors_swapped(
        LAYER + "self_attn.out_proj.bias", LAYER + "linear2.bias", "self_attn.out_proj"
    )
    (out / "mutants.json").write_text(json.dumps(done, indent=1) + "\n")


if __name__ == "__main__":
    main()
