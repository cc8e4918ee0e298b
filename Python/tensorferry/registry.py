"""The models whose stages are known.

A model is data: its parameters with the names of their sizes, its inputs, and a list of stages. To
add one, write an entry of `MODELS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import torch
from torch import Tensor

from . import operations

Configuration = Dict[str, Any]
Dimension = Any  # the name of a size, or a number


@dataclass(frozen=True)
class Stage:
    """A named operation on inputs, parameters and earlier stages, all by name."""

    name: str
    operation: Any
    operands: Tuple[str, ...]


@dataclass(frozen=True)
class KnownModel:
    """What `save` and `record` know about a model.

    Attributes:
        identifier: name and version, as files say it.
        parameters: name -> shape, in the order of the state dict.
        inputs: argument name -> the shapes it may have.
        stages: the forward pass for a configuration; the last stage is what `model(x)` returns.
        options: name and type of the module's attributes that configure it beyond shapes.
    """

    identifier: str
    parameters: Mapping[str, Tuple[Dimension, ...]]
    inputs: Mapping[str, Sequence[Tuple[Dimension, ...]]]
    stages: Callable[[Configuration], List[Stage]]
    options: Mapping[str, type]

    @property
    def name(self) -> str:
        return self.identifier.split("/")[0]


MODELS: Tuple[KnownModel, ...] = (
    KnownModel(
        identifier="AttentionClassifier/1",
        parameters={
            "fc.weight": ("hidden_size", "input_size"),
            "fc.bias": ("hidden_size",),
            "attention.weight": (1, "hidden_size"),
            "attention.bias": (1,),
            "classifier.weight": ("num_classes", "hidden_size"),
            "classifier.bias": ("num_classes",),
        },
        inputs={"x": [("batch", "input_size"), ("batch", "positions", "input_size")]},
        stages=lambda _: [
            Stage("fc", operations.Linear(), ("x", "fc.weight", "fc.bias")),
            Stage(
                "attention_scores",
                operations.Linear(),
                ("fc", "attention.weight", "attention.bias"),
            ),
            Stage("attention_weights", operations.Softmax(axis=1), ("attention_scores",)),
            Stage("attended_x", operations.WeightedSum(), ("attention_weights", "fc")),
            Stage(
                "output",
                operations.Linear(),
                ("attended_x", "classifier.weight", "classifier.bias"),
            ),
        ],
        options={},
    ),
    KnownModel(
        identifier="SelfAttention/1",
        parameters={},
        inputs={"x": [("batch", "positions", "input_size")]},
        stages=lambda configuration: [
            Stage("attention_scores", operations.PairwiseScores(configuration["scaled"]), ("x",)),
            Stage("attention_weights", operations.Softmax(axis=2), ("attention_scores",)),
            Stage("context", operations.PairwiseSum(), ("attention_weights", "x")),
        ],
        options={"scaled": bool},
    ),
)


def fit(
    expected: Tuple[Dimension, ...], shape: Sequence[int], sizes: Dict[str, int]
) -> Optional[Tuple[Dimension, ...]]:
    """Binds the names in `expected` to the numbers in `shape`.

    Returns None if they fit, else `expected` with the names that are already bound replaced.
    """
    if len(expected) == len(shape):
        bound = dict(sizes)
        if all(
            size > 0 and size == (bound.setdefault(name, size) if isinstance(name, str) else name)
            for name, size in zip(expected, shape)
        ):
            sizes.update(bound)
            return None
    return tuple(sizes.get(name, name) for name in expected)


def described(shape: Sequence[Dimension]) -> str:
    return "[" + ", ".join(str(size) for size in shape) + "]"


def _examine(
    known: KnownModel, state: Mapping[str, Any], module: Optional[torch.nn.Module]
) -> Tuple[Configuration, List[str]]:
    problems: List[str] = []
    sizes: Dict[str, int] = {}
    for name, expected in known.parameters.items():
        tensor = state.get(name)
        if not isinstance(tensor, Tensor):
            problems.append(f"'{name}' is missing")
            continue
        wanted = fit(expected, tensor.shape, sizes)
        if wanted is not None:
            problems.append(
                f"'{name}' has shape {described(tensor.shape)}, not {described(wanted)}"
            )
        elif not tensor.dtype.is_floating_point:
            problems.append(f"'{name}' is {tensor.dtype}, not a floating-point type")
    problems += [
        f"'{name}' is not one of its parameters" for name in state if name not in known.parameters
    ]
    configuration: Configuration = dict(sizes)
    if not known.parameters and type(module).__name__ != known.name:
        problems.append(
            f"a model without parameters is known by its class, which is not {known.name}"
        )
    for option, kind in known.options.items():
        value = getattr(module, option, None)
        if not isinstance(value, kind):
            problems.append(f"the attribute '{option}' is {value!r}, not a {kind.__name__}")
        configuration[option] = value
    return configuration, problems


def recognise(
    state: Mapping[str, Any], module: Optional[torch.nn.Module] = None
) -> Tuple[Optional[Tuple[KnownModel, Configuration]], List[str]]:
    """The model whose parameters have these names and shapes, with its sizes.

    If there is none, what each known model misses, one sentence each.
    """
    misfits: List[str] = []
    for known in MODELS:
        configuration, problems = _examine(known, state, module)
        if not problems:
            return (known, configuration), []
        misfits.append(f"not {known.identifier}: " + "; ".join(problems))
    return None, misfits


def unwrapped(module: torch.nn.Module) -> torch.nn.Module:
    """The model inside `torch.compile` and `DataParallel`, which prefix every name of it."""
    while True:
        inside = getattr(module, "_orig_mod", None)
        if inside is None and isinstance(
            module, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
        ):
            inside = module.module
        if not isinstance(inside, torch.nn.Module):
            return module
        module = inside


def run(stages: Sequence[Stage], values: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """Every stage's result by name, in forward order, in the type of `values`."""
    known = dict(values)
    for stage in stages:
        known[stage.name] = stage.operation.forward(*(known[name] for name in stage.operands))
    return {stage.name: known[stage.name] for stage in stages}


def output_error(
    stages: Sequence[Stage], values: Mapping[str, Tensor], results: Mapping[str, Tensor]
) -> Tensor:
    """How far a float32 output may be from the last of the float64 `results`."""
    known = {**values, **results}
    errors = {name: torch.zeros_like(value) for name, value in values.items()}
    for stage in stages:
        errors[stage.name] = stage.operation.error(
            [known[name] for name in stage.operands],
            [errors[name] for name in stage.operands],
            known[stage.name],
        )
    return errors[stages[-1].name]
