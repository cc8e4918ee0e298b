public import TensorFerryTensors

/// `y = x Wᵀ + b`, as `torch.nn.Linear` has it.
///
/// Operands: x `[..., in]`, weight `[out, in]` and, if there is one, bias `[out]`. Result: `[..., out]`.
public struct Linear: Operator {
  public static let id = "linear"

  public init() {}

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 2...3)
    let (x, weight) = (operands[0], operands[1])
    try checkRank("a weight", weight, 2)
    guard let features = x.dimensions.last else {
      throw OperatorError(.rank, "linear takes an x of at least 1 dimension, its shape is \(x)")
    }
    guard features == weight[1] else {
      throw OperatorError(
        .dimensionMismatch, "x \(x) has \(features) features, the weight \(weight) takes \(weight[1])")
    }
    if operands.count == 3 {
      try checkRank("a bias", operands[2], 1)
      guard operands[2][0] == weight[0] else {
        throw OperatorError(
          .dimensionMismatch, "the bias has \(operands[2][0]) elements, the weight \(weight) gives \(weight[0])")
      }
    }
    try checkLimit(weight[0], weight[1], Self.rows(x))
    return try Shape(x.dimensions.dropLast() + [weight[0]])
  }

  /// The product of all dimensions but the last; a dimension of 0 counts as itself.
  private static func rows(_ x: Shape) -> Int { x.dimensions.dropLast().reduce(1, *) }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let (rows, outputs, inputs) = sizes(operands)
    let result = output.elements
    if operands.count == 3 {
      let bias = operands[2].elements
      for row in 0..<rows {
        for j in 0..<outputs { result[row * outputs + j] = bias[j] }
      }
    }
    guard rows > 0, outputs > 0 else { return }
    let product = MatrixProduct(
      rows: rows, columns: outputs, terms: inputs, transposed: true, accumulate: operands.count == 3)
    product(operands[0].elements.baseAddress!, operands[1].elements.baseAddress!, into: result.baseAddress!)
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let bias = operands.count == 3 ? operands[2].elements : nil
    let result = output.elements
    forEachElement(operands) { offset, j, terms in result[offset] = terms.sum + (bias?[j] ?? 0) }
  }

  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let bias = operands.count == 3 ? operands[2].elements : nil
    let result = bound.elements
    forEachElement(operands) { offset, j, terms in
      let magnitude = terms.magnitude + (bias?[j] ?? 0).magnitude
      result[offset] = rounding.boundOfSum(terms: terms.count, bias: bias != nil, magnitude: magnitude)
    }
  }

  private func forEachElement(_ operands: [ArrayView<Double>], _ body: (_ offset: Int, _ j: Int, Terms) -> Void) {
    let (rows, outputs, inputs) = sizes(operands)
    let (x, weight) = (operands[0].elements.baseAddress!, operands[1].elements.baseAddress!)
    for row in 0..<rows {
      for j in 0..<outputs {
        body(row * outputs + j, j, Terms(count: inputs, left: x + row * inputs, right: weight + j * inputs))
      }
    }
  }

  private func sizes<Scalar>(_ operands: [ArrayView<Scalar>]) -> (rows: Int, outputs: Int, inputs: Int) {
    let weight = operands[1].shape
    return (Self.rows(operands[0].shape), weight[0], weight[1])
  }
}
