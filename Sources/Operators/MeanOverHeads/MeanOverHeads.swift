public import TensorFerryTensors

/// The average over heads: `[batch, heads, rows, columns]` to `[batch, rows, columns]`.
public struct MeanOverHeads: Operator {
  public static let id = "mean_over_heads"

  public init() {}

  public var keepsSamplesApart: Bool { true }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 1...1)
    let x = operands[0]
    try checkRank("an x", x, 4)
    return try Shape([x[0], x[2], x[3]])
  }

  public func shift(_ operands: [Shift?], _ shapes: [Shape], output: Shape) -> Shift? {
    operands[0].map { x in Shift(output, constantAlong: [0, 1, 2].filter { x.constantAxes.contains([0, 2, 3][$0]) }) }
  }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let heads = Float(operands[0].shape[1])
    let result = output.elements
    forEachSlice(operands[0].shape) { offset, slice in
      result[offset] = slice.reduce(0) { $0 + operands[0].elements[$1] } / heads
    }
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let heads = Double(operands[0].shape[1])
    let result = output.elements
    forEachSlice(operands[0].shape) { offset, slice in
      result[offset] = slice.reduce(0) { $0 + operands[0].elements[$1] } / heads
    }
  }

  /// A sum in any order and a division, or a product with a rounded reciprocal: two roundings, of which the bound of a sum
  /// of products counts one.
  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let heads = operands[0].shape[1]
    let result = bound.elements
    forEachSlice(operands[0].shape) { offset, slice in
      let magnitude = slice.reduce(0) { $0 + operands[0].elements[$1].magnitude } / Double(heads)
      result[offset] = rounding.boundOfSum(terms: heads, extra: 1, magnitude: magnitude)
    }
  }

  /// Calls `body` with the offset of each result and the offsets of what it averages.
  func forEachSlice(_ shape: Shape, _ body: (Int, StrideTo<Int>) -> Void) {
    var offset = 0
    Slices(shape: shape, axis: 1).forEach { slice in
      body(offset, slice)
      offset += 1
    }
  }
}
