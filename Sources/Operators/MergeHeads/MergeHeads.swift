public import TensorFerryTensors

/// Puts the features of all heads side by side: `[batch, heads, positions, size]` to
/// `[batch, positions, heads * size]`.
public struct MergeHeads: Operator {
  public static let id = "merge_heads"

  public init() {}

  public var keepsSamplesApart: Bool { true }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 1...1)
    let x = operands[0]
    try checkRank("an x", x, 4)
    return try Shape([x[0], x[2], x[1] * x[3]])
  }

  public func shift(_ operands: [Shift?], _ shapes: [Shape], output: Shape) -> Shift? {
    operands[0].map { x in
      Shift(output, constantAlong: (0..<3).filter { x.constantAxes.isSuperset(of: [[0], [2], [1, 3]][$0]) })
    }
  }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    HeadOrder(split: operands[0].shape).move(operands[0].elements, output.elements, splitting: false)
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    HeadOrder(split: operands[0].shape).move(operands[0].elements, output.elements, splitting: false)
  }

  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? { try .zeros(output.shape) }

  /// Nothing is computed.
  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    bound.elements.update(repeating: 0)
  }
}
