public import TensorFerryTensors

/// `c[b, k] = sum over t of weights[b, t] * values[b, t, k]`.
///
/// Operands: weights `[batch, positions, 1]`, values `[batch, positions, features]`. Result: `[batch, features]`.
public struct WeightedSum: Operator {
  public static let id = "weighted_sum"

  public init() {}

  public var keepsSamplesApart: Bool { true }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 2...2)
    let (weights, values) = (operands[0], operands[1])
    try checkRank("weights", weights, 3)
    try checkRank("values", values, 3)
    guard weights[0] == values[0], weights[1] == values[1], weights[2] == 1 else {
      throw OperatorError(
        .dimensionMismatch, "values \(values) need weights [\(values[0]), \(values[1]), 1], their shape is \(weights)")
    }
    try checkLimit(values[1], values[2])
    return try Shape([values[0], values[2]])
  }

  public func multiplications(_ operands: [Shape], output: Shape) -> Int { operands[1].elementCount }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let (batch, positions, features) = sizes(operands)
    let product = MatrixProduct(rows: 1, columns: features, terms: positions)
    let (weights, values) = (operands[0].elements.baseAddress!, operands[1].elements.baseAddress!)
    let result = output.elements.baseAddress!
    for b in 0..<batch {
      product(weights + b * positions, values + b * positions * features, into: result + b * features)
    }
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let result = output.elements
    forEachElement(operands) { offset, terms in result[offset] = terms.sum }
  }

  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let result = bound.elements
    forEachElement(operands) { offset, terms in
      result[offset] = rounding.boundOfSum(terms: terms.count, magnitude: terms.magnitude)
    }
  }

  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let starts = operands.map { UnsafePointer($0.elements.baseAddress!) }
    let places = errors.map { $0.map { UnsafePointer($0.elements.baseAddress!) } }
    var result = [Double](repeating: 0, count: output.count)
    forEachElement(operands) { offset, terms in
      let (movement, magnitude, _) = terms.spread(
        places[0].map { $0 + (terms.left - starts[0]) }, places[1].map { $0 + (terms.right - starts[1]) })
      result[offset] =
        (movement + rounding.boundOfSum(terms: terms.count, magnitude: magnitude)) * Rounding.outward(terms.count)
    }
    return try ArrayView(result, shape: output.shape)
  }

  func forEachElement(_ operands: [ArrayView<Double>], _ body: (_ offset: Int, Terms) -> Void) {
    let (batch, positions, features) = sizes(operands)
    let (weights, values) = (operands[0].elements.baseAddress!, operands[1].elements.baseAddress!)
    for b in 0..<batch {
      for k in 0..<features {
        let right = values + b * positions * features + k
        body(
          b * features + k, Terms(count: positions, left: weights + b * positions, right: right, step: features))
      }
    }
  }

  private func sizes<Scalar>(_ operands: [ArrayView<Scalar>]) -> (batch: Int, positions: Int, features: Int) {
    let values = operands[1].shape
    return (values[0], values[1], values[2])
  }
}
