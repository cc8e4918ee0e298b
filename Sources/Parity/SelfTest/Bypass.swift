internal import TensorFerryOperators
internal import TensorFerryTensors

/// What a stage becomes whose operator is left out: its first operand, as it is.
struct Bypass: Operator {
  static let id = "bypass"

  func outputShape(_ operands: [Shape]) throws -> Shape { operands[0] }

  func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    _ = output.elements.update(fromContentsOf: operands[0].elements)
  }

  func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    _ = output.elements.update(fromContentsOf: operands[0].elements)
  }

  /// Nothing is computed.
  func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    bound.elements.update(repeating: 0)
  }
}
