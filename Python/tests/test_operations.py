"""The bounds hold for what torch computes, and are not vacuous."""

from __future__ import annotations

import pytest
import torch
from models import Positions, SelfAttention

from tensorferry import registry


def traces(model, x):
    """float32 results, float64 results and the bound of the output."""
    state = dict(model.state_dict())
    (known, configuration), _ = registry.recognise(state, model)
    stages = known.stages(configuration)
    values = {**state, "x": x}
    wide = {name: value.double() for name, value in values.items()}
    double = registry.run(stages, wide)
    return registry.run(stages, values), double, registry.output_error(stages, wide, double)


def output(results):
    return list(results.values())[-1]


@pytest.mark.parametrize("seed", range(40))
def test_the_float32_output_is_inside_its_bound(seed):
    generator = torch.Generator().manual_seed(seed)

    def draw(low, high):
        return int(torch.randint(low, high, (), generator=generator))

    model = Positions(draw(1, 300), draw(1, 100), draw(1, 20))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 10.0 ** draw(-8, 3))
    x = torch.randn(draw(1, 5), draw(1, 50), model.fc.in_features, generator=generator)
    single, double, bound = traces(model, x * 10.0 ** draw(-12, 6))
    difference = (output(single).double() - output(double)).abs()
    assert bool((difference <= bound).all()) and not bool(bound.isnan().any())


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("scale", [1e-10, 1.0, 30.0])
def test_the_self_attention_output_is_inside_its_bound(scaled, scale):
    x = torch.randn(2, 19, 8, generator=torch.Generator().manual_seed(1)) * scale
    model = SelfAttention(scaled)
    _, double, bound = traces(model, x)
    assert bool(((model(x).double() - output(double)).abs() <= bound).all())


def test_the_bound_is_small_beside_the_output():
    torch.manual_seed(2)
    _, double, bound = traces(Positions(64, 32, 10), torch.randn(4, 5, 64))
    assert float(bound.max()) < 1e-3 * float(output(double).abs().max())


def test_scores_that_are_far_apart_give_a_finite_bound():
    model = Positions(3, 2, 2)
    with torch.no_grad():
        model.attention.weight.mul_(1e6)
    _, _, bound = traces(model, torch.randn(2, 4, 3))
    assert bool(torch.isfinite(bound).all())
