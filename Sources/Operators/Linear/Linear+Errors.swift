internal import TensorFerryTensors

extension Linear {
  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    guard errors.dropFirst().allSatisfy({ $0 == nil }) else { return nil }
    let start = UnsafePointer(operands[0].elements.baseAddress!)
    let inputErrors = errors[0].map { UnsafePointer($0.elements.baseAddress!) }
    var result = [Double](repeating: 0, count: output.count)
    forEachElement(operands) { offset, bias, terms in
      let (movement, magnitude, _) = terms.spread(inputErrors.map { $0 + (terms.left - start) }, nil)
      let rounded = rounding.boundOfSum(
        terms: terms.count, bias: bias != nil, magnitude: magnitude + (bias ?? 0).magnitude)
      result[offset] = (movement + rounded) * Rounding.outward(terms.count)
    }
    return try ArrayView(result, shape: output.shape)
  }
}
