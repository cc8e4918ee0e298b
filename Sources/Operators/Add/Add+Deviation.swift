internal import TensorFerryTensors

extension Add {
  /// That of one rounding. The oracle's is the same one in float64.
  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let deviations = output.values.map { rounding.step * $0.magnitude + rounding.underflow(1) }
    return try ArrayView(deviations, shape: output.shape)
  }
}
