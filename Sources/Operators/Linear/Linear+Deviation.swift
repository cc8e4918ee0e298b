internal import TensorFerryTensors

extension Linear {
  /// That of a sum. Nothing is known of weights that each side computed on its own.
  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    guard rounding.weightDifference == 0 else { return nil }
    let result = try MutableArrayView<Double>(shape: output.shape)
    let (sums, deviations) = (output.elements, result.elements)
    withExtendedLifetime((operands, output)) {
      let terms = operands[1].shape[1]
      forEachSum(of: Square.self, operands) { offset, bias, squares in
        deviations[offset] = rounding.deviationOfSum(terms: terms, squares: squares, sum: sums[offset], bias: bias)
      }
    }
    return result.finished()
  }
}
