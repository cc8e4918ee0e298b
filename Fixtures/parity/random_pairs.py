"""Writes random attention classifiers with a reference each, for a verifier that must accept all.

    random_pairs.py OUT [--count N] [--seed S]

`OUT/0000.weights.h5` and `OUT/0000.reference.h5`, ...; `OUT/pairs.json` lists what they are. Sizes:
D 1...784, H 1...256, C 1...100, N 1...49 positions or the vector form, B 1...8. The scale of every
parameter and of the input is drawn from 1e-20...1e15 on its own, and drawn again while a sum of
magnitudes in any stage comes near the largest float32. Thread counts alternate between 1 and 2.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Python"))

import tensorferry

LIMIT = 1e37  # float32 ends at 3.4e38


def size(low, high, generator):
    """Between `low` and `high`, small sizes more often."""
    draw = float(torch.rand((), generator=generator))
    return min(high, int(math.exp(math.log(low) + draw * math.log((high + 1) / low))))


def scaled(tensor, generator):
    exponent = -20 + 35 * float(torch.rand((), dtype=torch.float64, generator=generator))
    return tensor * 10**exponent


def stays_finite(model, x):
    """True if no stage can overflow, in whatever order its sums are taken."""
    h = magnitudes(model.fc, x)
    return all(
        float(value.max()) < LIMIT
        for value in (h, magnitudes(model.attention, h), magnitudes(model.classifier, h))
    )


def magnitudes(linear, x):
    weight, bias = linear.weight.double().abs(), linear.bias.double().abs()
    return x.double().abs() @ weight.T + bias


def pair(generator):
    """A model and an input for it."""
    model = tensorferry.AttentionClassifier(
        size(1, 784, generator), size(1, 256, generator), size(1, 100, generator)
    )
    batch, positions = size(1, 8, generator), size(1, 49, generator)
    is_vector = float(torch.rand((), generator=generator)) < 0.3
    shape = (batch,) if is_vector else (batch, positions)
    while True:
        for parameter in model.parameters():
            draw = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(scaled(draw, generator))
        x = scaled(torch.randn(*shape, model.fc.in_features, generator=generator), generator)
        if stays_finite(model, x):
            return model, x


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    os.fsync = lambda descriptor: None  # thousands of files that nobody will miss after a crash

    generator = torch.Generator().manual_seed(arguments.seed)
    pairs = []
    with torch.no_grad():
        for index in range(arguments.count):
            model, x = pair(generator)
            torch.set_num_threads(1 + index % 2)
            weights, reference = (f"{index:04}.{kind}.h5" for kind in ("weights", "reference"))
            tensorferry.save(model, arguments.out / weights)
            options = {"seed": arguments.seed, "probes": index % 5 == 0}  # they take time
            tensorferry.record(model, x, arguments.out / reference, **options)
            sizes = [model.fc.in_features, model.fc.out_features, model.classifier.out_features]
            pairs.append(
                {
                    "weights": weights,
                    "reference": reference,
                    "sizes": sizes,
                    "x": list(x.shape),
                    "threads": torch.get_num_threads(),
                }
            )
    (arguments.out / "pairs.json").write_text(json.dumps(pairs, indent=1) + "\n")


if __name__ == "__main__":
    main()
