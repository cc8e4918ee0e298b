"""Writes a reference as `torch.set_float32_matmul_precision("medium")` makes it.

    generate.py OUT

Where a processor multiplies bfloat16, "medium" lets PyTorch round the operands of large float32
products to bfloat16, and add the products in float32; small products stay as they are. On other
processors it changes nothing. So that the result does not depend on the processor, the two large
layers are computed here by that rule, in a fixed order. `OUT/medium` gets `weights.h5` and
`reference.h5`.
"""

from __future__ import annotations

import os

# One set of instructions and one thread: the same bits on every x86-64 processor.
os.environ.update(ATEN_CPU_CAPABILITY="default", MKL_CBWR="COMPATIBLE")

import sys
from pathlib import Path

import h5py
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Python"))

import tensorferry
from tensorferry import registry


def through_bfloat16(x, weight, bias):
    """A linear layer with rounded operands; the terms are added one after another."""
    x, weight = x.bfloat16().float(), weight.bfloat16().float()
    result = bias.expand(*x.shape[:-1], -1).clone()
    for i in range(x.shape[-1]):
        result += x[..., i, None] * weight[:, i]
    return result


def main():
    out = Path(sys.argv[1]) / "medium"
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(20)
    model = tensorferry.AttentionClassifier(48, 40, 3).eval()
    x = torch.randn(2, 6, 48)
    tensorferry.save(model.state_dict(), out / "weights.h5")
    torch.set_float32_matmul_precision("medium")
    tensorferry.record(model, x, out / "reference.h5", seed=20)

    state = dict(model.state_dict())
    (known, configuration), _ = registry.recognise(state, model)
    large = ("fc", "attention_scores")
    values = {**state, "x": x}
    with h5py.File(out / "reference.h5", "r+") as file, torch.no_grad():
        for stage in known.stages(configuration):
            operands = [values[name] for name in stage.operands]
            forward = through_bfloat16 if stage.name in large else stage.operation.forward
            values[stage.name] = forward(*operands)
            file[f"cases/0000/stages/{stage.name}/f32"][...] = values[stage.name].numpy()


if __name__ == "__main__":
    main()
