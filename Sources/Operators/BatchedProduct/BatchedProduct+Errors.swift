internal import TensorFerryTensors

extension BatchedProduct {
  /// Each term may move by what its factors do; the sum is rounded, and scaled, for terms of the largest size.
  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let starts = operands.map { UnsafePointer($0.elements.baseAddress!) }
    let places = errors.map { $0.map { UnsafePointer($0.elements.baseAddress!) } }
    var result = [Double](repeating: 0, count: output.count)
    forEachElement(operands, output.shape) { offset, terms in
      let (movement, magnitude, factors) = terms.spread(
        places[0].map { $0 + (terms.left - starts[0]) }, places[1].map { $0 + (terms.right - starts[1]) })
      let factor = scale.factor(terms.count)
      var error =
        movement * factor
        + rounding.boundOfSum(terms: terms.count, extra: scaleRoundings, magnitude: magnitude * factor)
      if scale != .one { error += rounding.leastNonzero * factors }
      result[offset] = error * Rounding.outward(terms.count)
    }
    return try ArrayView(result, shape: output.shape)
  }
}
