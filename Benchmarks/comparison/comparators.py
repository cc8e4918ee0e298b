"""Judges models with one thing wrong by the rules of other tools, and by `tensorferry verify`.

    comparators.py TENSORFERRY [-o PAGE] [--pairs N]

Writes `docs/explanation/comparison.md`, or prints it. TENSORFERRY is the built command. It says
caught or missed only: a row in which a rule is within half of its threshold ends the program, so
that the page does not depend on the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Python"), str(ROOT / "Fixtures/parity")]

import random_pairs
import tensorferry
import transformer_mutants
from tensorferry import registry

import faults
from rules import RULES, judgements

PAGE = Path(__file__).with_name("page.md")


class Comparison:
    """A model with its reference, and the rows of the table of what was judged against it."""

    def __init__(self, command, folder, model, inputs, options=None):
        self.command, self.folder, self.model = command, folder, model
        self.inputs, self.options = inputs, options
        self.rows = []
        self.reference = folder / "reference.h5"
        self.weights = folder / "weights.h5"
        tensorferry.save(model, self.weights)
        tensorferry.record(model, inputs, self.reference)
        self.expected = self.output(model)

    def output(self, model):
        with torch.no_grad():
            return model.eval()(*self.inputs.values()).numpy()

    def judge_weights(self, name, change, stage):
        state = change(self.model.state_dict())
        path = self.folder / "mutant.h5"
        tensorferry.save(state, path)
        before = {key: value.clone() for key, value in self.model.state_dict().items()}
        self.model.load_state_dict(state)
        actual = self.output(self.model)
        self.model.load_state_dict(before)
        self.judge(name, actual, stage, path, self.reference, self.options)

    def judge_model(self, name, model, stage, options):
        options = {**self.options, **options}
        self.judge(name, self.output(model), stage, self.weights, self.reference, options)

    def judge_program(self, name, operation, forward, stage):
        """The reference is what the other program would record."""
        state = self.model.state_dict()
        (known, configuration), _ = registry.recognise(state, self.model)
        stages = known.stages(configuration)
        values = {**state, **self.inputs}
        wide = {key: value.double() for key, value in values.items()}
        path = self.folder / "other.h5"
        shutil.copy(self.reference, path)
        with mock.patch.object(operation, "forward", forward), torch.no_grad():
            traces = {"f32": registry.run(stages, values), "f64": registry.run(stages, wide)}
        with h5py.File(path, "r+") as file:
            for kind, trace in traces.items():
                for each, value in trace.items():
                    file[f"cases/0000/stages/{each}/{kind}"][...] = value.numpy()
        actual = traces["f32"][stages[-1].name].numpy()
        self.judge(name, actual, stage, self.weights, path, self.options)

    def judge(self, name, actual, stage, weights, reference, options):
        accepted = judgements(name, actual, self.expected)
        first = first_divergence(self.command, weights, reference, options)
        stage = stage and (faults.LAYER if self.options else "") + stage
        if first != stage:
            raise SystemExit(f"comparators.py: {name} shows at {first}, not at {stage}")
        self.rows.append((name, accepted, first))


def first_divergence(command, weights, reference, options=None):
    """The first stage that `verify` refutes, or None for parity."""
    extra = ["--configuration", json.dumps(options)] if options else []
    ran = subprocess.run(
        [command, "verify", weights, reference, "--json", *extra], capture_output=True, text=True
    )
    if ran.returncode not in (0, 1):
        raise SystemExit(f"comparators.py: {ran.stdout}{ran.stderr}")
    report = json.loads(ran.stdout)
    refuted = [each["name"] for each in report["stages"] if each["verdict"] == "MISMATCH_PROVEN"]
    if bool(refuted) != (ran.returncode == 1):
        raise SystemExit(f"comparators.py: {report['verdict']} without a stage")
    return refuted[0] if refuted else None


def classifier(command, folder):
    torch.manual_seed(4)
    model = tensorferry.AttentionClassifier(64, 64, 10)
    with torch.no_grad():
        model.attention.weight.mul_(6)  # or the weights of the positions would hardly differ
        model.attention.bias.fill_(0.25)  # whose bytes backwards are a number near 0
    comparison = Comparison(command, folder, model, {"x": torch.randn(16, 24, 64)})
    for name, (change, stage) in faults.CLASSIFIER.items():
        comparison.judge_weights(name, change, stage)
    for name, program in faults.CLASSIFIER_PROGRAMS.items():
        comparison.judge_program(name, *program)
    return comparison


def transformer(command, folder):
    torch.manual_seed(8)

    def made(**options):
        options = {"activation": "gelu", **options}
        return tensorferry.TransformerClassifier(
            faults.SIZE, 3, 20, 2, 5, final_norm=True, **options
        )

    model = made()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape), alpha=0.2)
    x, mask = torch.randn(3, 7, faults.SIZE), torch.zeros(3, 7, dtype=torch.bool)
    mask[0, -3:] = mask[1, 0] = True
    inputs = {"x": x, "padding_mask": mask}
    comparison = Comparison(command, folder, model, inputs, transformer_mutants.OPTIONS)
    for name, (change, stage) in faults.TRANSFORMER.items():
        # Some change the dictionary that they are given.
        comparison.judge_weights(name, lambda state, change=change: changed(change, state), stage)
    for name, (options, stage) in faults.TRANSFORMER_OPTIONS.items():
        other = made(**options)
        other.load_state_dict(model.state_dict())
        comparison.judge_model(name, other, stage, options)
    for name, program in faults.TRANSFORMER_PROGRAMS.items():
        comparison.judge_program(name, *program)
    return comparison


def changed(change, state):
    state = dict(state)
    return change(state) or state


# Models that are right.


def in_another_order(model, x, generator):
    """What the model computes, sample by sample, with every sum taken in another order."""

    def order(count):
        return torch.randperm(count, generator=generator)

    features, hidden = order(model.fc.in_features), order(model.fc.out_features)
    other = tensorferry.AttentionClassifier(
        len(features), len(hidden), model.classifier.out_features
    )
    state = model.state_dict()
    state["fc.weight"] = state["fc.weight"][hidden][:, features]
    state["fc.bias"] = state["fc.bias"][hidden]
    state["attention.weight"] = state["attention.weight"][:, hidden]
    state["classifier.weight"] = state["classifier.weight"][:, hidden]
    other.load_state_dict(state)
    x = x[..., features]
    if x.dim() == 3:
        x = x[:, order(x.shape[1])]
    return torch.cat([other(x[sample : sample + 1]) for sample in range(len(x))])


SCALES = {"below 1e-6": (0, 1e-6), "1e-6 and more": (1e-6, np.inf)}


def clean_pairs(command, folder, count):
    """For each scale of the output, and rule: how many right outputs are rejected, and how many
    zeros in their place are accepted."""
    generator = torch.Generator().manual_seed(20)
    torch.manual_seed(20)
    found = {scale: [] for scale in SCALES}
    with torch.no_grad():
        for index in range(count):
            model, inputs, _ = random_pairs.classifier(generator, "eager")
            x = inputs["x"]
            torch.set_num_threads(1 + index % 2)
            weights, reference = folder / "weights.h5", folder / "reference.h5"
            tensorferry.save(model, weights)
            tensorferry.record(model, x, reference, probes=False)
            expected = model(x)
            torch.set_num_threads(2 - index % 2)
            actual = in_another_order(model, x, generator).numpy()
            expected = expected.numpy()
            right = judgements(None, actual, expected)
            zeros = judgements(None, np.zeros_like(expected), expected)
            stage = first_divergence(command, weights, reference)
            if stage is not None:
                raise SystemExit(f"comparators.py: verify refutes a right model at {stage}")
            size = float(np.abs(expected).max())
            (scale,) = (name for name, (low, high) in SCALES.items() if low <= size < high)
            found[scale].append((right, zeros))
    return found


def share(count, total):
    """A category that another processor does not change."""
    if count == total:
        return "all"
    for name, most in (("under 1 in 10", 0.1), ("1 in 10 to 3 in 5", 0.6)):
        if count <= most * total:
            return name
    return "over 3 in 5"


# The page.


def table(comparison):
    names = [*RULES, "`verify`", "first stage"]
    lines = [f"| what is wrong | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for name, accepted, stage in comparison.rows:
        clean = stage is None
        words = ("accepted", "rejected") if clean else ("**missed**", "caught")
        cells = [words[0] if each else words[1] for each in accepted.values()]
        cells += ["accepted" if clean else "caught", "" if clean else f"`{stage}`"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    mutants = [accepted for _, accepted, stage in comparison.rows if stage]
    missed = [str(sum(accepted[rule] for accepted in mutants)) for rule in RULES]
    lines.append(f"| *missed, of {len(mutants)}* | {' | '.join(missed)} | 0 | |")
    return "\n".join(lines)


def scale_table(found):
    names = [*RULES, "`verify`"]
    lines = [f"| outputs | | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for scale, pairs in found.items():
        alarms, zeros = (
            [
                share(sum(each[kind][rule] is bool(kind) for each in pairs), len(pairs))
                for rule in RULES
            ]
            for kind in (0, 1)
        )
        lines.append(f"| {scale} | right, and rejected | {' | '.join(alarms)} | none |")
        lines.append(f"| | zeros, and accepted | {' | '.join(zeros)} | |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--pairs", type=int, default=80)
    arguments = parser.parse_args()
    os.fsync = lambda descriptor: None  # hundreds of files that nobody will miss after a crash
    command = arguments.command.resolve()
    with tempfile.TemporaryDirectory() as folder:
        page = PAGE.read_text().format(
            classifier=table(classifier(command, Path(folder))),
            transformer=table(transformer(command, Path(folder))),
            pairs=arguments.pairs,
            scales=scale_table(clean_pairs(command, Path(folder), arguments.pairs)),
        )
    if arguments.output:
        arguments.output.write_text(page)
    else:
        print(page, end="")


if __name__ == "__main__":
    main()
