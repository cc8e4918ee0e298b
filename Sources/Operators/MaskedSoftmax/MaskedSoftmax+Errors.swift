internal import TensorFerryTensors

extension MaskedSoftmax {
  /// That of ``Softmax`` over the positions that are left. The others are exactly 0 on every side; nothing is known of a
  /// slice that is ignored as a whole.
  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    guard errors[1] == nil else { return nil }
    let errors = try errors[0] ?? MutableArrayView<Double>(shape: output.shape).finished()
    var result = [Double](repeating: 0, count: output.count)
    withExtendedLifetime((errors, output)) {
      forEachSlice(operands) { slice, isIgnored in
        let left = slice.enumerated().compactMap { isIgnored[$0] ? nil : $1 }
        if left.isEmpty { for offset in slice { result[offset] = .infinity } }
        rounding.boundSoftmax(
          at: left, operands[0].elements, output.elements, errors: errors.elements, into: &result)
      }
    }
    return try ArrayView(result, shape: output.shape)
  }
}
