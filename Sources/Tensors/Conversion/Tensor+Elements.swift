extension Tensor {
  /// The elements as float32, in row-major order; `F16` and `BF16` are widened, which is exact.
  ///
  /// - Throws: ``TensorError`` with code `.unsupportedCast` for every other dtype.
  public func floats() throws -> [Float] {
    guard dtype.widensToFloat32 else {
      throw TensorError(.unsupportedCast, "\(dtype.rawValue) does not widen to F32 without loss")
    }
    return elements(as: .f32)
  }

  /// The elements as float64, in row-major order; narrower floats are widened, which is exact.
  ///
  /// - Throws: ``TensorError`` with code `.unsupportedCast` for every dtype that is not `F64`, `F32`, `F16`, `BF16`.
  public func doubles() throws -> [Double] {
    guard dtype == .f64 || dtype.widensToFloat32 else {
      throw TensorError(.unsupportedCast, "\(dtype.rawValue) does not widen to F32 without loss")
    }
    return elements(as: .f64)
  }

  /// - Precondition: the value has the bytes of the dtype, and both types are floating-point.
  private func elements<Value>(as target: DType) -> [Value] {
    [Value](unsafeUninitializedCapacity: shape.elementCount) { buffer, initialized in
      withUnsafeBytes {
        FloatConversion(from: dtype, to: target)?(
          $0, into: UnsafeMutableRawBufferPointer(buffer), count: shape.elementCount)
      }
      initialized = shape.elementCount
    }
  }

  /// The elements as 64-bit integers, in row-major order.
  ///
  /// - Throws: ``TensorError`` with code `.unsupportedCast` for floating-point and complex types, and for a `U64`
  ///   above 2^63 - 1.
  public func integers() throws -> [Int64] {
    switch dtype {
    case .bool, .u8: return words(UInt8.self) { Int64($0) }
    case .i8: return words(Int8.self) { Int64($0) }
    case .i16: return words(Int16.self) { Int64($0) }
    case .u16: return words(UInt16.self) { Int64($0) }
    case .i32: return words(Int32.self) { Int64($0) }
    case .u32: return words(UInt32.self) { Int64($0) }
    case .i64: return words(Int64.self) { $0 }
    case .u64:
      let values = words(UInt64.self) { $0 }
      guard let large = values.first(where: { $0 > UInt64(Int64.max) }) else { return values.map { Int64($0) } }
      throw TensorError(.unsupportedCast, "\(large) does not fit in a signed 64-bit integer")
    default: throw TensorError(.unsupportedCast, "\(dtype.rawValue) is not an integer type")
    }
  }

  private func words<Word: FixedWidthInteger, Value>(_: Word.Type, _ convert: (Word) -> Value) -> [Value] {
    let width = MemoryLayout<Word>.size
    return withUnsafeBytes { raw in
      [Value](unsafeUninitializedCapacity: shape.elementCount) { buffer, initialized in
        for index in 0..<shape.elementCount {
          let word = raw.loadUnaligned(fromByteOffset: index * width, as: Word.self)
          buffer.initializeElement(at: index, to: convert(Word(littleEndian: word)))
        }
        initialized = shape.elementCount
      }
    }
  }
}
