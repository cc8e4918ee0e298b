internal import TensorFerryTensors

extension WeightedSum {
  /// That of a sum.
  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let result = try MutableArrayView<Double>(shape: output.shape)
    let (sums, deviations) = (output.elements, result.elements)
    withExtendedLifetime((operands, output)) {
      forEachElement(operands) { offset, terms in
        deviations[offset] = rounding.deviationOfSum(terms: terms.count, squares: terms.squares, sum: sums[offset])
      }
    }
    return result.finished()
  }
}
