public import TensorFerryTensors

/// The larger of 0 and `x`; NaN stays NaN.
///
/// Operand: x of any shape. Result: the same shape.
public struct ReLU: Operator {
  public static let id = "relu"

  public init() {}

  public var keepsSamplesApart: Bool { true }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 1...1)
    return operands[0]
  }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    rectify(operands[0].elements, output.elements)
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    rectify(operands[0].elements, output.elements)
  }

  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? { try .zeros(output.shape) }

  /// Nothing is rounded.
  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    bound.elements.update(repeating: 0)
  }

  private func rectify<Scalar: BinaryFloatingPoint>(
    _ x: UnsafeBufferPointer<Scalar>, _ result: UnsafeMutableBufferPointer<Scalar>
  ) {
    var i = 0
    while i < result.count {
      // Not `max`: NaN and -0 stay, as PyTorch has it.
      result[i] = x[i] < 0 ? 0 : x[i]
      i += 1
    }
  }
}
