public import TensorFerryTensors

/// What raw bytes hold where a file does not say it: one element type for each size.
///
/// numpy and h5py write bfloat16 and the 8-bit floats of ml_dtypes as raw bytes (`V2`, `V1`, opaque types), which are
/// never guessed: `[.bf16, .f8e4m3]` says that two bytes are a bfloat16 and one byte is an 8-bit float.
public struct VoidTypes: Sendable, Hashable, ExpressibleByArrayLiteral {
  private var types: [Int: DType] = [:]

  /// - Precondition: as ``init(_:)``.
  public init(arrayLiteral elements: DType...) { self.init(elements) }

  /// - Precondition: each type fills whole bytes, is not `.block`, and no two have the same size.
  public init(_ elements: some Sequence<DType>) {
    for dtype in elements {
      precondition(Self.allows(dtype), "raw bytes cannot be \(dtype.rawValue)")
      precondition(insert(dtype), "two types for raw bytes of the size of \(dtype.rawValue)")
    }
  }

  /// True for types whose elements fill whole bytes.
  public static func allows(_ dtype: DType) -> Bool { dtype.bitWidth % 8 == 0 && dtype != .block }

  /// Adds a type; false if there is another one of its size.
  ///
  /// - Precondition: ``allows(_:)``.
  public mutating func insert(_ dtype: DType) -> Bool {
    let size = dtype.bitWidth / 8
    guard types[size] == nil || types[size] == dtype else { return false }
    types[size] = dtype
    return true
  }

  /// The type of elements of that many raw bytes, or nil if none was named.
  public subscript(byteCount: Int) -> DType? { types[byteCount] }

  public var isEmpty: Bool { types.isEmpty }

  public func contains(_ dtype: DType) -> Bool { types.values.contains(dtype) }

  /// What is known of elements of that many bytes whose type is not, and how to tell it.
  static func ambiguity(_ byteCount: Int) -> String {
    let candidates = byteCount == 2 ? "bf16, or u16" : "f8_e4m3, f8_e5m2, f8_e8m0, f8_e4m3fnuz, f8_e5m2fnuz, or u8"
    return "\(byteCount == 1 ? "one raw byte" : "\(byteCount) raw bytes") an element, and nothing says which type they "
      + "are; --void-type names it (\(candidates) for the bits as they are)"
  }
}
