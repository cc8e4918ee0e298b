"""The right class of each sample of a recorded case."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence, Union

import torch
from torch import Tensor

from . import registry
from .errors import Refused

Labels = Union[None, bool, Tensor, Iterable[Any]]

_END = object()


def given(
    labels: Labels, known: registry.KnownModel, configuration: registry.Configuration
) -> Optional[GivenLabels]:
    """The labels as `record` takes them; None if there are none."""
    if labels is None or labels is False:
        return None
    if "num_classes" not in configuration:
        raise Refused("cannot record labels", [f"{known.name} is no classifier"])
    if labels is True:
        return GivenLabels(known, None)
    return GivenLabels(known, iter([labels] if isinstance(labels, Tensor) else labels))


class GivenLabels:
    """Labels that come case by case, or with the cases."""

    def __init__(self, known: registry.KnownModel, each: Optional[Iterator[Any]]) -> None:
        self._known = known
        self._each = each

    def of(self, batch: Any, index: int, logits: Tensor) -> Tensor:
        """The labels of a case as int64, of shape [B]."""
        value = self._following(batch) if self._each is None else next(self._each, _END)
        problem = _problem(value, *logits.shape)
        if problem:
            raise Refused(f"cannot record case {index}", [f"the labels {problem}"])
        return torch.as_tensor(value).detach().cpu().to(torch.int64)

    def demand_end(self, count: int) -> None:
        """Refuses labels that belong to no case."""
        if self._each is not None and next(self._each, _END) is not _END:
            raise Refused("cannot record", [f"there are labels for more than {count} case(s)"])

    def _following(self, batch: Any) -> Any:
        """What stands behind the arguments, and the masks, in a case."""
        if isinstance(batch, (Tensor, Mapping)) or not isinstance(batch, Sequence):
            return _END
        place = len(self._known.inputs)
        for value in batch[place : place + len(self._known.masks)]:
            if not isinstance(value, Tensor) or value.dtype != torch.bool:
                break
            place += 1
        return batch[place] if place < len(batch) else _END


def _problem(value: Any, samples: int, classes: int) -> Optional[str]:
    if value is _END:
        return "are missing"
    try:
        labels = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        return f"are of type {type(value).__name__}, not a tensor of whole numbers"
    if labels.dtype == torch.bool or labels.is_floating_point() or labels.is_complex():
        return f"are {labels.dtype}, not whole numbers"
    if tuple(labels.shape) != (samples,):
        return f"have shape {registry.described(labels.shape)}, not [{samples}]"
    beyond = ((labels < 0) | (labels >= classes)).nonzero().flatten().tolist()
    if beyond:
        number = int(labels[beyond[0]])
        return f"hold {number} for sample {beyond[0]}, and the classes are 0 to {classes - 1}"
    return None
