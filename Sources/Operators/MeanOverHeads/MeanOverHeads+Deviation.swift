internal import TensorFerryTensors

extension MeanOverHeads {
  /// That of a sum, with two roundings more: of the division, or of a product with a rounded reciprocal.
  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let heads = operands[0].shape[1]
    let result = try MutableArrayView<Double>(shape: output.shape)
    let (sums, deviations) = (output.elements, result.elements)
    withExtendedLifetime((operands, output)) {
      let x = operands[0].elements
      forEachSlice(operands[0].shape) { offset, slice in
        let squares = slice.reduce(0) { $0 + x[$1] * x[$1] } / Double(heads * heads)
        deviations[offset] =
          (rounding.varianceOfSum(terms: heads, squares: squares, sum: sums[offset])
          + 2 * rounding.step * rounding.step * sums[offset] * sums[offset]).squareRoot()
          + rounding.underflow(heads + 2)
      }
    }
    return result.finished()
  }
}
