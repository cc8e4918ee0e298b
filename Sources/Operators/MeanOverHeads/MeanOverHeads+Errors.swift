internal import TensorFerryTensors

extension MeanOverHeads {
  /// The average of the errors, and the rounding for terms of the largest size.
  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let heads = operands[0].shape[1]
    let (x, errors) = (operands[0].values, errors[0]?.values)
    var result = [Double](repeating: 0, count: output.count)
    forEachSlice(operands[0].shape) { offset, slice in
      let movement = slice.reduce(0) { $0 + (errors?[$1] ?? 0) } / Double(heads)
      let magnitude = slice.reduce(0) { $0 + x[$1].magnitude } / Double(heads)
      let rounded = rounding.boundOfSum(terms: heads, extra: 2, magnitude: magnitude + movement)
      result[offset] = (movement + rounded) * Rounding.outward(heads)
    }
    return try ArrayView(result, shape: output.shape)
  }
}
