"""Writes random attentions and transformers with a reference each; a verifier must accept all.

    attention_pairs.py OUT [--count N] [--seed S]

`OUT/0000.weights.pt` (or `.safetensors`, or `.h5`, in turn), `OUT/0000.reference.h5`, and
`OUT/pairs.json`, which lists each pair with its model and the options that the weights do not tell.
Joint and separate projections, with and without bias, with and without a mask; norms before and
after, with and without a final one, ReLU and GELU. Threads alternate between 1 and 2.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Python"))

import tensorferry

WRITERS = {
    "pt": lambda model, path: torch.save(model.state_dict(), path),
    "safetensors": lambda model, path: safetensors.torch.save_file(model.state_dict(), path),
    "h5": lambda model, path: tensorferry.save(model.state_dict(), path),
}


def between(low, high, generator):
    return int(torch.randint(low, high + 1, (), generator=generator))


def mask(batch, positions, generator):
    """Some positions ignored, at any place, but never all of a sample."""
    ignored = torch.rand(batch, positions, generator=generator) < 0.4
    ignored[:, between(0, positions - 1, generator)] = False
    return ignored


def attention(index, generator):
    heads, batch = between(1, 4, generator), between(1, 3, generator)
    size = heads * between(1, 6, generator)
    sizes = {"kdim": between(1, 20, generator), "vdim": between(1, 20, generator)}
    sizes = sizes if index % 4 >= 2 else {"kdim": size, "vdim": size}
    model = nn.MultiheadAttention(size, heads, bias=index % 2 == 0, batch_first=True, **sizes)
    queries, keys = between(1, 9, generator), between(1, 12, generator)
    inputs = {
        "query": torch.randn(batch, queries, size, generator=generator),
        "key": torch.randn(batch, keys, sizes["kdim"], generator=generator),
        "value": torch.randn(batch, keys, sizes["vdim"], generator=generator),
    }
    if index % 3 != 2:
        inputs["key_padding_mask"] = mask(batch, keys, generator)
    return model, inputs, {"num_heads": heads}


def transformer(index, generator):
    heads, batch = between(1, 4, generator), between(1, 3, generator)
    size, positions = heads * between(2, 6, generator), between(1, 12, generator)
    options = {
        "activation": ("relu", "gelu")[index % 2],
        "norm_first": index % 4 >= 2,
        "layer_norm_eps": (1e-5, 1e-6, 1e-12)[index % 3],
    }
    model = tensorferry.TransformerClassifier(
        size,
        heads,
        between(1, 40, generator),
        between(1, 3, generator),
        between(1, 9, generator),
        final_norm=index % 8 >= 4,
        **options,
    )
    inputs = {"x": torch.randn(batch, positions, size, generator=generator)}
    if index % 3 != 2:
        inputs["padding_mask"] = mask(batch, positions, generator)
    return model, inputs, {"num_heads": heads, **options}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    os.fsync = lambda descriptor: None  # hundreds of files that nobody will miss after a crash

    generator = torch.Generator().manual_seed(arguments.seed)
    torch.manual_seed(arguments.seed)
    pairs = []
    with torch.no_grad():
        for index in range(arguments.count):
            model, inputs, options = (attention, transformer)[index % 2](index // 2, generator)
            for parameter in model.parameters():
                # torch starts biases at 0 and norms at 1, where much would not be seen.
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
            scale = 10.0 ** (4 * float(torch.rand((), generator=generator)) - 2)
            inputs = {
                name: value * scale if value.is_floating_point() else value
                for name, value in inputs.items()
            }
            torch.set_num_threads(1 + index // 2 % 2)
            kind = list(WRITERS)[index // 2 % 3]
            weights, reference = f"{index:04}.weights.{kind}", f"{index:04}.reference.h5"
            WRITERS[kind](model, arguments.out / weights)
            tensorferry.record(model, inputs, arguments.out / reference, seed=arguments.seed)
            pairs.append(
                {
                    "weights": weights,
                    "reference": reference,
                    "model": ("MultiheadAttention/1", "TransformerClassifier/1")[index % 2],
                    "options": options,
                    "masked": len(inputs) in (2, 4),
                }
            )
    (arguments.out / "pairs.json").write_text(json.dumps(pairs, indent=1) + "\n")


if __name__ == "__main__":
    main()
