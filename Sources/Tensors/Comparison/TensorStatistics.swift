/// What the elements of a tensor are like.
public struct TensorStatistics: Sendable {
  /// The smallest and largest finite element; nil if there is none.
  public var minimum: Double?
  public var maximum: Double?
  /// The mean of the finite elements; nil if there is none.
  public var mean: Double?
  /// The standard deviation of the finite elements (divided by their number, not by one less).
  public var standardDeviation: Double?
  public var nanCount = 0
  public var infiniteCount = 0
}

extension LazyTensor {
  /// Computes the statistics in one pass over the tensor, piece by piece; nil for complex, packed and 8-bit types
  /// whose values have no order here.
  ///
  /// Mean and deviation by Welford's recurrence, in binary64.
  public func statistics() throws -> TensorStatistics? {
    guard let load = ElementLoader(dtype) else { return nil }
    var result = TensorStatistics()
    var count = 0.0
    var mean = 0.0
    var squares = 0.0
    try forEachPiece { _, bytes in
      for offset in stride(from: 0, to: bytes.count, by: load.width) {
        let value = load(bytes, at: offset)
        guard value.isFinite else {
          if value.isNaN { result.nanCount += 1 } else { result.infiniteCount += 1 }
          continue
        }
        result.minimum = min(result.minimum ?? value, value)
        result.maximum = max(result.maximum ?? value, value)
        count += 1
        let change = value - mean
        mean += change / count
        squares += change * (value - mean)
      }
    }
    if count > 0 {
      result.mean = mean
      result.standardDeviation = (squares / count).squareRoot()
    }
    return result
  }
}

/// Reads an element of a real type as binary64; integers of 64 bits are rounded.
struct ElementLoader: Sendable {
  private let coding: ElementCoding?
  private let dtype: DType
  let width: Int

  init?(_ dtype: DType) {
    coding = ElementCoding(dtype)
    self.dtype = dtype
    width = dtype.bitWidth / 8
    let integers: Set<DType> = [.bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64]
    guard coding != nil || integers.contains(dtype) else { return nil }
  }

  func callAsFunction(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Double {
    if let coding { return coding.load(bytes, at: offset) }
    func integer<Value: FixedWidthInteger>(_: Value.Type) -> Double {
      Double(Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)))
    }
    return switch dtype {
    case .i8: integer(Int8.self)
    case .i16: integer(Int16.self)
    case .u16: integer(UInt16.self)
    case .i32: integer(Int32.self)
    case .u32: integer(UInt32.self)
    case .i64: integer(Int64.self)
    case .u64: integer(UInt64.self)
    default: integer(UInt8.self)
    }
  }
}
