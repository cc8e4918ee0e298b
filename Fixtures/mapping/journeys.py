"""Writes the weights of attention classifiers as people store them, with PyTorch's references.

    journeys.py OUT

For each journey `OUT` gets a folder with

    weights.<ending>  what PyTorch or safetensors wrote
    reference.h5      what the same parameters compute, recorded by PyTorch
    map.yaml          the mapping, of at most 10 lines, if one is needed

and `journeys.json` with the name of each folder and of its weights.
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import safetensors.torch
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Python"))

import tensorferry

OUT = Path(sys.argv[1])
JOURNEYS = []


def model(inputs=7, hidden=5, classes=3):
    made = tensorferry.AttentionClassifier(inputs, hidden, classes)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made


def journey(name, weights, recorded, rules=None, safetensors_file=False, head=()):
    """`weights` is what is stored, `recorded` the module whose outputs are the reference."""
    folder = OUT / name
    folder.mkdir(parents=True)
    if safetensors_file:
        path = folder / "weights.safetensors"
        safetensors.torch.save_file({k: v.contiguous() for k, v in weights.items()}, path)
    else:
        path = folder / "weights.pt"
        torch.save(weights, path)
    inputs = torch.randn(4, 9, recorded.fc.in_features)
    tensorferry.record(recorded, inputs, folder / "reference.h5")
    if rules is not None:
        lines = ["mapping: tensorferry.mapping/1", *head, "rules:", *(f"- {rule}" for rule in rules)]
        assert len(lines) <= 10
        (folder / "map.yaml").write_text("\n".join(lines) + "\n")
    JOURNEYS.append({"name": name, "weights": path.name, "mapped": rules is not None})


def main():
    torch.manual_seed(20)
    plain = model()
    state = plain.state_dict()
    journey("plain", state, plain)
    journey("plain-safetensors", state, plain, safetensors_file=True)
    journey("wrapped", {f"module._orig_mod.module.{k}": v for k, v in state.items()}, plain)

    optimizer = torch.optim.Adam(plain.parameters())
    plain(torch.randn(2, 7)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    state = plain.state_dict()
    journey("checkpoint", {"epoch": 3, "model": state, "optimizer": optimizer.state_dict()}, plain)
    lightning = {
        "epoch": 1,
        "global_step": 250,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": {f"model.{k}": v for k, v in state.items()},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [],
        "hyper_parameters": {"lr": 0.001},
    }
    journey("lightning", lightning, plain)

    names = {"fc": "encoder.proj", "attention": "encoder.scores", "classifier": "head.logits"}
    keras = {}
    for ours, theirs in names.items():
        keras[f"{theirs}.kernel"] = state[f"{ours}.weight"].T
        keras[f"{theirs}.bias"] = state[f"{ours}.bias"]
    journey(
        "keras-layout",
        keras,
        plain,
        [f'{{to: "{a}.weight", from: "{b}.kernel"}}' for a, b in names.items()]
        + [f'{{to: "{a}.bias", from: "{b}.bias"}}' for a, b in names.items()],
        head=["layout: input_first"],
        safetensors_file=True,
    )

    normed = copy.deepcopy(plain)
    torch.nn.utils.parametrizations.weight_norm(normed.fc)
    with torch.no_grad():
        normed.fc.parametrizations.weight.original0.mul_(1.3)
    stored = copy.deepcopy(normed.state_dict())
    torch.nn.utils.parametrize.remove_parametrizations(normed.fc, "weight")
    source = "fc.parametrizations.weight.original"
    journey(
        "weight-norm",
        stored,
        normed,
        [
            f"{{to: fc.weight, from: [{source}0, {source}1], apply: weight_norm}}",
            '{keep: "**"}',
        ],
    )
    old = {
        "fc.weight_g": stored[source + "0"],
        "fc.weight_v": stored[source + "1"],
        **{k: v for k, v in stored.items() if "parametrizations" not in k},
    }
    journey(
        "weight-norm-old-names",
        old,
        normed,
        ["{to: fc.weight, from: [fc.weight_g, fc.weight_v], apply: weight_norm}", '{keep: "**"}'],
    )

    for dtype, name in [(torch.float16, "float16"), (torch.bfloat16, "bfloat16")]:
        narrow = copy.deepcopy(plain).to(dtype)
        journey(name, narrow.state_dict(), copy.deepcopy(narrow).float())

    square = model(6, 6, 4)
    state = square.state_dict()
    fused = {
        "scored.weight": torch.cat([state["fc.weight"], state["attention.weight"]]),
        "scored.bias": torch.cat([state["fc.bias"], state["attention.bias"]]),
        "classifier.weight": state["classifier.weight"],
        "classifier.bias": state["classifier.bias"],
    }
    split = "apply: {split: {axis: 0, sizes: [-1, 1]}}"
    journey(
        "fused",
        fused,
        square,
        [
            f"{{to: [fc.{kind}, attention.{kind}], from: scored.{kind}, {split}}}"
            for kind in ("weight", "bias")
        ]
        + ['{keep: "classifier.*"}'],
    )
    # A square matrix that is stored transposed: no shape tells, the declared layout does.
    journey("square", state, square, ['{keep: "**"}'])
    turned = {k: v.T if v.dim() == 2 else v for k, v in state.items()}
    journey("square-transposed", turned, square, ['{keep: "**"}'], head=["layout: input_first"])
    (OUT / "journeys.json").write_text(json.dumps(JOURNEYS))


main()
