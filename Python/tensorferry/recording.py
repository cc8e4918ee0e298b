"""`record`: what a model computes, stage by stage, to a `tensorferry.reference/1` file."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import h5py
import torch
from torch import Tensor

from . import container, dtypes, registry
from .errors import Disagreement, Refused
from .manifest import circumstances
from .saving import PRODUCER, describe_model, text

FORMAT = "tensorferry.reference/1"

Inputs = Union[Tensor, Tuple[Tensor, ...], Mapping[str, Tensor], Iterable[Any]]
Values = Dict[str, Tensor]


def record(
    model: torch.nn.Module,
    inputs: Inputs,
    path: container.Path,
    *,
    cases: Optional[int] = None,
    seed: Optional[int] = None,
) -> None:
    """Writes the inputs, every stage in float32 and every stage in float64, to a reference bundle.

    The stages are recomputed with torch's own functions: in float32, and in float64 from the same
    float32 parameters and inputs. They are written only if the float32 stages end in `model(x)`:
    bit for bit, or within what rounding explains if the model writes the same arithmetic
    differently. The model runs in eval mode, without gradients and without autocast, and is given
    back in the mode in which it came.

    Args:
        model: a float32 model on the CPU whose stages are known (see
            `tensorferry.registry.MODELS`).
        inputs: one case as a tensor, a *tuple* of tensors (the arguments in order) or a dict by
            argument name; or several cases as any other iterable of those, such as a list, a
            generator or a `DataLoader`. What follows the arguments in a batch (its labels) is left
            out.
        path: replaced if it exists, once the new file is complete.
        cases: the most cases to take from an iterable; all if None.
        seed: written to the manifest, for those who want to make the same inputs again.

    Raises:
        Refused: if the model has no known stages or the inputs do not fit it; with every problem.
        Disagreement: if `model(x)` is not what the stages compute; with the first place and both
            numbers.
    """
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"record takes a torch.nn.Module, not a {type(model).__name__}")
    model = registry.unwrapped(model)
    known, configuration, parameters = _understood(model)
    stages = known.stages(configuration)

    manifest = circumstances()
    manifest["class"] = type(model).__qualname__
    manifest["seed"] = seed
    manifest["parameters"] = {name: _facts(tensor) for name, tensor in parameters.items()}
    manifest["cases"] = []
    with container.creating(path) as output, _evaluating(model):
        file = output.file
        group = output.group(file, "cases")
        for index, batch in enumerate(itertools.islice(_cases(inputs, len(known.inputs)), cases)):
            arguments = _arguments(batch, known, configuration, f"case {index}")
            trace = _traced(model, stages, parameters, arguments, index)
            _write_case(output, output.group(group, f"{index:04}"), arguments, trace)
            manifest["cases"].append(
                {
                    "inputs": {name: list(value.shape) for name, value in arguments.items()},
                    "model_output": trace.agreement,
                }
            )
        if not manifest["cases"]:
            raise Refused("cannot record", ["the inputs hold no case"])
        file.attrs["format"] = FORMAT
        file.attrs["producer"] = PRODUCER
        describe_model(file, known, configuration)
        file.attrs["manifest"] = text(manifest)


def _facts(tensor: Tensor) -> Dict[str, Any]:
    return {
        "dtype": dtypes.name_of(tensor.dtype),
        "shape": list(tensor.shape),
        "sha256": container.sha256_of(tensor),
    }


def _understood(
    model: torch.nn.Module,
) -> Tuple[registry.KnownModel, registry.Configuration, Values]:
    """The known model that `model` is, its sizes, and its parameters."""
    state = model.state_dict()
    found, misfits = registry.recognise(state, model)
    if found is None:
        raise Refused(f"no stages are known for this {type(model).__name__}", misfits)
    problems = []
    for name, tensor in state.items():
        if tensor.dtype != torch.float32:
            kind = dtypes.name_of(tensor.dtype)
            problems.append(
                f"'{name}' is {kind}: a reference is computed by a float32 model, see model.float()"
            )
        elif tensor.device.type != "cpu":
            problems.append(
                f"'{name}' is on device {tensor.device}: move the model with model.cpu()"
            )
    if problems:
        raise Refused(f"cannot record this {type(model).__name__}", problems)
    return (*found, dict(state))


@contextlib.contextmanager
def _evaluating(model: torch.nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            yield
    finally:
        for module, training in modes:
            module.training = training


def _cases(inputs: Inputs, count: int) -> Iterator[Any]:
    """One case for a tensor, a tuple of `count` tensors or a mapping; else what is iterated."""
    if isinstance(inputs, (Tensor, Mapping)):
        return iter([inputs])
    if isinstance(inputs, tuple):
        extra = [type(item).__name__ for item in inputs if not isinstance(item, Tensor)]
        if extra:
            problem = (
                f"a tuple holds the arguments of one case, not a {extra[0]}; use a list for cases"
            )
            raise Refused("cannot record", [problem])
        if len(inputs) != count:
            problem = f"the model takes {count} argument(s), and the tuple holds {len(inputs)}"
            raise Refused("cannot record", [problem])
        return iter([inputs])
    if isinstance(inputs, (str, bytes)) or not isinstance(inputs, Iterable):
        kind = type(inputs).__name__
        raise TypeError(
            f"inputs are tensors, or tuples, dicts or iterables of tensors, not a {kind}"
        )
    return iter(inputs)


def _arguments(
    batch: Any, known: registry.KnownModel, configuration: registry.Configuration, where: str
) -> Values:
    """The model's arguments in a batch, by name; what follows them in a sequence is left out."""
    names = list(known.inputs)
    problems: List[str] = []
    if isinstance(batch, Tensor):
        batch = [batch]
    if isinstance(batch, Mapping):
        given = dict(batch)
        problems += [f"{known.name} has no input '{name}'" for name in given if name not in names]
    elif isinstance(batch, Sequence) and not isinstance(batch, (str, bytes)):
        given = dict(zip(names, batch))
    else:
        given = {}
        problems.append(
            f"a case is a tensor, a tuple, a list or a dict, not {type(batch).__name__}"
        )
    arguments: Values = {}
    for name in names:
        reason = _problem_with_input(given.get(name), known.inputs[name], configuration)
        if reason:
            problems.append(f"input '{name}' {reason}")
        else:
            # A copy, so that a model that works in place cannot change what is recorded.
            arguments[name] = given[name].detach().cpu().clone()
    if problems:
        raise Refused(f"cannot record {where}", problems)
    return arguments


