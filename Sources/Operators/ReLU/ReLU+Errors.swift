internal import TensorFerryTensors

extension ReLU {
  /// What is above 0 moves as its operand does, what is below only as far as that may rise above 0. Nothing is rounded.
  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    guard let errors = errors[0]?.values else { return try MutableArrayView<Double>(shape: output.shape).finished() }
    return try ArrayView(
      zip(operands[0].values, errors).map { x, error in x < 0 ? max(0, x + error) * Rounding.outward(1) : error },
      shape: output.shape)
  }
}
