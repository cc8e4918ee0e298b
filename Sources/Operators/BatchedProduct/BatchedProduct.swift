public import TensorFerryTensors

/// One matrix product for each element of a batch, perhaps scaled: `left @ right`, or `left @ rightᵀ`.
///
/// Operands: left `[batch, rows, terms]`, right `[batch, terms, columns]`, or `[batch, columns, terms]` if it is to be
/// transposed. Result: `[batch, rows, columns]`. The batch may have several dimensions, for example samples and heads.
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
  /// PyTorch divides the sum by a rounded square root, or multiplies the left operand by its reciprocal before the
  /// product (`multi_head_attention_forward` with weights), or each operand by the root of a rounded reciprocal of it
  /// (`scaled_dot_product_attention`). The last way takes most: for each of two operands one product, one root, and the
  /// errors of square root and reciprocal, which the root halves.
  var scaleRoundings: Int { scale == .one ? 0 : 6 }

  public var keepsSamplesApart: Bool { true }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 2...2)
    let (left, right) = (operands[0], operands[1])
    guard left.rank >= 3, right.rank == left.rank else {
      throw OperatorError(
        .rank, "batched_product takes operands of 3 dimensions, or of as many more, their shapes are \(left), \(right)")
    }
    let last = left.rank - 1
    let (terms, columns) = transposeRight ? (right[last], right[last - 1]) : (right[last - 1], right[last])
    let batch = left.dimensions.dropLast(2)
    guard batch == right.dimensions.dropLast(2), left[last] == terms else {
      throw OperatorError(
        .dimensionMismatch,
        "\(left) and \(right)\(transposeRight ? " transposed" : "") have \(batch) and "
          + "\(right.dimensions.dropLast(2)) matrices, \(left[last]) and \(terms) terms")
    }
    try checkLimit(left[last - 1], columns, terms)
    return try Shape(batch + [left[last - 1], columns])
  }

  /// A difference that is the same for all rows of the left operand, or all columns of the right one, is so in the
  /// product: a bias of keys adds the same to all scores of a query.
  public func shift(_ operands: [Shift?], _ shapes: [Shape], output: Shape) -> Shift? {
    let last = output.rank - 1
    switch (operands[0], operands[1]) {
    case (nil, nil): return nil
    case (let left?, nil):
      return Shift(output, constantAlong: left.constantAxes.contains(last - 1) ? [last - 1] : [])
    case (nil, let right?):
      let columns = transposeRight ? last - 1 : last
      return Shift(output, constantAlong: right.constantAxes.contains(columns) ? [last] : [])
    case (_?, _?): return Shift(output)
    }
  }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let (batch, rows, columns, terms) = sizes(operands, output.shape)
    let product = MatrixProduct(
      rows: rows, columns: columns, terms: terms, transposed: transposeRight, scale: Float(scale.factor(terms)))
    let (left, right) = (operands[0].elements.baseAddress!, operands[1].elements.baseAddress!)
    let result = output.elements.baseAddress!
    for b in 0..<batch {
      product(left + b * rows * terms, right + b * terms * columns, into: result + b * rows * columns)
    }
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let result = output.elements
    forEachElement(operands, output.shape) { offset, terms in result[offset] = terms.sum * scale.factor(terms.count) }
  }

  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let result = bound.elements
    forEachElement(operands, output.shape) { offset, terms in
      let magnitude = terms.magnitude * scale.factor(terms.count)
      result[offset] = rounding.boundOfSum(terms: terms.count, extra: scaleRoundings, magnitude: magnitude)
      // Where the scale is applied to the operands, what underflows there is multiplied by the other operand, and rounded
      // as every term is.
      if scale != .one {
        let growth = rounding.gamma(terms.count + scaleRoundings)
        result[offset] +=
          rounding.leastNonzero * terms.magnitudeOfFactors * (1 + growth) * Rounding.outward(terms.count)
      }
    }
  }

  func forEachElement(
    _ operands: [ArrayView<Double>], _ output: Shape, _ body: (_ offset: Int, Terms) -> Void
  ) {
    let (batch, rows, columns, count) = sizes(operands, output)
    let (left, right) = (operands[0].elements.baseAddress!, operands[1].elements.baseAddress!)
    for row in 0..<batch * rows {
      let matrix = right + row / rows * count * columns
      for column in 0..<columns {
        body(
          row * columns + column,
          Terms(
            count: count, left: left + row * count, right: matrix + (transposeRight ? column * count : column),
            step: transposeRight ? 1 : columns))
      }
    }
  }

  private func sizes<Scalar>(
    _ operands: [ArrayView<Scalar>], _ output: Shape
  ) -> (batch: Int, rows: Int, columns: Int, terms: Int) {
    let (rank, left) = (output.rank, operands[0].shape)
    return (output.dimensions.dropLast(2).reduce(1, *), output[rank - 2], output[rank - 1], left[rank - 1])
  }
}
