package import TensorFerryTensors

/// What is known of a tensor before a byte of it is read: one of a file, or one that a model asks for.
package struct TensorOutline: Hashable, Sendable {
  package let name: String
  package let shape: Shape
  package let dtype: DType

  package init(name: String, shape: Shape, dtype: DType) {
    self.name = name
    self.shape = shape
    self.dtype = dtype
  }
}

/// How a file stores its matrices, when somebody who knows has said so.
package enum SourceLayout: String, Sendable, CaseIterable {
  /// `[out, in]`, as `torch.nn.Linear` has it, and as targets are always written.
  case outputFirst = "output-first"
  /// `[in, out]`, as the kernels of Keras and Flax.
  case inputFirst = "input-first"

  package static let pytorch = SourceLayout.outputFirst
  package static let keras = SourceLayout.inputFirst
}

extension DType {
  /// True for equal types, and among types that hold real numbers with a fraction.
  func canBecome(_ other: DType) -> Bool { self == other || (isFraction && other.isFraction) }

  private var isFraction: Bool {
    switch self {
    case .f64, .f32, .f16, .bf16, .f8e5m2, .f8e4m3, .f8e4m3fnuz: true
    default: false
    }
  }
}
