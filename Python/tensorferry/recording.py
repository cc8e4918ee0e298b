"""`record`: what a model computes, stage by stage, to a `tensorferry.reference/1` file."""

from __future__ import annotations

import contextlib
import copy
import itertools
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from . import container, dtypes, labels as labelling, operations, probes as probing, registry
from .depths import Depths
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
    probes: bool = True,
    labels: labelling.Labels = None,
    depths: bool = False,
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
        path: an HDF5 file, or one of numpy's archives if the name ends in `.npz`; replaced if it
            exists, once the new file is complete.
        cases: the most cases to take from an iterable; all if None.
        seed: written to the manifest, for those who want to make the same inputs again.
        probes: also write what each linear stage computes in float64 from 2 (n + 1) rows of n
            features that a verifier makes again, so that it can prove the parameters equal bit for
            bit. Takes 16 (n + 1) bytes for each output of a stage; stages that would take more than
            64 MiB, or all together more than 256 MiB, have none, which the manifest says.
        labels: of a classifier, the right class of each sample: whole numbers of shape [B], a
            tensor for one case, else an iterable with one for each case; or True for what follows
            the arguments in each case, as in the batches of a `DataLoader`. A verifier then tells
            the accuracy.
        depths: also find out, by probing, how many additions one term goes through at most in each
            stage that sums products, with these shapes and threads; a verifier's bounds on the
            float32 values are tighter then. Takes about as many runs of a stage as three times the
            number of its features.

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
    measured = Depths(stages) if depths else None
    with container.recording(path) as output, _evaluating(model):
        file = output.file
        group = output.group(file, "cases")
        given = labelling.given(labels, known, configuration)
        for index, batch in enumerate(itertools.islice(_cases(inputs, known), cases)):
            arguments, masks = _arguments(batch, known, configuration, f"case {index}")
            values = {**parameters, **masks, **arguments}
            trace = _traced(model, known, stages, values, arguments, index)
            if measured is not None:
                measured.add({**values, **trace.single})
            case = output.group(group, f"{index:04}")
            _write_case(output, case, arguments, trace)
            if given is not None:
                classes = given.of(batch, index, trace.single[stages[-1].name])
                output.write(case, "labels", classes)
            manifest["cases"].append(
                {
                    "inputs": {name: list(value.shape) for name, value in arguments.items()},
                    "model_output": trace.agreement,
                }
            )
        if probes:
            manifest["probes"] = _write_probes(output, stages, parameters)
        if measured is not None:
            manifest["depths"] = measured.found
        if not manifest["cases"]:
            raise Refused("cannot record", ["the inputs hold no case"])
        if given is not None and cases is None:
            given.demand_end(len(manifest["cases"]))
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


def _cases(inputs: Inputs, known: registry.KnownModel) -> Iterator[Any]:
    """One case for a tensor, a tuple of the arguments or a mapping; else what is iterated."""
    count, most = len(known.inputs), len(known.inputs) + len(known.masks)
    if isinstance(inputs, (Tensor, Mapping)):
        return iter([inputs])
    if isinstance(inputs, tuple):
        extra = [type(item).__name__ for item in inputs if not isinstance(item, Tensor)]
        if extra:
            problem = (
                f"a tuple holds the arguments of one case, not a {extra[0]}; use a list for cases"
            )
            raise Refused("cannot record", [problem])
        if not count <= len(inputs) <= most:
            takes = f"{count}" if count == most else f"{count} to {most}"
            problem = f"the model takes {takes} argument(s), and the tuple holds {len(inputs)}"
            raise Refused("cannot record", [problem])
        names = [*known.inputs, *known.masks]
        return iter([dict(zip(names, inputs))])
    if isinstance(inputs, (str, bytes)) or not isinstance(inputs, Iterable):
        kind = type(inputs).__name__
        raise TypeError(
            f"inputs are tensors, or tuples, dicts or iterables of tensors, not a {kind}"
        )
    return iter(inputs)


def _arguments(
    batch: Any, known: registry.KnownModel, configuration: registry.Configuration, where: str
) -> Tuple[Values, Values]:
    """The model's arguments in a batch, by name, and masks of nothing for those that are absent.

    What follows the arguments in a sequence is left out. A mask is an argument if it is a tensor
    of bool: labels stand in the same place.
    """
    names = [*known.inputs, *known.masks]
    problems: List[str] = []
    if isinstance(batch, Tensor):
        batch = [batch]
    if isinstance(batch, Mapping):
        given = dict(batch)
        problems += [f"{known.name} has no input '{name}'" for name in given if name not in names]
    elif isinstance(batch, Sequence) and not isinstance(batch, (str, bytes)):
        given = dict(zip(known.inputs, batch))
        for name, value in zip(known.masks, batch[len(known.inputs) :]):
            if not isinstance(value, Tensor) or value.dtype != torch.bool:
                break
            given[name] = value
    else:
        given = {}
        problems.append(
            f"a case is a tensor, a tuple, a list or a dict, not {type(batch).__name__}"
        )
    arguments: Values = {}
    sizes = dict(configuration)  # and those that inputs share, such as the number of samples
    for name in names:
        if name in known.masks:
            if given.get(name) is None:
                continue
            reason = _problem_with_mask(given[name], known.masks[name], sizes)
        else:
            reason = _problem_with_input(given.get(name), known.inputs[name], sizes)
        if reason:
            problems.append(f"input '{name}' {reason}")
        else:
            # A copy, so that a model that works in place cannot change what is recorded.
            arguments[name] = given[name].detach().cpu().clone()
    if problems:
        raise Refused(f"cannot record {where}", problems)
    masks = {
        name: torch.zeros([sizes[size] for size in shape], dtype=torch.bool)
        for name, shape in known.masks.items()
        if name not in arguments
    }
    return arguments, masks


