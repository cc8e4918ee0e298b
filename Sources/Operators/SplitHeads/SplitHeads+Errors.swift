internal import TensorFerryTensors

extension SplitHeads {
  /// Errors go where their elements go.
  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    var moved = try MutableArrayView<Double>(shape: output.shape)
    if let errors = errors[0] { withExtendedLifetime(errors) { forward([errors], into: &moved) } }
    return moved.finished()
  }
}
