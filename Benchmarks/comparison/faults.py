"""What can be wrong with a model: changes of its state, and programs that compute one operation
otherwise; each with the first stage at which it must show."""

from __future__ import annotations

import torch
import transformer_mutants
from tensorferry import operations


def every(change):
    return lambda state: {name: change(value) for name, value in state.items()}


def only(name, change):
    return lambda state: {**state, name: change(state[name].clone())}


def at(*place):
    """A change of one element."""

    def changing(change):
        def changed(value):
            value[place] = change(value[place])
            return value

        return changed

    return changing


def reordered(axis, order):
    return lambda value: value.index_select(axis, torch.tensor(order(value.shape[axis])))


def swapped(first, second):
    def order(count):
        places = list(range(count))
        places[first], places[second] = second, first
        return places

    return order


def halves(count):
    return [*range(count // 2, count), *range(count // 2)]


def bits(value, mask):
    return (value.contiguous().view(torch.int32) & mask).view(torch.float32)


def bytes_swapped(value):
    return torch.from_numpy(value.numpy().byteswap())


def up(value):
    return torch.nextafter(value, torch.tensor(torch.inf))


def through_int8(value):
    scale = value.abs().max() / 127
    return (value / scale).round() * scale


def later(value):
    noise = torch.randn(value.shape, generator=torch.Generator().manual_seed(8))
    return value + 4e-5 * value.std(correction=0) * noise


def through(dtype):
    return lambda value: value.to(dtype).float()


def both(*changes):
    def changed(state):
        for change in changes:
            state = change(state)
        return state

    return changed


SCORES, OUTPUT = "attention_scores", "output"
ONE = at(13, 21)

CLASSIFIER = {
    "nothing": (dict, None),
    "all weights rounded to bfloat16": (every(through(torch.bfloat16)), "fc"),
    "all weights cut off to bfloat16": (every(lambda value: bits(value, -(2**16))), "fc"),
    "all weights rounded to float16": (every(through(torch.float16)), "fc"),
    "all weights cut off to TF32": (every(lambda value: bits(value, -(2**13))), "fc"),
    "`fc.weight` quantised to int8 and restored": (only("fc.weight", through_int8), "fc"),
    "every weight one unit of the last place up": (every(up), "fc"),
    "weights of another step of training": (every(later), "fc"),
    "`fc.weight` transposed": (only("fc.weight", lambda value: value.T.contiguous()), "fc"),
    "two rows of `fc.weight` swapped": (only("fc.weight", reordered(0, swapped(3, 4))), "fc"),
    "two columns of `fc.weight` swapped": (only("fc.weight", reordered(1, swapped(3, 4))), "fc"),
    "halves of the rows of `fc.weight` in the wrong order": (
        only("fc.weight", reordered(0, halves)),
        "fc",
    ),
    "halves of the columns of `fc.weight` in the wrong order": (
        only("fc.weight", reordered(1, halves)),
        "fc",
    ),
    "two units of `fc` swapped": (
        both(*(only(f"fc.{part}", reordered(0, swapped(3, 4))) for part in ("weight", "bias"))),
        "fc",
    ),
    "`fc.weight[13, 21]` × 1.01": (only("fc.weight", ONE(lambda value: value * 1.01)), "fc"),
    "`fc.weight[13, 21]` × 1.001": (only("fc.weight", ONE(lambda value: value * 1.001)), "fc"),
    "`fc.weight[13, 21]` × 1.0001": (only("fc.weight", ONE(lambda value: value * 1.0001)), "fc"),
    "`fc.weight[46, 21]`, a small one, × 1.01": (
        only("fc.weight", at(46, 21)(lambda value: value * 1.01)),
        "fc",
    ),
    "`fc.weight[13, 21]` one unit of the last place up": (only("fc.weight", ONE(up)), "fc"),
    "`fc.weight[13, 21]` = 0": (only("fc.weight", ONE(lambda value: 0)), "fc"),
    "`fc.weight[13, 21]` with the other sign": (only("fc.weight", ONE(lambda value: -value)), "fc"),
    "`fc.bias` missing": (only("fc.bias", torch.zeros_like), "fc"),
    "`attention.weight` × 0.999": (only("attention.weight", lambda value: value * 0.999), SCORES),
    "`attention.bias` missing": (only("attention.bias", torch.zeros_like), SCORES),
    "`attention.bias` byte-swapped": (only("attention.bias", bytes_swapped), SCORES),
    "`classifier.weight[2, 9]` × 1.001": (
        only("classifier.weight", at(2, 9)(lambda value: value * 1.001)),
        OUTPUT,
    ),
    "two classes swapped": (
        both(
            *(
                only(f"classifier.{part}", reordered(0, swapped(3, 4)))
                for part in ("weight", "bias")
            )
        ),
        OUTPUT,
    ),
    "`classifier.bias` missing": (only("classifier.bias", torch.zeros_like), OUTPUT),
    "`classifier.bias` shifted by one": (
        only("classifier.bias", lambda value: value.roll(1)),
        OUTPUT,
    ),
}

# Programs that compute one operation otherwise.
CLASSIFIER_PROGRAMS = {
    "softmax over the batch": (
        operations.Softmax,
        lambda _, s: torch.softmax(s, 0),
        "attention_weights",
    ),
    "mean instead of attention": (
        operations.Softmax,
        lambda _, s: torch.full_like(s, 1 / s.shape[1]),
        "attention_weights",
    ),
    "scores divided by a root that training did not have": (
        operations.Softmax,
        lambda _, s: torch.softmax(s / 8, 1),
        "attention_weights",
    ),
}

LAYER = transformer_mutants.LAYER
SIZE = 12  # of the transformer


def rows_of_in_proj(start, change):
    def changed(value):
        value[start : start + SIZE] = change(value[start : start + SIZE])
        return value

    return changed


TRANSFORMER = {
    "nothing": (dict, None),
    "joint projection rounded to bfloat16": (
        only(LAYER + "self_attn.in_proj_weight", through(torch.bfloat16)),
        "self_attn.q",
    ),
    "queries and keys swapped": transformer_mutants.WEIGHTS["queries-and-keys-swapped"],
    "bias of the keys missing": (
        only(LAYER + "self_attn.in_proj_bias", rows_of_in_proj(SIZE, torch.zeros_like)),
        "self_attn.k",
    ),
    "bias of the keys of another layer": (
        only(LAYER + "self_attn.in_proj_bias", rows_of_in_proj(SIZE, lambda value: value.flip(0))),
        "self_attn.k",
    ),
    "`norm1.weight` rounded to bfloat16": (
        only(LAYER + "norm1.weight", through(torch.bfloat16)),
        "norm1",
    ),
    "`linear1.weight[5, 9]` × 1.0001": (
        only(LAYER + "linear1.weight", at(5, 9)(lambda value: value * 1.0001)),
        "linear1",
    ),
}
TRANSFORMER_OPTIONS = {
    "ReLU for GELU": ({"activation": "relu"}, "activation"),
    "eps 1e-4 for 1e-5": ({"layer_norm_eps": 1e-4}, "norm1"),
    "norms before for after": ({"norm_first": True}, "norm1"),
}
TRANSFORMER_PROGRAMS = {
    "GELU by tanh": transformer_mutants.OPERATIONS["gelu-by-tanh"],
    "scores not divided by the root": transformer_mutants.OPERATIONS["scores-not-scaled"],
    "padding mask ignored": transformer_mutants.OPERATIONS["mask-ignored"],
    "padding mask inverted": transformer_mutants.OPERATIONS["mask-inverted"],
    "heads in another order": transformer_mutants.OPERATIONS["heads-in-other-order"],
}
