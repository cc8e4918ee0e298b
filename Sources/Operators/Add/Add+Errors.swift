internal import TensorFerryTensors

extension Add {
  /// The errors of the operands add up, and the sum, which may be as much larger, is rounded once.
  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let (left, right, sums) = (errors[0]?.values, errors[1]?.values, output.values)
    let growth = rounding.gamma(1) + Rounding.float64.gamma(1)
    return try ArrayView(
      sums.indices.map { i in
        let movement = (left?[i] ?? 0) + (right?[i] ?? 0)
        return (movement + growth * (sums[i].magnitude + movement) + rounding.leastNonzero) * Rounding.outward(1)
      }, shape: output.shape)
  }
}
