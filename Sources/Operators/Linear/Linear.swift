public import TensorFerryTensors

/// `y = x Wᵀ + b`, as `torch.nn.Linear` has it.
///
/// Operands: x `[..., in]`, weight `[out, in]` and, if there is one, bias `[out]`. Result: `[..., out]`.
///
/// Where PyTorch keeps the weights of several layers in one parameter, as the projections of queries, keys and values in
/// `in_proj_weight` and `in_proj_bias`, each layer takes its rows.
public struct Linear: Operator {
  public static let id = "linear"

  /// Which rows of a parameter belong to a layer: those of part `index` of `count` parts of one size.
  public struct Part: Hashable, Sendable {
    public let index: Int
    public let count: Int

    /// - Precondition: `index` is one of `count`.
    public init(_ index: Int, of count: Int) {
      precondition(index >= 0 && index < count, "there is no part \(index) of \(count)")
      self.index = index
      self.count = count
    }

    public static let whole = Part(0, of: 1)
  }

  public let weight: Part
  public let bias: Part

  public init(weight: Part = .whole, bias: Part = .whole) {
    self.weight = weight
    self.bias = bias
  }

  public var keepsSamplesApart: Bool { true }

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
    guard weight[0] % self.weight.count == 0 else {
      throw OperatorError(
        .dimensionMismatch, "the weight \(weight) does not hold \(self.weight.count) layers of one size")
    }
    let outputs = weight[0] / self.weight.count
    if operands.count == 3 {
      try checkRank("a bias", operands[2], 1)
      let (biases, overflow) = outputs.multipliedReportingOverflow(by: bias.count)
      guard !overflow, operands[2][0] == biases else {
        throw OperatorError(
          .dimensionMismatch,
          "the bias has \(operands[2][0]) elements, the weight \(weight) gives \(outputs) to each of \(bias.count)")
      }
    }
    try checkLimit(weight[0], weight[1], Self.rows(x))
    return try Shape(x.dimensions.dropLast() + [outputs])
  }

  public func multiplications(_ operands: [Shape], output: Shape) -> Int { output.elementCount * operands[1][1] }

  /// The product of all dimensions but the last; a dimension of 0 counts as itself.
  private static func rows(_ x: Shape) -> Int { x.dimensions.dropLast().reduce(1, *) }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let (rows, outputs, inputs) = sizes(operands)
    guard rows > 0, outputs > 0 else { return }
    let result = output.elements.baseAddress!
    if operands.count == 3 {
      let first = operands[2].elements.baseAddress! + bias.index * outputs
      for row in 0..<rows { (result + row * outputs).update(from: first, count: outputs) }
    }
    let product = MatrixProduct(
      rows: rows, columns: outputs, terms: inputs, transposed: true, accumulate: operands.count == 3)
    let weight = operands[1].elements.baseAddress! + weight.index * outputs * inputs
    product(operands[0].elements.baseAddress!, weight, into: result)
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let result = output.elements
    forEachElement(operands) { offset, bias, terms in result[offset] = terms.sum + (bias ?? 0) }
  }

  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let result = bound.elements
    let terms = operands[1].shape[1]
    forEachSum(of: Magnitude.self, operands) { offset, bias, magnitude in
      result[offset] = rounding.boundOfSum(
        terms: terms, bias: bias != nil, magnitude: magnitude + (bias ?? 0).magnitude)
    }
  }

  /// Calls `body` with the offset of each result, its bias if there is one, and its terms.
  func forEachElement(
    _ operands: [ArrayView<Double>], _ body: (_ offset: Int, _ bias: Double?, Terms) -> Void
  ) {
    let (rows, outputs, inputs) = sizes(operands)
    let (x, matrix) = (operands[0].elements.baseAddress!, operands[1].elements.baseAddress!)
    let biases = operands.count == 3 ? operands[2].elements : nil
    for row in 0..<rows {
      for j in 0..<outputs {
        let right = matrix + (weight.index * outputs + j) * inputs
        body(
          row * outputs + j, biases?[bias.index * outputs + j],
          Terms(count: inputs, left: x + row * inputs, right: right))
      }
    }
  }

  func sizes<Scalar>(_ operands: [ArrayView<Scalar>]) -> (rows: Int, outputs: Int, inputs: Int) {
    let shape = operands[1].shape
    return (Self.rows(operands[0].shape), shape[0] / weight.count, shape[1])
  }
}
