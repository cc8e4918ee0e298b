"""How float32 sums are rounded by the kernels that torch chooses for them.

    deviations.py

prints, for each size and kernel, the length of the chain of additions that explains the
measured errors: in a chain of L, with partial sums on a random walk from 0 to the sum, they
have the variance (0.425 u)^2 (L (squares / 6 + sum^2 / 3) + squares).
`Rounding+Deviation.swift` has what follows from it. The Swift tests run `trials` of this file,
whose operations they judge.
"""

import torch

# (rows, outputs): matrix by matrix, matrix by vector, vector by matrix, few rows, few outputs.
SHAPES = ((64, 64), (512, 1), (1, 512), (7, 96), (160, 3))
TERMS = (1, 2, 3, 7, 16, 31, 64, 100, 256, 385, 768, 1024, 2048, 4096)


def operands(rows, outputs, terms, piles_up, generator):
    """Terms of both signs, which cancel, or of one sign, which pile up."""
    x = torch.randn(rows, terms, generator=generator, dtype=torch.float64).float()
    weight = torch.randn(outputs, terms, generator=generator, dtype=torch.float64).float()
    return (x.abs(), weight.abs()) if piles_up else (x, weight)


def chain(rows, outputs, terms, piles_up, generator):
    """The length of the chain that explains the mean square of the errors."""
    x, weight = operands(rows, outputs, terms, piles_up, generator)
    single = torch.nn.functional.linear(x, weight).double()
    exact = torch.nn.functional.linear(x.double(), weight.double())
    squares = x.double().square() @ weight.double().square().T
    error = ((single - exact) / (0.425 * 2.0**-24)).square().mean()
    return float((error - squares.mean()) / (squares / 6 + exact.square() / 3).mean())


def softmax(scores):
    return torch.softmax(scores, 1)


def weighted_sum(weights, values):
    return torch.bmm(weights.transpose(1, 2), values).squeeze(1)


def layer_norm(x, weight, bias):
    return torch.nn.functional.layer_norm(x, x.shape[-1:], weight, bias)


def trials(run):
    """Calls `run(operator, function, *operands)` for sums of all shapes and sizes."""
    generator = torch.Generator().manual_seed(20250301)
    for rows, outputs in SHAPES:
        for terms in TERMS:
            for piles_up in (False, True):
                x, weight = operands(min(rows, 64), outputs, terms, piles_up, generator)
                bias = torch.randn(outputs, generator=generator) * 3
                linear = torch.nn.functional.linear
                run("linear", linear, x, weight, bias)
                run("linear_without_bias", linear, x, weight)
    for positions in TERMS[:-2]:
        scores = torch.randn(4, positions, 1, generator=generator) * 3
        run("softmax_1", softmax, scores)
        values = torch.randn(4, positions, 40, generator=generator) + 0.5
        run("weighted_sum", weighted_sum, torch.softmax(scores, 1), values)
        x = torch.randn(8, positions + 1, generator=generator) * 2 + positions % 5
        weight = torch.randn(2, positions + 1, generator=generator)
        run("layer_norm", layer_norm, x, weight[0], weight[1])
    run("gelu", torch.nn.functional.gelu, torch.linspace(-9, 9, 4001))


def main():
    generator = torch.Generator().manual_seed(1)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    print("rows x outputs, terms: chain of terms that cancel, that pile up")
    for rows, outputs in SHAPES:
        for terms in TERMS[1:]:
            both = [chain(rows, outputs, terms, piles_up, generator) for piles_up in (False, True)]
            print(f"{rows} x {outputs}, {terms}: {both[0]:.0f}, {both[1]:.0f}")


if __name__ == "__main__":
    main()
