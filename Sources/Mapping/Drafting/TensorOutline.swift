public import TensorFerryTensors

/// What is known of a tensor before a byte of it is read: one of a file, or one that a model asks for.
public struct TensorOutline: Hashable, Sendable {
  public let name: String
  public let shape: Shape
  public let dtype: DType

  public init(name: String, shape: Shape, dtype: DType) {
    self.name = name
    self.shape = shape
    self.dtype = dtype
  }
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
