public import TensorFerryTensors

/// `left + right`, element by element: the sum around a residual connection.
///
/// Operands: two of one shape. Result: the same shape.
public struct Add: Operator {
  public static let id = "add"

  public init() {}

  public var keepsSamplesApart: Bool { true }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 2...2)
    guard operands[0] == operands[1] else {
      throw OperatorError(.dimensionMismatch, "\(operands[0]) and \(operands[1]) are not added")
    }
    return operands[0]
  }

  public func shift(_ operands: [Shift?], _ shapes: [Shape], output: Shape) -> Shift? {
    let shifts = operands.compactMap { $0?.constantAxes }
    return shifts.first.map { Shift(output, constantAlong: shifts.reduce($0) { $0.intersection($1) }) }
  }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let (left, right, result) = (operands[0].elements, operands[1].elements, output.elements)
    for i in 0..<result.count { result[i] = left[i] + right[i] }
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let (left, right, result) = (operands[0].elements, operands[1].elements, output.elements)
    var i = 0
    while i < result.count {
      result[i] = left[i] + right[i]
      i += 1
    }
  }

  /// One rounding, which no order of anything changes: `u |left + right|`. Sums do not underflow, but may be flushed.
  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let (sums, result) = (output.elements, bound.elements)
    let growth = rounding.gamma(1) + Rounding.float64.gamma(1)
    for i in 0..<result.count {
      result[i] = (growth * sums[i].magnitude + rounding.leastNonzero) * Rounding.outward(1)
    }
  }
}
