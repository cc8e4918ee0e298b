"""Writes corrupted copies of a model, for a verifier that must refuse each at the right stage.

    mutants.py WEIGHTS OUT [--positions N] [--batch B] [--seed S]

WEIGHTS is an HDF5 file with the parameters of an attention classifier at its root. `OUT` gets

    reference.h5             of the model as it is, on random inputs
    <mutant>.h5              the model with one thing wrong, for reference.h5
    wrong-axis.reference.h5  recorded with the softmax over the batch, for WEIGHTS
    mutants.json             which belong together, and the first stage at which it shows

Inputs have N positions; with `--positions 0` they are vectors. B must be more than 1, or the
softmax over the batch would be all ones; H must be more than 4, for rows 3 and 4 to exist.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import h5py
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Python"))

import tensorferry
from tensorferry import operations, registry


def fc_through(dtype):
    def mutate(state):
        state["fc.weight"] = state["fc.weight"].to(dtype).float()

    return mutate


def zero(name):
    def mutate(state):
        state[name] = torch.zeros_like(state[name])

    return mutate


def swap_rows(*names):
    def mutate(state):
        for name in names:
            order = list(range(len(state[name])))
            order[3], order[4] = 4, 3
            state[name] = state[name][order]

    return mutate


def nudge(state):
    """The largest weight of the middle row."""
    state["fc.weight"] = state["fc.weight"].clone()
    row = state["fc.weight"][len(state["fc.weight"]) // 2]
    row[row.abs().argmax()] *= 1.0001


MUTANTS = {
    "fc-bfloat16": (fc_through(torch.bfloat16), "fc"),
    "fc-float16": (fc_through(torch.float16), "fc"),
    "attention-bias-zero": (zero("attention.bias"), "attention_scores"),
    "fc-rows-swapped": (swap_rows("fc.weight"), "fc"),
    "fc-units-swapped": (swap_rows("fc.weight", "fc.bias"), "fc"),
    "classifier-bias-zero": (zero("classifier.bias"), "output"),
    "fc-weight-nudged": (nudge, "fc"),
}


class OverTheBatch(tensorferry.AttentionClassifier):
    """The same layers with the softmax over the wrong axis."""

    def forward(self, x):
        x = self.fc(x)
        attention_weights = torch.softmax(self.attention(x), dim=0)
        if x.dim() == 2:
            return self.classifier(attention_weights * x)
        return self.classifier(torch.bmm(attention_weights.transpose(1, 2), x).squeeze(1))


def over_the_batch(known):
    def stages(configuration):
        return [
            dataclasses.replace(stage, operation=operations.Softmax(axis=0))
            if isinstance(stage.operation, operations.Softmax)
            else stage
            for stage in known.stages(configuration)
        ]

    return dataclasses.replace(known, stages=stages)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--positions", type=int, default=5)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.batch < 2:
        parser.error("--batch must be 2 or more")
    arguments.out.mkdir(parents=True, exist_ok=True)

    with h5py.File(arguments.weights) as file:
        (known,) = (each for each in registry.MODELS if each.name == "AttentionClassifier")
        state = {name: torch.from_numpy(file[name][...]) for name in known.parameters}
    model = tensorferry.AttentionClassifier.from_state_dict(state)
    shape = [arguments.batch, arguments.positions, model.fc.in_features]
    shape = [size for size in shape if size]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(arguments.seed))
    tensorferry.record(model, x, arguments.out / "reference.h5", seed=arguments.seed)

    done = []
    for name, (mutate, stage) in MUTANTS.items():
        mutant = dict(state)
        mutate(mutant)
        if all(torch.equal(mutant[key], state[key]) for key in state):
            raise SystemExit(f"mutants.py: {name} leaves {arguments.weights} as it is")
        tensorferry.save(mutant, arguments.out / f"{name}.h5")
        done.append({"weights": f"{name}.h5", "reference": "reference.h5", "first_stage": stage})

    # As another program would record it that took the softmax over the batch.
    registry.MODELS = (over_the_batch(known),)
    wrong = OverTheBatch.from_state_dict(state)
    tensorferry.record(wrong, x, arguments.out / "wrong-axis.reference.h5", seed=arguments.seed)
    done.append(
        {
            "weights": None,
            "reference": "wrong-axis.reference.h5",
            "first_stage": "attention_weights",
        }
    )
    (arguments.out / "mutants.json").write_text(json.dumps(done, indent=1) + "\n")


if __name__ == "__main__":
    main()
