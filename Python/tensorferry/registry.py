"""The models whose stages are known.

A model is data: its parameters with the names of their sizes, its inputs, and a list of stages. To
add one, write an entry of `MODELS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

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
class Option:
    """What an attribute of a module says of its model, which names and shapes do not tell.

    Attributes:
        kind: the type of the value.
        paths: where it is, with dots; `*` stands for every element of a list. All must agree.
        named: what the configuration says for it; None if it is not supported.
        demanded: the only value that is supported, which the configuration then leaves out.
    """

    kind: type
    paths: Tuple[str, ...]
    named: Callable[[Any], Any] = lambda value: value
    demanded: Any = None


@dataclass(frozen=True)
class KnownModel:
    """What `save` and `record` know about a model.

    Attributes:
        identifier: name and version, as files say it.
        parameters: name -> shape, in the order of the state dict.
        inputs: argument name -> the shapes it may have.
        stages: the forward pass for a configuration; the last stage is what `model(x)` returns.
        options: the module's attributes that configure it beyond shapes, by their names in the
            configuration.
        masks: like inputs, for bool tensors that may be left out: nothing is masked then.
        second: the stage that a model may return beside the last one, in a tuple.
        variant: the model with the parameters that a state dict with these names has, and what
            the names tell of its configuration.
        check: what is wrong with sizes that fit the shapes; takes away what is no member of the
            configuration.
    """

    identifier: str
    parameters: Mapping[str, Tuple[Dimension, ...]]
    inputs: Mapping[str, Sequence[Tuple[Dimension, ...]]]
    stages: Callable[[Configuration], List[Stage]]
    options: Mapping[str, Option]
    masks: Mapping[str, Tuple[Dimension, ...]] = field(default_factory=dict)
    second: Optional[str] = None
    variant: Optional[Callable[[Mapping[str, Any]], Tuple[KnownModel, Configuration]]] = None
    check: Callable[[Configuration], List[str]] = lambda configuration: []

    @property
    def name(self) -> str:
        return self.identifier.split("/")[0]


def _attention_parameters(
    prefix: str, joint: bool, bias: bool
) -> Dict[str, Tuple[Dimension, ...]]:
    """Those of `torch.nn.MultiheadAttention`, in the order of its state dict."""
    parameters: Dict[str, Tuple[Dimension, ...]] = {}
    if joint:
        parameters[prefix + "in_proj_weight"] = ("in_proj_size", "model_size")
    else:
        parameters[prefix + "q_proj_weight"] = ("model_size", "model_size")
        parameters[prefix + "k_proj_weight"] = ("model_size", "key_size")
        parameters[prefix + "v_proj_weight"] = ("model_size", "value_size")
    if bias:
        parameters[prefix + "in_proj_bias"] = ("in_proj_size",)
    parameters[prefix + "out_proj.weight"] = ("model_size", "model_size")
    if bias:
        parameters[prefix + "out_proj.bias"] = ("model_size",)
    return parameters


def _attention_stages(
    prefix: str,
    inputs: Tuple[str, str, str],
    mask: str,
    configuration: Configuration,
    output: str,
    averaged: bool,
    joint: bool,
    bias: bool,
) -> List[Stage]:
    """Those of `torch.nn.MultiheadAttention`; projections are rows of one parameter if `joint`."""

    def stage(name: str, operation: Any, *operands: str) -> Stage:
        return Stage(prefix + name, operation, tuple(prefix + each for each in operands))

    stages = []
    for index, (name, value) in enumerate(zip("qkv", inputs)):
        part = (index, 3)
        operands = [value, prefix + ("in_proj_weight" if joint else f"{name}_proj_weight")]
        operation = operations.Linear(part if joint else (0, 1), part if bias else (0, 1))
        stages.append(
            Stage(
                prefix + name,
                operation,
                tuple(operands + [prefix + "in_proj_bias"] * bias),
            )
        )
    split = operations.SplitHeads(configuration["num_heads"])
    stages += [stage(f"{name}_heads", split, name) for name in "qkv"]
    stages.append(stage("attention_scores", operations.ScaledScores(), "q_heads", "k_heads"))
    stages.append(
        Stage(
            prefix + "attention_weights",
            operations.MaskedSoftmax(axis=3),
            (prefix + "attention_scores", mask),
        )
    )
    if averaged:
        stages.append(
            stage("average_attention_weights", operations.MeanOverHeads(), "attention_weights")
        )
    last = ["context", "out_proj.weight"] + ["out_proj.bias"] * bias
    return stages + [
        stage("context_heads", operations.Product(), "attention_weights", "v_heads"),
        stage("context", operations.MergeHeads(), "context_heads"),
        stage(output, operations.Linear(), *last),
    ]


def _has_three_projections(sizes: Configuration) -> List[str]:
    rows, size = sizes.pop("in_proj_size", None), sizes.get("model_size")
    if rows is None or size is None or rows == 3 * size:
        return []
    return [f"the joint projections have {rows} rows, not 3 times {size}"]


def _multihead_attention(state: Mapping[str, Any]) -> Tuple[KnownModel, Configuration]:
    joint = "q_proj_weight" not in state
    bias = "in_proj_bias" in state

    def check(sizes: Configuration) -> List[str]:
        problems = _has_three_projections(sizes)
        for name in ("key_size", "value_size"):
            if "model_size" in sizes:
                sizes.setdefault(name, sizes["model_size"])
        return problems

    def stages(configuration: Configuration) -> List[Stage]:
        return _attention_stages(
            "",
            ("query", "key", "value"),
            "key_padding_mask",
            configuration,
            "output",
            True,
            joint,
            bias,
        )

    known = replace(
        _MULTIHEAD_ATTENTION,
        parameters=_attention_parameters("", joint, bias),
        check=check,
        stages=stages,
    )
    return known, {"bias": bias}


_MULTIHEAD_ATTENTION = KnownModel(
    identifier="MultiheadAttention/1",
    parameters=_attention_parameters("", joint=True, bias=True),
    inputs={
        "query": [("batch", "queries", "model_size")],
        "key": [("batch", "keys", "key_size")],
        "value": [("batch", "keys", "value_size")],
    },
    masks={"key_padding_mask": ("batch", "keys")},
    stages=lambda _: [],
    second="average_attention_weights",
    variant=_multihead_attention,
    options={
        "num_heads": Option(int, ("num_heads",)),
        "batch_first": Option(bool, ("batch_first",), demanded=True),
        "add_zero_attn": Option(bool, ("add_zero_attn",), demanded=False),
    },
)


def _layer_parameters(prefix: str) -> Dict[str, Tuple[Dimension, ...]]:
    """Those of `torch.nn.TransformerEncoderLayer`, in the order of its state dict."""
    return {
        **_attention_parameters(prefix + "self_attn.", joint=True, bias=True),
        prefix + "linear1.weight": ("feedforward_size", "model_size"),
        prefix + "linear1.bias": ("feedforward_size",),
        prefix + "linear2.weight": ("model_size", "feedforward_size"),
        prefix + "linear2.bias": ("model_size",),
        prefix + "norm1.weight": ("model_size",),
        prefix + "norm1.bias": ("model_size",),
        prefix + "norm2.weight": ("model_size",),
        prefix + "norm2.bias": ("model_size",),
    }


def _layer_stages(prefix: str, x: str, mask: str, configuration: Configuration) -> List[Stage]:
    norm = operations.LayerNorm(configuration["layer_norm_eps"])
    activation = {"relu": operations.ReLU(), "gelu": operations.GELU()}[configuration["activation"]]

    def with_parameters(name: str, operation: Any, operand: str) -> Stage:
        name = prefix + name
        return Stage(name, operation, (operand, name + ".weight", name + ".bias"))

    def attended(operand: str) -> List[Stage]:
        inputs = (operand, operand, operand)
        return _attention_stages(
            prefix + "self_attn.",
            inputs,
            mask,
            configuration,
            "out_proj",
            averaged=False,
            joint=True,
            bias=True,
        )

    def fed_forward(operand: str) -> List[Stage]:
        return [
            with_parameters("linear1", operations.Linear(), operand),
            Stage(prefix + "activation", activation, (prefix + "linear1",)),
            with_parameters("linear2", operations.Linear(), prefix + "activation"),
        ]

    def residual(name: str, operand: str, change: str) -> Stage:
        return Stage(prefix + name, operations.Add(), (operand, prefix + change))

    if configuration["norm_first"]:
        return [
            with_parameters("norm1", norm, x),
            *attended(prefix + "norm1"),
            residual("residual1", x, "self_attn.out_proj"),
            with_parameters("norm2", norm, prefix + "residual1"),
            *fed_forward(prefix + "norm2"),
            residual("residual2", prefix + "residual1", "linear2"),
        ]
    return [
        *attended(x),
        residual("residual1", x, "self_attn.out_proj"),
        with_parameters("norm1", norm, prefix + "residual1"),
        *fed_forward(prefix + "norm1"),
        residual("residual2", prefix + "norm1", "linear2"),
        with_parameters("norm2", norm, prefix + "residual2"),
    ]


_HEAD = {
    "attention.weight": (1, "model_size"),
    "attention.bias": (1,),
    "classifier.weight": ("num_classes", "model_size"),
    "classifier.bias": ("num_classes",),
}


def _transformer_classifier(state: Mapping[str, Any]) -> Tuple[KnownModel, Configuration]:
    found = {re.match(r"encoder\.layers\.(\d+)\.", str(name)) for name in state} - {None}
    indices = {match.group(1) for match in found if match is not None}
    count = next(index for index in range(len(indices) + 1) if str(index) not in indices)
    final_norm = "encoder.norm.weight" in state or "encoder.norm.bias" in state
    parameters: Dict[str, Tuple[Dimension, ...]] = {}
    for index in range(max(count, 1)):
        parameters.update(_layer_parameters(f"encoder.layers.{index}."))
    if final_norm:
        parameters["encoder.norm.weight"] = parameters["encoder.norm.bias"] = ("model_size",)
    parameters.update(_HEAD)
    known = replace(_TRANSFORMER_CLASSIFIER, parameters=parameters)
    return known, {"num_layers": count, "final_norm": final_norm}


def _transformer_stages(configuration: Configuration) -> List[Stage]:
    stages: List[Stage] = []
    x, mask = "x", "padding_mask"
    for index in range(configuration["num_layers"]):
        stages += _layer_stages(f"encoder.layers.{index}.", x, mask, configuration)
        x = stages[-1].name
    if configuration["final_norm"]:
        norm = operations.LayerNorm(configuration["layer_norm_eps"])
        operands = (x, "encoder.norm.weight", "encoder.norm.bias")
        stages.append(Stage("encoder.norm", norm, operands))
        x = "encoder.norm"
    weights = operations.MaskedSoftmax(axis=1)
    linear = operations.Linear()
    return stages + [
        Stage("attention_scores", linear, (x, "attention.weight", "attention.bias")),
        Stage("attention_weights", weights, ("attention_scores", mask)),
        Stage("attended_x", operations.WeightedSum(), ("attention_weights", x)),
        Stage("output", linear, ("attended_x", "classifier.weight", "classifier.bias")),
    ]


def _activation(value: Any) -> Optional[str]:
    """The name of an activation that is supported."""
    if value is torch.nn.functional.relu or isinstance(value, torch.nn.ReLU):
        return "relu"
    if value is torch.nn.functional.gelu:
        return "gelu"
    if isinstance(value, torch.nn.GELU) and value.approximate == "none":
        return "gelu"
    return None


_LAYER = "encoder.layers.*."
_TRANSFORMER_CLASSIFIER = KnownModel(
    identifier="TransformerClassifier/1",
    parameters={**_layer_parameters("encoder.layers.0."), **_HEAD},
    inputs={"x": [("batch", "positions", "model_size")]},
    masks={"padding_mask": ("batch", "positions")},
    stages=_transformer_stages,
    variant=_transformer_classifier,
    check=_has_three_projections,
    options={
        "num_heads": Option(int, (_LAYER + "self_attn.num_heads",)),
        "activation": Option(str, (_LAYER + "activation",), named=_activation),
        "norm_first": Option(bool, (_LAYER + "norm_first",)),
        "layer_norm_eps": Option(
            float, (_LAYER + "norm1.eps", _LAYER + "norm2.eps", "encoder.norm.eps")
        ),
        "batch_first": Option(bool, (_LAYER + "self_attn.batch_first",), demanded=True),
    },
)


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
        options={"scaled": Option(bool, ("scaled",))},
    ),
    _MULTIHEAD_ATTENTION,
    _TRANSFORMER_CLASSIFIER,
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


def _values_at(module: Any, path: Sequence[str]) -> Iterator[Any]:
    """The attributes at a path; none where it leads through None."""
    if not path:
        yield module
    elif path[0] == "*":
        for element in module if isinstance(module, torch.nn.ModuleList) else []:
            yield from _values_at(element, path[1:])
    elif module is not None:
        yield from _values_at(getattr(module, path[0], None), path[1:])


def _option_problem(
    name: str, option: Option, module: Optional[torch.nn.Module], configuration: Configuration
) -> Optional[str]:
    """Puts an option into the configuration, or says why it cannot."""
    found = [value for path in option.paths for value in _values_at(module, path.split("."))]
    found = [value for value in found if value is not None]
    first = found[0] if found else None
    if any(value != first for value in found):
        return f"the attribute '{name}' differs: {sorted({str(value) for value in found})}"
    value = option.named(first)
    if not isinstance(value, option.kind):
        return f"the attribute '{name}' is {first!r}, not a {option.kind.__name__}" + (
            "" if first is None or option.kind is not str else " that is supported"
        )
    if option.demanded is None:
        configuration[name] = value
    elif value != option.demanded:
        return f"the attribute '{name}' is {value!r}, only {option.demanded!r} is supported"
    return None


def _examine(
    known: KnownModel,
    told: Configuration,
    state: Mapping[str, Any],
    module: Optional[torch.nn.Module],
) -> Tuple[Configuration, List[str]]:
    problems: List[str] = []
    sizes: Dict[str, Any] = {}
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
    problems += known.check(sizes)
    configuration: Configuration = {**sizes, **told}
    if not known.parameters and type(module).__name__ != known.name:
        problems.append(
            f"a model without parameters is known by its class, which is not {known.name}"
        )
    for name, option in known.options.items():
        problem = _option_problem(name, option, module, configuration)
        if problem:
            problems.append(problem)
    return configuration, problems


_MOST_PROBLEMS = 12  # of one model in a message


def recognise(
    state: Mapping[str, Any], module: Optional[torch.nn.Module] = None
) -> Tuple[Optional[Tuple[KnownModel, Configuration]], List[str]]:
    """The model whose parameters have these names and shapes, with its sizes.

    If there is none, what each known model misses, one sentence each.
    """
    misfits: List[str] = []
    for model in MODELS:
        known, told = model.variant(state) if model.variant else (model, {})
        configuration, problems = _examine(known, told, state, module)
        if not problems:
            return (known, configuration), []
        if len(problems) > _MOST_PROBLEMS:
            more = f"and {len(problems) - _MOST_PROBLEMS} more"
            problems = problems[:_MOST_PROBLEMS] + [more]
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


def stage_errors(
    stages: Sequence[Stage],
    values: Mapping[str, Tensor],
    results: Mapping[str, Tensor],
    rounding: operations.Rounding = operations.FLOAT32,
) -> Dict[str, Tensor]:
    """How far a result of each stage may be from the float64 `results`; infinite if unknown."""
    known = {**values, **results}
    errors = {name: torch.zeros_like(value) for name, value in values.items()}
    for stage in stages:
        error = stage.operation.error(
            [known[name] for name in stage.operands],
            [errors[name] for name in stage.operands],
            known[stage.name],
            rounding,
        )
        # Infinity times 0 is not 0 here: an infinite error says nothing.
        errors[stage.name] = torch.nan_to_num(error, nan=torch.inf, posinf=torch.inf)
    return errors


def output_error(
    stages: Sequence[Stage], values: Mapping[str, Tensor], results: Mapping[str, Tensor]
) -> Tensor:
    """How far a float32 output may be from the last of the float64 `results`."""
    return stage_errors(stages, values, results)[stages[-1].name]
