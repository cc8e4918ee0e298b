/// Reads and writes elements of a floating-point type as binary64, which holds all of them exactly.
struct ElementCoding: Sendable {
  let dtype: DType
  /// The values of all patterns of a type of at most 16 bits.
  private let table: [Double]

  /// Nil for types that are not floating-point.
  init?(_ dtype: DType) {
    guard dtype.isFloatingPoint else { return nil }
    self.dtype = dtype
    table =
      dtype.floatEncoding.map { encoding in (0..<(1 << dtype.bitWidth)).map { encoding.decode(UInt64($0)) } } ?? []
  }

  var width: Int { dtype.bitWidth / 8 }

  /// The element at a byte offset.
  @inline(__always)
  func load(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Double {
    switch width {
    case 1: table[Int(bytes[offset])]
    case 2: table[Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))]
    case 4:
      Double(Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))))
    default: Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
    }
  }

  /// Stores the nearest element at a byte offset.
  @inline(__always)
  func store(_ value: Double, _ bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
    switch dtype {
    case .f64: bytes.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: offset, as: UInt64.self)
    case .f32: bytes.storeBytes(of: Float(value).bitPattern.littleEndian, toByteOffset: offset, as: UInt32.self)
    default:
      let pattern = dtype.floatEncoding?.encode(value) ?? 0
      if width == 1 {
        bytes[offset] = UInt8(truncatingIfNeeded: pattern)
      } else {
        bytes.storeBytes(of: UInt16(truncatingIfNeeded: pattern).littleEndian, toByteOffset: offset, as: UInt16.self)
      }
    }
  }
}
