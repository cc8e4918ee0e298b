public import TensorFerryTensors

/// `y = x Wᵀ + b`, as `torch.nn.Linear` has it.
///
/// Operands: x `[..., in]`, weight `[out, in]` and, if there is one, bias `[out]`. Result: `[..., out]`.
///
/// Where PyTorch keeps the weights of several layers in one parameter, as the projections of queries, keys and values in
/// `in_proj_weight`, each layer takes its rows: of a weight `[parts * out, in]` those from `part * out` on.
public struct Linear: Operator {
  public static let id = "linear"

  /// Which of the layers in the weight this is, counted from 0.
  public let part: Int
  /// How many layers the weight holds, one above the other.
  public let parts: Int

  /// - Precondition: `part` is one of `parts`.
  public init(part: Int = 0, of parts: Int = 1) {
    precondition(part >= 0 && part < parts, "there is no part \(part) of \(parts)")
    self.part = part
    self.parts = parts
  }

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
    guard weight[0] % parts == 0 else {
      throw OperatorError(.dimensionMismatch, "the weight \(weight) does not hold \(parts) layers of one size")
    }
    if operands.count == 3 {
      try checkRank("a bias", operands[2], 1)
      guard operands[2][0] == weight[0] else {
        throw OperatorError(
          .dimensionMismatch, "the bias has \(operands[2][0]) elements, the weight \(weight) gives \(weight[0])")
      }
    }
    try checkLimit(weight[0], weight[1], Self.rows(x))
    return try Shape(x.dimensions.dropLast() + [weight[0] / parts])
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
        for j in 0..<outputs { result[row * outputs + j] = bias[part * outputs + j] }
      }
    }
    guard rows > 0, outputs > 0 else { return }
    let product = MatrixProduct(
      rows: rows, columns: outputs, terms: inputs, transposed: true, accumulate: operands.count == 3)
    let weight = operands[1].elements.baseAddress! + part * outputs * inputs
    product(operands[0].elements.baseAddress!, weight, into: result.baseAddress!)
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

  /// Calls `body` with the offset of each result, the row of the weight that it takes, and its terms.
  private func forEachElement(_ operands: [ArrayView<Double>], _ body: (_ offset: Int, _ j: Int, Terms) -> Void) {
    let (rows, outputs, inputs) = sizes(operands)
    let (x, weight) = (operands[0].elements.baseAddress!, operands[1].elements.baseAddress!)
    for row in 0..<rows {
      for output in 0..<outputs {
        let j = part * outputs + output
        body(row * outputs + output, j, Terms(count: inputs, left: x + row * inputs, right: weight + j * inputs))
      }
    }
  }

  private func sizes<Scalar>(_ operands: [ArrayView<Scalar>]) -> (rows: Int, outputs: Int, inputs: Int) {
    let weight = operands[1].shape
    return (Self.rows(operands[0].shape), weight[0] / parts, weight[1])
  }
}