def _problem_with_mask(value: Any, shape: Tuple[Any, ...], sizes: Dict[str, Any]) -> Optional[str]:
    if not isinstance(value, Tensor):
        return f"is of type {type(value).__name__}, not a tensor"
    if value.dtype != torch.bool:
        return f"is {value.dtype}, not torch.bool"
    if value.is_meta or value.layout != torch.strided:
        return "is not a dense tensor with elements"
    wanted = registry.fit(shape, value.shape, sizes)
    if wanted is not None:
        return f"has shape {registry.described(value.shape)}, not {registry.described(wanted)}"
    if bool(value.all(dim=1).any()):
        return "ignores every position of a sample, whose result is not a number then"
    return None


def _problem_with_input(
    value: Any, allowed: Sequence[Tuple[Any, ...]], sizes: Dict[str, Any]
) -> Optional[str]:
    if value is None:
        return "is missing"
    if not isinstance(value, Tensor):
        return f"is of type {type(value).__name__}, not a tensor"
    if value.dtype != torch.float32:
        return f"is {value.dtype}, not torch.float32"
    if value.is_meta or value.layout != torch.strided:
        return "is not a dense tensor with elements"
    if any(registry.fit(shape, value.shape, sizes) is None for shape in allowed):
        return None if bool(torch.isfinite(value).all()) else "holds values that are not finite"
    forms = " or ".join(
        registry.described([sizes.get(size, size) for size in shape]) for shape in allowed
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
    known: registry.KnownModel,
    stages: Sequence[registry.Stage],
    values: Values,
    arguments: Values,
    index: int,
) -> _Trace:
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
    returned = _returned(model, known, stages, arguments)
    where = {name: f"case {index}, stage '{name}'" for name in returned}
    if all(_agreement(value, single[name], where[name]) for name, value in returned.items()):
        return _Trace(single, double, "identical")
    bounds = registry.stage_errors(stages, wide, double)
    for name, value in returned.items():
        _demand_rounding(value, double[name], bounds[name], where[name])
    if any(_says_little(bounds[name], double[name]) for name in returned):
        # What rounding can explain grows from layer to layer, what it does hardly so: in float64
        # the difference must be far less than that between the stages in float32 and in float64.
        # It would be 2^-29 of it; a million times as much is allowed.
        twice = _returned(copy.deepcopy(model).double(), known, stages, _widened(arguments))
        bounds = registry.stage_errors(stages, wide, double, operations.FLOAT64)
        for name, value in twice.items():
            place = where[name] + " in float64"
            _agreement(value, double[name], place)
            typical = (single[name].double() - double[name]).abs().max()
            typical = torch.maximum(typical, 2.0**-24 * double[name].abs().max())
            limit = torch.minimum(2 * bounds[name], 2.0**-9 * typical)
            _demand_rounding(value, double[name], limit, place)
    return _Trace(single, double, "rounding")


def _widened(arguments: Values) -> Values:
    return {
        name: value.double() if value.is_floating_point() else value
        for name, value in arguments.items()
    }


def _returned(
    model: torch.nn.Module,
    known: registry.KnownModel,
    stages: Sequence[registry.Stage],
    arguments: Values,
) -> Dict[str, Any]:
    """What `model(x)` returns, by the names of the stages that it must be."""
    output = model(*(value.clone() for value in arguments.values()))
    if known.second is None or not isinstance(output, tuple) or len(output) != 2:
        return {stages[-1].name: output}
    if output[1] is None:
        return {stages[-1].name: output[0]}
    return {stages[-1].name: output[0], known.second: output[1]}


def _says_little(bound: Tensor, exact: Tensor) -> bool:
    """True if the bound allows more than a thousandth of the largest value."""
    return float(bound.max()) > 1e-3 * float(exact.abs().max())


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
    output: Union[container.Container, container.Archive],
    group: Any,
    arguments: Values,
    trace: _Trace,
) -> None:
    inputs = output.group(group, "inputs")
    for name, value in arguments.items():
        output.write(inputs, name, value)
    stages = output.group(group, "stages")
    for name, value in trace.single.items():
        stage = output.group(stages, name)
        output.write(stage, "f32", value)
        output.write(stage, "f64", trace.double[name])


def _write_probes(
    output: Union[container.Container, container.Archive],
    stages: Sequence[registry.Stage],
    parameters: Values,
) -> Dict[str, Any]:
    """Writes the results of linear stages on probe rows; returns what the manifest says of them."""
    chosen, notes = probing.plan(stages, parameters)
    if chosen:
        group = output.group(output.file, "probes")
        output.file.attrs["probes"] = text({"generator": probing.GENERATOR, "seed": probing.SEED})
        with torch.no_grad():
            for stage in stages:
                if stage.name in chosen:
                    value = probing.result(stage, parameters, chosen[stage.name])
                    output.write(output.group(group, stage.name), "f64", value)
    return notes