def _problem_with_input(
    value: Any, allowed: Sequence[Tuple[Any, ...]], configuration: registry.Configuration
) -> Optional[str]:
    if value is None:
        return "is missing"
    if not isinstance(value, Tensor):
        return f"is of type {type(value).__name__}, not a tensor"
    if value.dtype != torch.float32:
        return f"is {value.dtype}, not torch.float32"
    if value.is_meta or value.layout != torch.strided:
        return "is not a dense tensor with elements"
    if any(registry.fit(shape, value.shape, dict(configuration)) is None for shape in allowed):
        return None if bool(torch.isfinite(value).all()) else "holds values that are not finite"
    forms = " or ".join(
        registry.described([configuration.get(size, size) for size in shape]) for shape in allowed
    )
    return f"has shape {registry.described(value.shape)}, not {forms}"


class _Trace:
    """The stages of one case in both precisions, and how `model(x)` agrees with them."""

    def __init__(self, single: Values, double: Values, agreement: str) -> None:
        self.single = single
        self.double = double
        self.agreement = agreement


def _traced(
    model: torch.nn.Module,
    stages: Sequence[registry.Stage],
    parameters: Values,
    arguments: Values,
    index: int,
) -> _Trace:
    values = {**parameters, **arguments}
    wide = {name: value.double() for name, value in values.items()}
    single = registry.run(stages, values)
    double = registry.run(stages, wide)
    for name, value in single.items():
        count = int((~torch.isfinite(value)).sum())
        if count:
            raise Refused(
                f"cannot record case {index}",
                [f"stage '{name}' holds {count} values that are not finite, of {value.numel()}"],
            )
    output = model(*(value.clone() for value in arguments.values()))
    where = f"case {index}, stage '{stages[-1].name}'"
    agreement = _agreement(output, single[stages[-1].name], where)
    if agreement is None:
        bound = registry.output_error(stages, wide, double)
        _demand_rounding(output, double[stages[-1].name], bound, where)
        agreement = "rounding"
    return _Trace(single, double, agreement)


def _agreement(output: Any, expected: Tensor, where: str) -> Optional[str]:
    """ "identical" if the output has the expected bits, None if it differs in values alone."""
    if not isinstance(output, Tensor):
        raise Disagreement(f"{where}: model(x) returned a {type(output).__name__}, not a tensor")
    if output.shape != expected.shape or output.dtype != expected.dtype:
        raise Disagreement(
            f"{where}: model(x) returned {output.dtype} {registry.described(output.shape)}, "
            f"and the stages give {expected.dtype} {registry.described(expected.shape)}"
        )
    return "identical" if container.sha256_of(output) == container.sha256_of(expected) else None


def _demand_rounding(output: Tensor, exact: Tensor, bound: Tensor, where: str) -> None:
    difference = (output.double() - exact).abs()
    beyond = ~(difference <= bound)  # a NaN is beyond every bound
    if not bool(beyond.any()):
        return
    place = tuple(torch.nonzero(beyond)[0].tolist())
    raise Disagreement(
        f"{where}{list(place)}: model(x) gives {output[place].item():.9g}, and the stages give "
        f"{exact[place].item():.9g}; the difference is {difference[place].item():.3g}, "
        f"of which rounding explains at most {bound[place].item():.3g} "
        f"({int(beyond.sum())} of {output.numel()} values are beyond their bound). "
        "The model computes something else than its stages, or with less precision than float32."
    )


def _write_case(
    output: container.Container, group: h5py.Group, arguments: Values, trace: _Trace
) -> None:
    inputs = output.group(group, "inputs")
    for name, value in arguments.items():
        output.write(inputs, name, value)
    stages = output.group(group, "stages")
    for name, value in trace.single.items():
        stage = output.group(stages, name)
        output.write(stage, "f32", value)
        output.write(stage, "f64", trace.double[name])
