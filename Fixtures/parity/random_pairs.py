"""Writes random models with a reference each, for a verifier that must refute none.

    random_pairs.py OUT [--count N] [--seed S] [--processes P]

`OUT/0000.weights.h5` and `OUT/0000.reference.h5`, ...; `OUT/pairs.json` lists what they are.
Eight in ten are attention classifiers: D 1...784, H 1...256, C 1...100, N 1...197 positions or
the vector form, B 1...8; the scale of every parameter and of the input is drawn from
1e-20...1e15 on its own, and drawn again while a sum of magnitudes in any stage comes near the
largest float32. The others are attentions and transformers with masks, from
`attention_pairs.py`, whose inputs have scales from 1e-12 to 1e6.

The float32 values come from torch in one of these ways, with 1 or 2 threads:

    eager      operation by operation
    traced     by torch.jit.trace, run twice so that it is optimised
    compiled   by torch.compile with dynamic shapes, which takes some seconds and a C++ compiler
    unfused    operation by operation without oneDNN
    split      sample by sample, then put together

One in four references has no float64 values, one in five has probes. Every configuration depends on
the seed and its own number only.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import multiprocessing
import os
import sys
from pathlib import Path
from unittest import mock

import h5py

# Threads that wait for work would take the time of the other process.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Python"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import attention_pairs
import tensorferry
from tensorferry import registry

LIMIT = 1e37  # float32 ends at 3.4e38


def size(low, high, generator):
    """Between `low` and `high`, small sizes much more often."""
    draw = float(torch.rand((), generator=generator)) ** 1.7
    return min(high, int(math.exp(math.log(low) + draw * math.log((high + 1) / low))))


def scaled(tensor, generator, low=-20, high=15):
    draw = float(torch.rand((), dtype=torch.float64, generator=generator))
    return tensor * 10 ** (low + (high - low) * draw)


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


def classifier(generator, way):
    """A model and an input for it."""
    # One compiled function serves all sizes but 1.
    least = 2 if way == "compiled" else 1
    model = tensorferry.AttentionClassifier(
        size(least, 784, generator), size(least, 256, generator), size(least, 100, generator)
    )
    batch, positions = size(least, 8, generator), size(least, 197, generator)
    is_vector = float(torch.rand((), generator=generator)) < 0.3 and way != "compiled"
    shape = (batch,) if is_vector else (batch, positions)
    while True:
        for parameter in model.parameters():
            draw = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(scaled(draw, generator))
        x = scaled(torch.randn(*shape, model.fc.in_features, generator=generator), generator)
        if stays_finite(model, x):
            return model, {"x": x}, {}


def transformed(make, index, generator):
    """An attention or a transformer with biases and norms that torch does not start with."""
    model, inputs, options = make(index, generator)
    for parameter in model.parameters():
        parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
    scale = scaled(torch.ones(()), generator, -12, 6)
    inputs = {
        name: value * scale if value.is_floating_point() else value
        for name, value in inputs.items()
    }
    return model, inputs, options


def configuration(index, generator, way):
    if index % 10 == 0:
        return transformed(attention_pairs.attention, index // 10, generator)
    if index % 10 == 3:
        return transformed(attention_pairs.transformer, index // 10, generator)
    return classifier(generator, way)


def way_of(index):
    if index % 20 == 7:
        return "compiled"
    ways = {3: "traced", 5: "unfused", 9: "split", 11: "unfused", 12: "split"}
    return ways.get(index % 14, "eager")


EAGER = registry.run


def traced(stages, values):
    def function(*operands):
        return EAGER(stages, dict(zip(values, operands)))

    operands = tuple(values.values())
    once = torch.jit.trace(function, operands, strict=False, check_trace=False)
    once(*operands)
    return dict(once(*operands))


@functools.lru_cache(maxsize=None)
def compiled_function():
    model = tensorferry.AttentionClassifier(7, 5, 3)
    (known, sizes), _ = registry.recognise(model.state_dict(), model)
    # The function is to be compiled once, for any sizes, or fail.
    torch._dynamo.config.error_on_recompile = True
    torch.fx.experimental._config.use_duck_shape = False
    function = torch.compile(functools.partial(EAGER, known.stages(sizes)), dynamic=True)
    function({**model.state_dict(), "x": torch.zeros(4, 9, 7)})
    return function


def compiled(stages, values):
    return compiled_function()(values)


def unfused(stages, values):
    with torch.backends.mkldnn.flags(enabled=False):
        return EAGER(stages, values)


def split(stages, values, batched):
    """Sample by sample; the first axis of every input and every stage counts samples."""
    count = len(next(values[name] for name in batched))
    parts = []
    for sample in range(count):
        part = {name: values[name][sample : sample + 1].clone() for name in batched}
        parts.append(EAGER(stages, {**values, **part}))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def in_float32(way, names):
    """`registry.run` that computes float32 values in this way, and float64 values as always."""
    ways = {"traced": traced, "compiled": compiled, "unfused": unfused, "eager": EAGER}

    def run(stages, values):
        if any(value.dtype == torch.float64 for value in values.values()):
            return EAGER(stages, values)
        if way == "split":
            batched = [name for name in values if name not in names]
            return split(stages, values, batched)
        return ways[way](stages, values)

    return run


def write(index, seed, out):
    way = way_of(index)
    generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
    torch.manual_seed(seed * 1_000_003 + index)
    # Another number of threads is another compiled function.
    torch.set_num_threads(2 if way == "compiled" else 1 + index // 3 % 2)
    weights, reference = (f"{index:04}.{kind}.h5" for kind in ("weights", "reference"))
    complete = index % 4 != 1
    with torch.no_grad():
        while True:
            model, inputs, options = configuration(index, generator, way)
            run = in_float32(way, model.state_dict().keys())
            try:
                with mock.patch.object(registry, "run", run):
                    # Probes take time.
                    asked = {"seed": seed, "probes": complete and index % 5 == 2}
                    tensorferry.record(model, inputs, out / reference, **asked)
            except tensorferry.Refused as refusal:
                if "not finite" not in str(refusal):
                    raise
                continue  # an overflow
            break
        tensorferry.save(model.state_dict(), out / weights)
    if not complete:
        with h5py.File(out / reference, "r+") as file:
            for case in file["cases"].values():
                for stage in case["stages"].values():
                    del stage["f64"]
    with h5py.File(out / reference) as file:
        identifier = str(file.attrs["model"])
    return {
        "weights": weights,
        "reference": reference,
        "model": identifier,
        "options": options,
        "shapes": {name: list(value.shape) for name, value in inputs.items()},
        "masked": any(value.dtype == torch.bool for value in inputs.values()),
        "way": way,
        "complete": complete,
        "threads": torch.get_num_threads(),
    }


def work(task):
    indices, seed, out = task
    os.fsync = lambda descriptor: None  # thousands of files that nobody will miss after a crash
    return [(index, write(index, seed, out)) for index in indices]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    # Only one process compiles. It gets less of the others.
    indices = range(arguments.count)
    compiling = [index for index in indices if way_of(index) == "compiled"]
    others = [index for index in indices if way_of(index) != "compiled"]
    tasks = [(others[k::8], arguments.seed, arguments.out) for k in range(8)]
    tasks.insert(0, (compiling, arguments.seed, arguments.out))
    if arguments.processes == 1:
        results = [work(task) for task in tasks]
    else:
        with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
            results = pool.map(work, tasks, chunksize=1)
    numbered = sorted((pair for part in results for pair in part), key=lambda pair: pair[0])
    pairs = [entry for _, entry in numbered]
    (arguments.out / "pairs.json").write_text(json.dumps(pairs, indent=1) + "\n")


if __name__ == "__main__":
    main()
