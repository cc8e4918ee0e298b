internal import TensorFerryTensors

extension Operator {
  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? { nil }
}

extension Terms {
  /// What errors of the factors make of a sum of products: how far the sum may move, and the sum of the absolute values
  /// that its terms may have, and of its factors.
  ///
  /// A product `ab` moves by at most `|a| eb + ea |b| + ea eb`. A left factor that is exactly 0, as the weight of a
  /// position that a mask ignores, makes a term of 0 whatever is known of the other.
  ///
  /// - Parameters:
  ///   - leftErrors: of the factors, laid out as they are; nil for none.
  func spread(
    _ leftErrors: UnsafePointer<Double>?, _ rightErrors: UnsafePointer<Double>?
  ) -> (movement: Double, magnitude: Double, factors: Double) {
    var (movement, magnitude, factors) = (0.0, 0.0, 0.0)
    var i = 0
    while i < count {
      let (a, b) = (left[i].magnitude, right[i * step].magnitude)
      let (ea, eb) = (leftErrors?[i] ?? 0, rightErrors?[i * step] ?? 0)
      if a != 0 || ea != 0 {
        movement += a * eb + ea * b + ea * eb
        magnitude += (a + ea) * (b + eb)
      }
      factors += a + ea + b + eb
      i += 1
    }
    return (movement, magnitude, factors)
  }
}

extension StageGraph {
  /// For each element of the output, how far a whole pass that rounds as `rounding` says may be from the oracle's; nil if
  /// an operator on the way does not tell what errors of its operands make of its result.
  ///
  /// - Parameters:
  ///   - values: of all inputs, parameters and stages, as the oracle has them. Inputs and parameters have no error.
  ///   - rounding: of each stage.
  /// - Returns: also the first operator that does not tell.
  package func boundOfOutput(
    _ values: [ValueName: ArrayView<Double>], _ rounding: (Stage) -> Rounding
  ) throws -> (bound: ArrayView<Double>?, unknown: Stage?) {
    var errors: [String: ArrayView<Double>] = [:]
    var unknown: Stage?
    for stage in stages {
      let known = stage.operands.allSatisfy { if case .stage(let name) = $0 { errors[name] != nil } else { true } }
      guard known else { continue }
      let operandErrors = stage.operands.map { operand -> ArrayView<Double>? in
        if case .stage(let name) = operand { errors[name] } else { nil }
      }
      let operands = stage.operands.map { values[$0]! }
      errors[stage.name] = try withExtendedLifetime((operands, operandErrors)) {
        try stage.operation.boundOfAll(
          operands, errors: operandErrors, output: values[.stage(stage.name)]!, rounding(stage))
      }
      if errors[stage.name] == nil, unknown == nil { unknown = stage }
    }
    return (errors[output], errors[output] == nil ? unknown : nil)
  }
}
