internal import TensorFerryTensors

extension BatchedProduct {
  /// That of a sum. A scale rounds each factor once more; it is itself off by up to some units, the same for all
  /// results.
  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let result = try MutableArrayView<Double>(shape: output.shape)
    let (sums, deviations) = (output.elements, result.elements)
    let isScaled = scale != .one
    withExtendedLifetime((operands, output)) {
      forEachElement(operands, output.shape) { offset, terms in
        let factor = scale.factor(terms.count)
        var variance = rounding.varianceOfSum(
          terms: terms.count, squares: terms.squares * factor * factor, sum: sums[offset], extra: isScaled ? 2 : 0)
        var underflow = rounding.underflow(2 * terms.count + 1)
        if isScaled {
          variance +=
            6 * (rounding.step * rounding.step + Rounding.float64.step * Rounding.float64.step)
            * (sums[offset] * sums[offset])
          underflow += rounding.leastNonzero * terms.magnitudeOfFactors
        }
        deviations[offset] = variance.squareRoot() + underflow
      }
    }
    return result.finished()
  }
}
