"""Writes a transformer, and weights and references with one thing wrong each, to be refused.

    transformer_mutants.py OUT

`OUT` gets `weights.h5`, `reference.h5`, and for each entry of `mutants.json` the weights, the
reference and the changed options that belong together, and the first stage at which it shows.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from unittest import mock

import h5py
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Python"))

import tensorferry
from tensorferry import operations, registry

OPTIONS = {"num_heads": 3, "activation": "gelu", "norm_first": False, "layer_norm_eps": 1e-5}
LAYER = "encoder.layers.0."


def through_bfloat16(name):
    def mutate(state):
        state[name] = state[name].bfloat16().float()

    return mutate


def swap(name, first, second):
    def mutate(state):
        order = list(range(len(state[name])))
        for a, b in zip(first, second):
            order[a], order[b] = b, a
        state[name] = state[name][order]

    return mutate


WEIGHTS = {
    "in-proj-bfloat16": (through_bfloat16(LAYER + "self_attn.in_proj_weight"), "self_attn.q"),
    "linear1-bfloat16": (through_bfloat16(LAYER + "linear1.weight"), "linear1"),
    "norm1-bfloat16": (through_bfloat16(LAYER + "norm1.weight"), "norm1"),
    "queries-and-keys-swapped": (
        swap(LAYER + "self_attn.in_proj_weight", range(12), range(12, 24)),
        "self_attn.q",
    ),
    "value-rows-swapped": (swap(LAYER + "self_attn.in_proj_weight", [26], [29]), "self_attn.v"),
    "key-bias-rows-swapped": (swap(LAYER + "self_attn.in_proj_bias", [13], [17]), "self_attn.k"),
    "out-proj-rows-swapped": (
        swap(LAYER + "self_attn.out_proj.weight", [3], [4]),
        "self_attn.out_proj",
    ),
}

CONFIGURATIONS = {
    "relu-for-gelu": ({"activation": "relu"}, "activation"),
    "eps": ({"layer_norm_eps": 1e-3}, "norm1"),
    "norm-first": ({"norm_first": True}, "norm1"),
}


def in_other_order(self, x):
    """Head h gets every third feature."""
    return x.unflatten(2, (-1, self.heads)).permute(0, 3, 1, 2)


def by_tanh(self, x):
    return torch.nn.functional.gelu(x, approximate="tanh")


def unscaled(self, queries, keys):
    return torch.matmul(queries, keys.mT)


def without_mask(self, scores, mask):
    return torch.softmax(scores, dim=self.axis)


def inverted_mask(self, scores, mask):
    # Where that would leave nothing, as it is.
    inverted = ~self._mask(scores, mask)
    inverted = inverted & ~inverted.all(dim=self.axis, keepdim=True)
    return torch.softmax(scores.masked_fill(inverted, -torch.inf), dim=self.axis)


OPERATIONS = {
    "heads-in-other-order": (operations.SplitHeads, in_other_order, "self_attn.q_heads"),
    "gelu-by-tanh": (operations.GELU, by_tanh, "activation"),
    "scores-not-scaled": (operations.ScaledScores, unscaled, "self_attn.attention_scores"),
    "mask-ignored": (operations.MaskedSoftmax, without_mask, "self_attn.attention_weights"),
    "mask-inverted": (operations.MaskedSoftmax, inverted_mask, "self_attn.attention_weights"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(8)
    model = tensorferry.TransformerClassifier(12, 3, 20, 2, 5, activation="gelu", final_norm=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape), alpha=0.2)
    model.eval()
    x, mask = torch.randn(3, 7, 12), torch.zeros(3, 7, dtype=torch.bool)
    mask[0, -3:] = mask[1, 0] = True
    tensorferry.save(model.state_dict(), out / "weights.h5")
    tensorferry.record(model, (x, mask), out / "reference.h5")

    done = []

    def note(stage, weights="weights.h5", reference="reference.h5", options=None):
        options = {**OPTIONS, **(options or {})}
        entry = {"weights": weights, "reference": reference, "options": options}
        done.append({**entry, "first_stage": LAYER + stage})

    for name, (mutate, stage) in WEIGHTS.items():
        mutant = dict(model.state_dict())
        mutate(mutant)
        tensorferry.save(mutant, out / f"{name}.h5")
        note(stage, weights=f"{name}.h5")
    for options, stage in CONFIGURATIONS.values():
        note(stage, options=options)

    # As another program would record it that computes one operation otherwise.
    state = dict(model.state_dict())
    (known, configuration), _ = registry.recognise(state, model)
    stages = known.stages(configuration)
    values = {**state, "x": x, "padding_mask": mask}
    wide = {name: value.double() for name, value in values.items()}
    for name, (operation, forward, stage) in OPERATIONS.items():
        reference = f"{name}.reference.h5"
        shutil.copy(out / "reference.h5", out / reference)
        with mock.patch.object(operation, "forward", forward), torch.no_grad():
            results = {"f32": registry.run(stages, values), "f64": registry.run(stages, wide)}
        with h5py.File(out / reference, "r+") as file:
            for kind, trace in results.items():
                for each, value in trace.items():
                    file[f"cases/0000/stages/{each}/{kind}"][...] = value.numpy()
        note(stage, reference=reference)
    (out / "mutants.json").write_text(json.dumps(done, indent=1) + "\n")


if __name__ == "__main__":
    main()
