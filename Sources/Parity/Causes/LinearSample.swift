internal import TensorFerryOperators

/// Rows of a linear stage that one certificate judges.
struct LinearSample {
  let kind: Certificate.Kind
  let isProbe: Bool
  let features: Int
  let outputs: Int
  /// `rows x features`.
  var inputs: [Double]
  /// `rows x outputs`.
  var recorded: [Double]
  let rounding: Rounding

  var rows: Int { recorded.count / outputs }

  func picking(_ picked: [Int]) -> LinearSample {
    var sample = self
    sample.inputs = picked.flatMap { inputs[$0 * features..<($0 + 1) * features] }
    sample.recorded = picked.flatMap { recorded[$0 * outputs..<($0 + 1) * outputs] }
    return sample
  }

  func slice(_ range: Range<Int>) -> LinearSample {
    var sample = self
    sample.inputs = Array(inputs[range.lowerBound * features..<range.upperBound * features])
    sample.recorded = Array(recorded[range.lowerBound * outputs..<range.upperBound * outputs])
    return sample
  }
}

/// What a linear stage is replayed with instead of the model's parameters and float32 arithmetic.
struct LinearChange: Hashable {
  /// `outputs x features`.
  var weight: [Float]
  var bias: [Float]?
  /// How far each weight may be from that, where all that is known is what it was rounded to.
  var weightSpread: [Double]?
  var biasSpread: [Double]?
  /// The reference's float32 arithmetic.
  var inputPrecision: Precision?
  var weightPrecision: Precision?
  var biasPrecision: Precision?
  var outputPrecision: Precision?
  /// Both operands are split in two numbers of `inputPrecision`, and the product of the two lower ones is left out.
  var splits = false
  /// The result goes through a ReLU.
  var rectifies = false

  init(weight: [Float], bias: [Float]?) {
    self.weight = weight
    self.bias = bias
  }

  /// The parameters, if that is all there is to it.
  var parameters: [Float]? {
    let isPlain =
      weightSpread == nil && biasSpread == nil && inputPrecision == nil && weightPrecision == nil
      && biasPrecision == nil && outputPrecision == nil && !rectifies
    return isPlain ? weight + (bias ?? []) : nil
  }

  var isArithmetic: Bool {
    inputPrecision != nil || weightPrecision != nil || biasPrecision != nil || outputPrecision != nil
  }
}

extension LinearSample {
  /// What the changed stage gives for each element, exact up to the error that the bound covers, and the bound.
  func expected(_ change: LinearChange) -> (values: [Double], bounds: [Double]) {
    // The reference's float64 values are not made in its float32 arithmetic.
    let change = kind == .weights ? change.inFloat64 : change
    let weight = change.weightPrecision.map { p in change.weight.map { Double(p.round($0)) } }
    let bias =
      change.biasPrecision.map { p in change.bias?.map { Double(p.round($0)) } } ?? change.bias?.map(Double.init)
    var x = inputs
    if let precision = change.inputPrecision, !change.splits { x = inputs.map { Double(precision.round(Float($0))) } }
    var w = weight ?? change.weight.map(Double.init)
    var correction: [Double]?
    if change.splits, let precision = change.inputPrecision {
      let (high, low) = (x.map { Double(precision.round(Float($0))) }, w.map { Double(precision.round(Float($0))) })
      let lowX = zip(x, high).map { Double(precision.round(Float($0 - $1))) }
      let lowW = zip(w, low).map { Double(precision.round(Float($0 - $1))) }
      correction = product(lowX, lowW, nil)
      x = zip(high, lowX).map(+)
      w = zip(low, lowW).map(+)
    }
    var values = product(x, w, bias)
    let magnitudes = product(x.map(\.magnitude), w.map(\.magnitude), bias?.map(\.magnitude))
    if let correction { values = zip(values, correction).map(-) }
    let (terms, hasBias) = (features * (change.splits ? 3 : 1), bias != nil)
    var bounds = magnitudes.map {
      rounding.boundOfSum(terms: terms, bias: hasBias, magnitude: Outward.sum($0, terms: terms + 1))
    }
    if change.weightSpread != nil || change.biasSpread != nil {
      let none = [Double](repeating: 0, count: w.count)
      let spread = product(inputs.map(\.magnitude), change.weightSpread ?? none, change.biasSpread)
      // The rounding of the reference is that of its own parameters.
      bounds = zip(bounds, spread).map { $0 * 1.01 + Outward.sum($1, terms: features + 1) }
    }
    if let precision = change.outputPrecision {
      bounds = zip(bounds, values).map { $0 + precision.spread(Float($1.magnitude + $0)) }
    }
    if change.rectifies, !isProbe { values = values.map { $0 < 0 ? 0 : $0 } }
    return (values, bounds)
  }

  private func product(_ x: [Double], _ w: [Double], _ bias: [Double]?) -> [Double] {
    var result = [Double](repeating: 0, count: rows * outputs)
    if let bias { for row in 0..<rows { for j in 0..<outputs { result[row * outputs + j] = bias[j] } } }
    LinearAlgebra.multiply(
      x, w, rows: rows, terms: features, columns: outputs, transposed: true, into: &result, accumulate: true)
    return result
  }

  /// For each element how far it is from what the changed stage gives, in units of the bound.
  func utilisations(_ change: LinearChange) -> [Double] {
    let (values, bounds) = expected(change)
    return recorded.indices.map { offset in
      let difference = (recorded[offset] - values[offset]).magnitude
      guard difference.isFinite, bounds[offset].isFinite else { return .nan }
      return difference == 0 ? 0 : difference / bounds[offset]
    }
  }
}

extension LinearChange {
  fileprivate var inFloat64: LinearChange {
    guard isArithmetic else { return self }
    var change = self
    (change.inputPrecision, change.weightPrecision, change.biasPrecision, change.outputPrecision) = (nil, nil, nil, nil)
    change.splits = false
    return change
  }
}
