/// A dtype, a shape, and the elements as immutable row-major little-endian bytes.
public struct Tensor: Sendable {
  public let dtype: DType
  public let shape: Shape
  private let storage: Storage

  private enum Storage: Sendable {
    case memory([UInt8])
    case mapped(MappedBytes)
  }

  /// `dtype.byteCount(of: shape.elementCount)` bytes; row-major, little-endian, without padding.
  ///
  /// Cost: a copy of all of them if the tensor is mapped; ``withUnsafeBytes(_:)`` makes none.
  public var bytes: [UInt8] {
    if case .memory(let bytes) = storage { return bytes }
    return withUnsafeBytes { [UInt8]($0) }
  }

  /// - Throws: ``TensorError`` with code `.sizeMismatch` if `bytes` has another size than dtype and shape need.
  public init(dtype: DType, shape: Shape, bytes: [UInt8]) throws {
    let expected = try dtype.byteCount(of: shape.elementCount)
    guard bytes.count == expected else {
      throw TensorError(.sizeMismatch, "\(dtype.rawValue) \(shape) needs \(expected) bytes, there are \(bytes.count)")
    }
    self.dtype = dtype
    self.shape = shape
    storage = .memory(bytes)
  }

  /// - Precondition: the bytes have the size that dtype and shape need.
  init(dtype: DType, shape: Shape, mapped bytes: MappedBytes) {
    self.dtype = dtype
    self.shape = shape
    storage = .mapped(bytes)
  }

  /// Calls `body` with the bytes, which are valid for the call.
  public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    switch storage {
    case .memory(let bytes): try bytes.withUnsafeBytes(body)
    case .mapped(let bytes): try withExtendedLifetime(bytes) { try body(bytes.pointer) }
    }
  }

  /// The bytes where a file is mapped; nil if they are in memory.
  package var mappedBytes: MappedBytes? {
    if case .mapped(let bytes) = storage { bytes } else { nil }
  }

  /// A float32 tensor.
  ///
  /// - Throws: ``TensorError`` with code `.sizeMismatch` if the number of values is not that of the shape.
  public init(_ values: [Float], shape: Shape) throws {
    try self.init(dtype: .f32, shape: shape, bytes: values.littleEndianBytes { $0.bitPattern.littleEndian })
  }

  /// A float64 tensor.
  ///
  /// - Throws: ``TensorError`` with code `.sizeMismatch` if the number of values is not that of the shape.
  public init(_ values: [Double], shape: Shape) throws {
    try self.init(dtype: .f64, shape: shape, bytes: values.littleEndianBytes { $0.bitPattern.littleEndian })
  }

  /// An int64 tensor.
  ///
  /// - Throws: ``TensorError`` with code `.sizeMismatch` if the number of values is not that of the shape.
  public init(_ values: [Int64], shape: Shape) throws {
    try self.init(dtype: .i64, shape: shape, bytes: values.littleEndianBytes { $0.littleEndian })
  }
}

extension Tensor: Hashable {
  public static func == (left: Tensor, right: Tensor) -> Bool {
    left.dtype == right.dtype && left.shape == right.shape
      && left.withUnsafeBytes { left in right.withUnsafeBytes { left.elementsEqual($0) } }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(dtype)
    hasher.combine(shape)
    withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}

extension Array {
  fileprivate func littleEndianBytes<Word: FixedWidthInteger>(_ word: (Element) -> Word) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count * MemoryLayout<Word>.size) { buffer, initialized in
      let words = UnsafeMutableRawBufferPointer(buffer)
      for index in indices {
        words.storeBytes(of: word(self[index]), toByteOffset: index * MemoryLayout<Word>.size, as: Word.self)
      }
      initialized = count * MemoryLayout<Word>.size
    }
  }
}
