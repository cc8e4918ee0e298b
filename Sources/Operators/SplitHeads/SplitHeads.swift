public import TensorFerryTensors

/// Gives each head its share of the features: `[batch, positions, features]` to `[batch, heads, positions, size]`.
///
/// Head `h` gets the features from `h * size` on, where `size` is `features / heads`.
public struct SplitHeads: Operator {
  public static let id = "split_heads"

  public let heads: Int

  /// - Precondition: `heads` is at least 1.
  public init(heads: Int) {
    precondition(heads >= 1, "there is at least one head, not \(heads)")
    self.heads = heads
  }

  public var keepsSamplesApart: Bool { true }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 1...1)
    try checkRank("an x", operands[0], 3)
    guard operands[0][2] % heads == 0 else {
      throw OperatorError(.dimensionMismatch, "\(operands[0][2]) features are not split among \(heads) heads")
    }
    return try Shape([operands[0][0], heads, operands[0][1], operands[0][2] / heads])
  }

  public func shift(_ operands: [Shift?], _ shapes: [Shape], output: Shape) -> Shift? {
    operands[0].map { x in Shift(output, constantAlong: (0..<4).filter { x.constantAxes.contains([0, 2, 1, 2][$0]) }) }
  }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    HeadOrder(split: output.shape).move(operands[0].elements, output.elements, splitting: true)
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    HeadOrder(split: output.shape).move(operands[0].elements, output.elements, splitting: true)
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

/// Where the features of heads are when they are split and when they are merged.
struct HeadOrder {
  private let batch: Int
  private let heads: Int
  private let positions: Int
  private let size: Int

  /// - Parameter split: `[batch, heads, positions, size]`.
  init(split: Shape) { (batch, heads, positions, size) = (split[0], split[1], split[2], split[3]) }

  func move<Scalar>(
    _ from: UnsafeBufferPointer<Scalar>, _ to: UnsafeMutableBufferPointer<Scalar>, splitting: Bool
  ) {
    for b in 0..<batch {
      for h in 0..<heads {
        for p in 0..<positions {
          let split = ((b * heads + h) * positions + p) * size
          let merged = ((b * positions + p) * heads + h) * size
          let (source, target) = splitting ? (merged, split) : (split, merged)
          for i in 0..<size { to[target + i] = from[source + i] }
        }
      }
    }
  }
}
