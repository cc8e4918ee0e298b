internal import TensorFerryOperators

/// Rows of a linear stage: exact inputs, the reference's float64 outputs, and what our parameters give for them.
struct LinearEvidence {
  let rows: Int
  let features: Int
  let outputs: Int
  /// `rows x features`.
  let inputs: [Double]
  /// `rows x outputs`, as this and the next two.
  let recorded: [Double]
  let oracle: [Double]
  /// How far `recorded` may be from `oracle` by the rounding of both sides.
  let bound: [Double]
  /// What `bound` is made of.
  let rounding: Rounding

  /// - Parameters:
  ///   - weight: `outputs x features`.
  ///   - bias: as many as there are outputs, or nil.
  init(inputs: [Double], recorded: [Double], weight: [Double], bias: [Double]?, outputs: Int, rounding: Rounding) {
    self.inputs = inputs
    self.recorded = recorded
    self.outputs = outputs
    self.rounding = rounding
    features = weight.count / outputs
    rows = recorded.count / outputs
    oracle = Self.evaluate(inputs, weight, bias, rows, features, outputs)
    let magnitude = Self.evaluate(
      inputs.map(\.magnitude), weight.map(\.magnitude), bias?.map(\.magnitude), rows, features, outputs)
    let (terms, hasBias) = (features, bias != nil)
    bound = magnitude.map {
      rounding.boundOfSum(terms: terms, bias: hasBias, magnitude: Outward.sum($0, terms: terms + 1))
    }
  }

  static func evaluate(
    _ inputs: [Double], _ weight: [Double], _ bias: [Double]?, _ rows: Int, _ features: Int, _ outputs: Int
  ) -> [Double] {
    var result = [Double](repeating: 0, count: rows * outputs)
    if let bias {
      for row in 0..<rows {
        for j in 0..<outputs { result[row * outputs + j] = bias[j] }
      }
    }
    LinearAlgebra.multiply(
      inputs, weight, rows: rows, terms: features, columns: outputs, transposed: true, into: &result,
      accumulate: true)
    return result
  }
}
