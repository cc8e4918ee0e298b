public import TensorFerryTensors

/// One matrix product for each element of a batch, perhaps scaled: `left @ right`, or `left @ rightᵀ`.
///
/// Operands: left `[batch, rows, terms]`, right `[batch, terms, columns]`, or `[batch, columns, terms]` if it is to be
/// transposed. Result: `[batch, rows, columns]`.
public struct BatchedProduct: Operator {
  public static let id = "batched_product"

  public enum Scale: Sendable, Hashable {
    case one
    /// Each product is divided by the square root of the number of its terms.
    case inverseRootOfTerms

    func factor(_ terms: Int) -> Double {
      self == .one || terms == 0 ? 1 : 1 / Double(terms).squareRoot()
    }
  }

  /// Whether the right operand is transposed.
  public let transposeRight: Bool
  public let scale: Scale

  public init(transposeRight: Bool = false, scale: Scale = .one) {
    self.transposeRight = transposeRight
    self.scale = scale
  }

  /// How many roundings the scale adds to each term, at most.
  ///
  /// PyTorch either divides the sum by a rounded square root, or multiplies each operand by the root of a rounded
  /// reciprocal of it before the product. The second way takes more: for each of two operands one product, one root,
  /// and the errors of square root and reciprocal, which the root halves.
  private var scaleRoundings: Int { scale == .one ? 0 : 6 }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 2...2)
    let (left, right) = (operands[0], operands[1])
    try checkRank("a left operand", left, 3)
    try checkRank("a right operand", right, 3)
    let (terms, columns) = transposeRight ? (right[2], right[1]) : (right[1], right[2])
    guard left[0] == right[0], left[2] == terms else {
      throw OperatorError(
        .dimensionMismatch,
        "\(left) and \(right)\(transposeRight ? " transposed" : "") have \(left[0]) and \(right[0]) matrices, "
          + "\(left[2]) and \(terms) terms")
    }
    try checkLimit(left[1], columns, terms)
    return try Shape([left[0], left[1], columns])
  }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let sizes = Sizes(self, operands[0].shape, output.shape)
    let product = MatrixProduct(
      rows: sizes.rows, columns: sizes.columns, terms: sizes.terms, transposed: transposeRight,
      scale: Float(scale.factor(sizes.terms)))
    let (left, right) = (operands[0].elements.baseAddress!, operands[1].elements.baseAddress!)
    let result = output.elements.baseAddress!
    for b in 0..<sizes.batch {
      product(
        left + b * sizes.rows * sizes.terms, right + b * sizes.terms * sizes.columns,
        into: result + b * sizes.rows * sizes.columns)
    }
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let sizes = Sizes(self, operands[0].shape, output.shape)
    let (left, right, result) = (operands[0].elements, operands[1].elements, output.elements)
    let factor = scale.factor(sizes.terms)
    sizes.forEachElement { offset, leftStart, rightStart in
      var sum = 0.0
      for i in 0..<sizes.terms { sum += left[leftStart + i] * right[rightStart + i * sizes.rightStep] }
      result[offset] = sum * factor
    }
  }

  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let sizes = Sizes(self, operands[0].shape, output.shape)
    let (left, right, result) = (operands[0].elements, operands[1].elements, bound.elements)
    let factor = scale.factor(sizes.terms)
    sizes.forEachElement { offset, leftStart, rightStart in
      var magnitude = 0.0
      var operandSum = 0.0
      for i in 0..<sizes.terms {
        let (a, b) = (left[leftStart + i], right[rightStart + i * sizes.rightStep])
        magnitude += abs(a * b)
        operandSum += abs(a) + abs(b)
      }
      let sum = rounding.boundOfSum(terms: sizes.terms, extra: scaleRoundings, magnitude: magnitude * factor)
      // Where the scale is applied to the operands, what underflows there is multiplied by the other operand.
      result[offset] = sum + (scale == .one ? 0 : rounding.leastNonzero * operandSum)
    }
  }
}

private struct Sizes {
  let batch, rows, columns, terms: Int
  let transposed: Bool

  init(_ operation: BatchedProduct, _ left: Shape, _ output: Shape) {
    (batch, rows, columns, terms) = (output[0], output[1], output[2], left[2])
    transposed = operation.transposeRight
  }

  /// How far apart the terms of one element lie in the right operand.
  var rightStep: Int { transposed ? 1 : columns }

  func forEachElement(_ body: (_ offset: Int, _ leftStart: Int, _ rightStart: Int) -> Void) {
    for b in 0..<batch {
      for row in 0..<rows {
        for column in 0..<columns {
          body(
            (b * rows + row) * columns + column, (b * rows + row) * terms,
            b * terms * columns + (transposed ? column * terms : column))
        }
      }
    }
  }
}
