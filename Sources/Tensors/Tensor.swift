/// A dtype, a shape, and the elements as immutable row-major little-endian bytes.
public struct Tensor: Sendable, Hashable {
  public let dtype: DType
  public let shape: Shape
  /// `dtype.byteCount(of: shape.elementCount)` bytes; row-major, little-endian, without padding.
  public let bytes: [UInt8]

  /// - Throws: ``TensorError`` with code `.sizeMismatch` if `bytes` has another size than dtype and shape need.
  public init(dtype: DType, shape: Shape, bytes: [UInt8]) throws {
    let expected = try dtype.byteCount(of: shape.elementCount)
    guard bytes.count == expected else {
      throw TensorError(.sizeMismatch, "\(dtype.rawValue) \(shape) needs \(expected) bytes, there are \(bytes.count)")
    }
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
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

extension Array {
  fileprivate func littleEndianBytes<Word: FixedWidthInteger>(_ word: (Element) -> Word) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count * MemoryLayout<Word>.size) { buffer, initialized in
      for (index, element) in enumerated() {
        UnsafeMutableRawBufferPointer(buffer).storeBytes(
          of: word(element), toByteOffset: index * MemoryLayout<Word>.size, as: Word.self)
      }
      initialized = count * MemoryLayout<Word>.size
    }
  }
}
